import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadPolicies } from "../../local/iam.ts";
import { arnOf, loadTemplate, tableDefinition } from "../../local/template.ts";
import { resources, writeTemplate } from "./assembly.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "commensal-template-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const load = (template: Record<string, unknown>, parameters?: Record<string, string>) => {
  writeTemplate(folder, template);
  return loadTemplate(folder, "shop-test", parameters);
};
const probe = (value: unknown, more: Record<string, unknown> = {}, parameters?: Record<string, string>) =>
  load({ ...more, Resources: { ...resources(), Probe: { Type: "Any", Properties: { value } } } }, parameters).byId(
    "Probe",
  ).properties.value;

test("intrinsics resolve to what the stack would see in ap-northeast-1", () => {
  const more = {
    Parameters: { Stage: { Type: "String", Default: "dev" }, List: { Type: "CommaDelimitedList", Default: "a,b" } },
    Conditions: {
      IsDev: { "Fn::Equals": [{ Ref: "Stage" }, "dev"] },
      IsProd: { "Fn::Not": [{ Condition: "IsDev" }] },
    },
    Mappings: { Sizes: { "ap-northeast-1": { size: 7 } } },
  };
  const see = (value: unknown) => probe(value, more);
  expect(see({ Ref: "AWS::Region" })).toBe("ap-northeast-1");
  expect(see({ Ref: "Table" })).toBe("Table");
  expect(see({ Ref: "List" })).toEqual(["a", "b"]);
  expect(see({ "Fn::GetAtt": ["Table", "StreamArn"] })).toMatch(
    /^arn:aws:dynamodb:ap-northeast-1:000000000000:table\/Table\/stream\//,
  );
  expect(see({ "Fn::GetAtt": "Calculator.Arn" })).toBe(
    "arn:aws:geo:ap-northeast-1:000000000000:route-calculator/roads",
  );
  expect(see({ Ref: "Machine" })).toBe("arn:aws:states:ap-northeast-1:000000000000:stateMachine:Machine");
  expect(see({ "Fn::Sub": [`\${Stage}-\${x}-\${!kept}-\${Writer.Arn}`, { x: { Ref: "Places" } }] })).toBe(
    `dev-places-\${kept}-arn:aws:lambda:ap-northeast-1:000000000000:function:Writer`,
  );
  expect(see({ "Fn::Select": [1, { "Fn::Split": ["/", "a/b/c"] }] })).toBe("b");
  expect(see({ "Fn::If": ["IsProd", 1, { "Fn::FindInMap": ["Sizes", { Ref: "AWS::Region" }, "size"] }] })).toBe(7);
  expect(see({ kept: 1, gone: { Ref: "AWS::NoValue" }, list: [{ Ref: "AWS::NoValue" }, 2] })).toEqual({
    kept: 1,
    list: [2],
  });
  expect(probe({ Ref: "Stage" }, more, { Stage: "beta" })).toBe("beta");
});

test("a resource whose condition is false is not there", () => {
  const template = load({
    Conditions: { Never: { "Fn::Equals": ["a", "b"] } },
    Resources: { Gone: { Type: "AWS::SQS::Queue", Condition: "Never" }, Kept: { Type: "AWS::SQS::Queue" } },
  });
  expect(template.byType("AWS::SQS::Queue").map((each) => each.id)).toEqual(["Kept"]);
  expect(() => template.byId("Gone")).toThrow('no resource "Gone"');
});

test("what is not known is told with its place", () => {
  expect(() => probe({ "Fn::GetAtt": ["Table", "Colour"] })).toThrow(
    'Resources/Probe/value: Fn::GetAtt of "Table.Colour" (AWS::DynamoDB::GlobalTable)',
  );
  expect(() => probe({ deep: [{ "Fn::Cidr": [] }] })).toThrow("Resources/Probe/value/deep/0: intrinsic Fn::Cidr");
  expect(() => probe({ Ref: "Nobody" })).toThrow('Ref names "Nobody"');
  expect(() => loadTemplate(folder, "other")).toThrow("it has shop-test");
  expect(() => loadTemplate(join(folder, "nowhere"), "shop-test")).toThrow("npm run synth");
});

test("a function is found by its ARN, its alias, an integration's URI and its name", () => {
  const template = load({
    Resources: {
      ...resources(),
      Live: { Type: "AWS::Lambda::Alias", Properties: { FunctionName: { Ref: "Writer" }, Name: "live" } },
      Route: { Type: "Any", Properties: { uri: { Ref: "Live" } } },
    },
  });
  const alias = String(template.byId("Route").properties.uri);
  expect(alias).toBe("arn:aws:lambda:ap-northeast-1:000000000000:function:Writer:live");
  const uri = `arn:aws:apigateway:ap-northeast-1:lambda:path/2015-03-31/functions/${alias}/invocations`;
  for (const text of [alias, uri, arnOf(template.byId("Writer")), "Writer"])
    expect(template.idOfArn(text)).toBe("Writer");
  expect(template.idOfArn(`${arnOf(template.byId("Table"))}/stream/local`)).toBe("Table");
  expect(template.idOfArn("arn:aws:lambda:ap-northeast-1:000000000000:function:Nobody")).toBeUndefined();
});

test("a global table becomes the call that creates it", () => {
  const { create, ttlAttribute } = tableDefinition(load({ Resources: resources() }).byId("Table"));
  expect(ttlAttribute).toBe("ttl");
  expect(create).toMatchObject({
    TableName: "Table",
    BillingMode: "PAY_PER_REQUEST",
    GlobalSecondaryIndexes: [{ IndexName: "gsi1", Projection: { ProjectionType: "KEYS_ONLY" } }],
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
  });
});

test.each([
  [
    "a condition",
    { Condition: { StringEquals: { "aws:SourceIp": "1.2.3.4" } } },
    /WriterPolicy, statement 1: condition StringEquals on aws:SourceIp/,
  ],
  ["an operator", { Condition: { NumericLessThan: { "dynamodb:LeadingKeys": "1" } } }, /NumericLessThan/],
  ["NotAction", { NotAction: "iam:*" }, /statement 1: NotAction/],
])("policies with %s that can't be evaluated do not load", (_, part, message) => {
  const changed = resources();
  changed.WriterPolicy!.Properties!.PolicyDocument = {
    Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*", ...part }],
  };
  expect(() => loadPolicies(load({ Resources: changed }))).toThrow(message);
});

test("a managed policy of unknown content does not load", () => {
  const changed = resources();
  changed.WriterRole!.Properties = { ManagedPolicyArns: ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"] };
  expect(() => loadPolicies(load({ Resources: changed }))).toThrow("WriterRole: managed policy");
});
