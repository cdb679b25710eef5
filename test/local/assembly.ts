import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { createClock, type MovableClock } from "../../local/clock.ts";
import { type Engine, startEngine } from "../../local/engine.ts";
import { createFunctionPool, type FunctionPoolOptions } from "../../local/functions.ts";
import { type Gateway, startGateway } from "../../local/gateway.ts";
import { hashKeys, loadPolicies, type Policies } from "../../local/iam.ts";
import { createKms } from "../../local/kms.ts";
import { createMeter, type Meter } from "../../local/meter.ts";
import type { FunctionPool } from "../../local/parts.ts";
import { createSsm, openSecrets } from "../../local/ssm.ts";
import { loadTemplate, type ResolvedTemplate, tableDefinition } from "../../local/template.ts";

/** A function that does what its event says, bundled as a real one is. */
const PROBE = `
  import { DynamoDBClient, PutItemCommand, GetItemCommand, QueryCommand, UpdateItemCommand, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
  import { SSMClient, GetParametersByPathCommand } from "@aws-sdk/client-ssm";
  import { KMSClient, GenerateDataKeyCommand, DecryptCommand } from "@aws-sdk/client-kms";
  import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
  import { LocationClient, CalculateRouteMatrixCommand, SearchPlaceIndexForTextCommand } from "@aws-sdk/client-location";
  const dynamodb = new DynamoDBClient({});
  const location = new LocationClient({ disableHostPrefix: true });
  const send = {
    put: (input) => dynamodb.send(new PutItemCommand(input)),
    get: (input) => dynamodb.send(new GetItemCommand(input)),
    query: (input) => dynamodb.send(new QueryCommand(input)),
    update: (input) => dynamodb.send(new UpdateItemCommand(input)),
    transact: (input) => dynamodb.send(new TransactWriteItemsCommand(input)),
    parameters: (input) => new SSMClient({}).send(new GetParametersByPathCommand(input)),
    dataKey: (input) => new KMSClient({}).send(new GenerateDataKeyCommand(input)),
    decrypt: ({ blob, ...input }) => new KMSClient({}).send(new DecryptCommand({ ...input, CiphertextBlob: Buffer.from(blob, "base64") })),
    start: (input) => new SFNClient({}).send(new StartExecutionCommand(input)),
    matrix: (input) => location.send(new CalculateRouteMatrixCommand(input)),
    search: (input) => location.send(new SearchPlaceIndexForTextCommand(input)),
  };
  const base64 = (key, value) => (value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value);
  let served = 0;
  export const handler = async (event, context) => {
    served++;
    if (event.throw) throw Object.assign(new Error(event.throw.message), { name: event.throw.name });
    if (event.exit !== undefined) process.exit(event.exit);
    if (event.sleep) await new Promise((done) => setTimeout(done, event.sleep));
    if (event.say) console.log(event.say);
    if (event.tell === "environment") return { ...process.env };
    if (event.tell === "time") return { now: Date.now(), made: new Date().toISOString(), called: Date(), fixed: new Date(0).toISOString(), same: new Date().constructor === Date && new Date() instanceof Date, hours: new Date(0).getHours() };
    if (event.tell === "context") return { name: context.functionName, id: context.awsRequestId, left: context.getRemainingTimeInMillis() };
    if (event.tell === "served") return served;
    if (!event.call) return event;
    try {
      const { $metadata, ...answer } = await send[event.call](event.input);
      return JSON.parse(JSON.stringify({ attempts: $metadata.attempts, ...answer }, (key, value) => value?.type === "Buffer" ? Buffer.from(value.data).toString("base64") : base64(key, value)));
    } catch (error) {
      return { error: error.name, message: error.message, reasons: error.CancellationReasons?.map((each) => each.Code) };
    }
  };
`;

const ACCOUNT_ARN = (service: string, rest: string) => ({
  "Fn::Sub": `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${rest}`,
});
const attribute = (id: string, name = "Arn") => ({ "Fn::GetAtt": [id, name] });

const role = (id: string, statements: unknown[]) => ({
  [`${id}Role`]: {
    Type: "AWS::IAM::Role",
    Properties: {
      ManagedPolicyArns: [
        {
          "Fn::Join": [
            "",
            ["arn:", { Ref: "AWS::Partition" }, ":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
          ],
        },
      ],
    },
  },
  [`${id}Policy`]: {
    Type: "AWS::IAM::Policy",
    Properties: { PolicyName: `${id}Policy`, Roles: [{ Ref: `${id}Role` }], PolicyDocument: { Statement: statements } },
  },
});
const lambda = (id: string, variables: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  [id]: {
    Type: "AWS::Lambda::Function",
    Properties: {
      Code: { S3Bucket: { "Fn::Sub": `assets-\${AWS::AccountId}` }, S3Key: "probe.zip" },
      Handler: "index.handler",
      Role: attribute(`${id}Role`),
      Environment: { Variables: variables },
      Timeout: 20,
      ...more,
    },
  },
});

/** The stack of the tests: a table, a key, a machine, a calculator, an index, and three functions of unequal rights. */
export const resources = (): Record<
  string,
  { Type: string; Properties?: Record<string, unknown>; Condition?: string }
> => ({
  Table: {
    Type: "AWS::DynamoDB::GlobalTable",
    Properties: {
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      AttributeDefinitions: ["pk", "sk", "gsi1pk", "gsi1sk"].map((AttributeName) => ({
        AttributeName,
        AttributeType: "S",
      })),
      GlobalSecondaryIndexes: [
        {
          IndexName: "gsi1",
          KeySchema: [
            { AttributeName: "gsi1pk", KeyType: "HASH" },
            { AttributeName: "gsi1sk", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
      ],
      BillingMode: "PAY_PER_REQUEST",
      Replicas: [{ Region: { Ref: "AWS::Region" } }],
      StreamSpecification: { StreamViewType: "NEW_IMAGE" },
      TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
    },
  },
  DataKey: { Type: "AWS::KMS::Key", Properties: {} },
  Machine: { Type: "AWS::StepFunctions::StateMachine", Properties: {} },
  Calculator: { Type: "AWS::Location::RouteCalculator", Properties: { CalculatorName: "roads", DataSource: "Esri" } },
  Places: { Type: "AWS::Location::PlaceIndex", Properties: { IndexName: "places", DataSource: "Esri" } },
  ...role("Writer", [
    {
      Effect: "Allow",
      Action: [
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:GetItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:Query",
      ],
      Resource: [attribute("Table"), { "Fn::Join": ["", [attribute("Table"), "/index/gsi1"]] }],
    },
    {
      Effect: "Deny",
      Action: "dynamodb:*",
      Resource: "*",
      Condition: { "ForAnyValue:StringLike": { "dynamodb:LeadingKeys": ["VAULT#*"] } },
    },
    { Effect: "Allow", Action: "ssm:GetParametersByPath", Resource: ACCOUNT_ARN("ssm", "parameter/commensal/test") },
    { Effect: "Allow", Action: ["kms:GenerateDataKey*", "kms:Decrypt"], Resource: attribute("DataKey") },
    { Effect: "Allow", Action: "states:StartExecution", Resource: { Ref: "Machine" } },
    { Effect: "Allow", Action: "geo:CalculateRouteMatrix", Resource: attribute("Calculator") },
    { Effect: "Allow", Action: "geo:SearchPlaceIndexForText", Resource: attribute("Places") },
  ]),
  ...lambda("Writer", { TABLE_NAME: { Ref: "Table" }, WECHAT_API_URL: "https://api.weixin.qq.com" }),
  ...role("Reader", [
    {
      Effect: "Allow",
      Action: "dynamodb:GetItem",
      Resource: attribute("Table"),
      Condition: { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["TEAM#*"] } },
    },
  ]),
  ...lambda("Reader", { STAGE: "test" }, { Timeout: 1 }),
  ...role("Many", [{ Effect: "Allow", Action: "dynamodb:*", Resource: attribute("Table") }]),
  ...lambda("Many", { TABLE_NAME: { Ref: "Table" } }),
});

/** Writes a cloud assembly with these resources and the probe's bundle. */
export async function writeAssembly(folder: string, template: Record<string, unknown> = { Resources: resources() }) {
  const asset = join(folder, "asset.probe");
  mkdirSync(asset, { recursive: true });
  await build({
    stdin: { contents: PROBE, resolveDir: import.meta.dirname },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    mainFields: ["module", "main"],
    outfile: join(asset, "index.mjs"),
    logLevel: "error",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  writeTemplate(folder, template);
}

export function writeTemplate(folder: string, template: Record<string, unknown>) {
  mkdirSync(folder, { recursive: true });
  const write = (file: string, content: unknown) => writeFileSync(join(folder, file), JSON.stringify(content));
  write("manifest.json", {
    artifacts: {
      "shop.assets": { type: "cdk:asset-manifest", properties: { file: "shop.assets.json" } },
      shop: {
        type: "aws:cloudformation:stack",
        properties: { templateFile: "shop.template.json", stackName: "shop-test" },
      },
    },
  });
  write("shop.assets.json", {
    files: { probe: { source: { path: "asset.probe" }, destinations: { here: { objectKey: "probe.zip" } } } },
  });
  write("shop.template.json", template);
}

export interface TestPlatform {
  template: ResolvedTemplate;
  clock: MovableClock;
  engine: Engine;
  meter: Meter;
  policies: Policies;
  gateway: Gateway;
  pool: FunctionPool;
  lines: string[];
  secrets: Record<string, string>;
  stop(): Promise<void>;
}

/** The lower half of the embedded default, put together over an assembly. */
export async function startPlatform(
  folder: string,
  options: Pick<FunctionPoolOptions, "concurrency" | "overrides"> = {},
): Promise<TestPlatform> {
  const dataDir = join(folder, "data");
  const template = loadTemplate(folder, "shop-test");
  const clock = createClock({ dataDir });
  const engine = await startEngine({ dataDir });
  await engine.createTable(tableDefinition(template.byId("Table")));
  const meter = createMeter();
  const policies = loadPolicies(template);
  const kms = createKms({ template, dataDir });
  const names = { hashKey: hashKeys(template), arnOfKey: kms.arnOfKey, arnOfCiphertext: kms.arnOfCiphertext };
  const gateway = await startGateway({ endpoint: engine.endpoint, policies, names, meter });
  const secrets = openSecrets({
    dataDir,
    prefix: "/commensal/test",
    wechat: { appid: "wx1" },
    invoice: {},
    carriers: {},
  });
  gateway.register("kms", kms.service);
  gateway.register("ssm", createSsm({ parameters: secrets }));
  const lines: string[] = [];
  const log = (id: string, line: string) => void lines.push(`${id} ${line}`);
  const pool = createFunctionPool({ template, gateway, clock, log, ...options });
  const stop = async () => {
    await pool.stop();
    await gateway.stop();
    await engine.stop();
    clock.stop();
  };
  return { template, clock, engine, meter, policies, gateway, pool, lines, secrets, stop };
}
