import { readFileSync } from "node:fs";
import { join, resolve as resolvePath } from "node:path";
import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import type { Template, TemplateResource } from "./parts.ts";

export const REGION = "ap-northeast-1";
export const ACCOUNT = "000000000000";
const PARTITION = "aws";

type Properties = Record<string, unknown>;
interface RawResource {
  Type: string;
  Properties?: Properties;
  Condition?: string;
}
interface RawTemplate {
  Resources?: Record<string, RawResource>;
  Parameters?: Record<string, { Type: string; Default?: unknown }>;
  Conditions?: Record<string, unknown>;
  Mappings?: Record<string, Record<string, Record<string, unknown>>>;
  Outputs?: Record<string, { Value: unknown; Condition?: string }>;
}

/** How a type of resource is named: the property that may carry its name, its ARN, what `Ref` gives, further attributes. */
interface Nature {
  name?: string;
  arn?: (name: string) => string;
  /** What Ref gives, from the name; the name itself where absent. */
  ref?: (name: string) => string;
  attributes?: Record<string, (name: string) => string>;
}

const arn = (service: string, rest: string) => `arn:${PARTITION}:${service}:${REGION}:${ACCOUNT}:${rest}`;
const functionArn = (name: string) => arn("lambda", `function:${name}`);
const machineArn = (name: string) => arn("states", `stateMachine:${name}`);
const topicArn = (name: string) => arn("sns", name);
const secretArn = (name: string) => arn("secretsmanager", `secret:${name}-000000`);
const managedPolicyArn = (name: string) => `arn:${PARTITION}:iam::${ACCOUNT}:policy/${name}`;
const poolId = (name: string) => `${REGION}_${name}`;
const poolIssuer = (name: string) => `cognito-idp.${REGION}.amazonaws.com/${poolId(name)}`;
const queueUrl = (name: string) => `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}`;
const location = (kind: string, name: string): Nature => {
  const own = (value: string) => arn("geo", `${kind}/${value}`);
  return { name, arn: own, attributes: { IndexArn: own, CalculatorArn: own, CollectionArn: own, TrackerArn: own } };
};
const table: Nature = {
  name: "TableName",
  arn: (name) => arn("dynamodb", `table/${name}`),
  attributes: { StreamArn: (name) => arn("dynamodb", `table/${name}/stream/local`), TableId: (name) => name },
};

const natures: Record<string, Nature> = {
  "AWS::ApiGatewayV2::Api": {
    arn: (name) => `arn:${PARTITION}:apigateway:${REGION}::/apis/${name}`,
    attributes: {
      ApiId: (name) => name,
      ApiEndpoint: (name) => `https://${name}.execute-api.${REGION}.amazonaws.com`,
    },
  },
  "AWS::ApiGatewayV2::Authorizer": { attributes: { AuthorizerId: (name) => name } },
  "AWS::ApiGatewayV2::Integration": {},
  "AWS::ApiGatewayV2::Route": {},
  "AWS::ApiGatewayV2::Stage": { name: "StageName" },
  "AWS::CloudWatch::Alarm": { name: "AlarmName", arn: (name) => arn("cloudwatch", `alarm:${name}`) },
  "AWS::Cognito::UserPool": {
    arn: (name) => arn("cognito-idp", `userpool/${poolId(name)}`),
    ref: poolId,
    attributes: {
      UserPoolId: poolId,
      ProviderName: poolIssuer,
      ProviderURL: (name) => `https://${poolIssuer(name)}`,
    },
  },
  "AWS::Cognito::UserPoolClient": { attributes: { ClientId: (name) => name } },
  "AWS::Cognito::UserPoolDomain": { name: "Domain" },
  "AWS::Cognito::UserPoolGroup": { name: "GroupName" },
  "AWS::Cognito::UserPoolResourceServer": { name: "Identifier" },
  "AWS::DynamoDB::GlobalTable": table,
  "AWS::DynamoDB::Table": table,
  "AWS::Events::Rule": { name: "Name", arn: (name) => arn("events", `rule/${name}`) },
  "AWS::IAM::ManagedPolicy": { name: "ManagedPolicyName", arn: managedPolicyArn, ref: managedPolicyArn },
  "AWS::IAM::Policy": { name: "PolicyName" },
  "AWS::IAM::Role": {
    name: "RoleName",
    arn: (name) => `arn:${PARTITION}:iam::${ACCOUNT}:role/${name}`,
    attributes: { RoleId: (name) => name },
  },
  "AWS::KMS::Alias": { name: "AliasName" },
  "AWS::KMS::Key": { arn: (name) => arn("kms", `key/${name}`), attributes: { KeyId: (name) => name } },
  "AWS::Lambda::EventSourceMapping": { attributes: { Id: (name) => name } },
  "AWS::Lambda::Function": { name: "FunctionName", arn: functionArn },
  "AWS::Location::GeofenceCollection": location("geofence-collection", "CollectionName"),
  "AWS::Location::PlaceIndex": location("place-index", "IndexName"),
  "AWS::Location::RouteCalculator": location("route-calculator", "CalculatorName"),
  "AWS::Location::Tracker": location("tracker", "TrackerName"),
  "AWS::Logs::LogGroup": { name: "LogGroupName", arn: (name) => arn("logs", `log-group:${name}:*`) },
  "AWS::S3::Bucket": {
    name: "BucketName",
    arn: (name) => `arn:${PARTITION}:s3:::${name}`,
    attributes: {
      DomainName: (name) => `${name}.s3.amazonaws.com`,
      RegionalDomainName: (name) => `${name}.s3.${REGION}.amazonaws.com`,
    },
  },
  "AWS::SNS::Topic": { name: "TopicName", arn: topicArn, ref: topicArn, attributes: { TopicArn: topicArn } },
  "AWS::SQS::Queue": {
    name: "QueueName",
    arn: (name) => arn("sqs", name),
    ref: queueUrl,
    attributes: { QueueUrl: queueUrl },
  },
  "AWS::SSM::Parameter": { name: "Name" },
  "AWS::Scheduler::Schedule": { name: "Name", arn: (name) => arn("scheduler", `schedule/default/${name}`) },
  "AWS::Scheduler::ScheduleGroup": { name: "Name", arn: (name) => arn("scheduler", `schedule-group/${name}`) },
  "AWS::SecretsManager::Secret": { name: "Name", ref: secretArn, attributes: { Id: secretArn } },
  "AWS::StepFunctions::StateMachine": { name: "StateMachineName", arn: machineArn, ref: machineArn },
};

export interface ResolvedTemplate extends Template {
  /** The stack's outputs, resolved when read. */
  output(name: string): string;
}

/**
 * Reads the stack `stackName` out of the cloud assembly in `folder` and resolves its intrinsic functions for
 * ap-northeast-1 and account 000000000000. `parameters` fills CfnParameters. A resource is resolved when it is first asked
 * for, so that what nothing here runs (alarms, dashboards) may use what nothing here knows.
 * Throws, naming resource and attribute, for an intrinsic or an attribute it does not know.
 */
export function loadTemplate(
  folder: string,
  stackName: string,
  parameters: Record<string, string> = {},
): ResolvedTemplate {
  const found = findStack(folder, stackName);
  const raw = readJson<RawTemplate>(join(found.folder, found.templateFile));
  const resolver = createResolver(raw, stackName, parameters);

  const declared = new Map<string, RawResource>();
  for (const [id, resource] of Object.entries(raw.Resources ?? {})) {
    if (resource.Condition === undefined || resolver.condition(resource.Condition)) declared.set(id, resource);
  }

  const resolved = new Map<string, TemplateResource>();
  const byId = (id: string): TemplateResource => {
    const known = resolved.get(id);
    if (known) return known;
    const resource = declared.get(id);
    if (!resource) throw new Error(`Stack ${stackName} has no resource "${id}".`);
    const properties = resolver.value(resource.Properties ?? {}, `Resources/${id}`) as Properties;
    const made = { id, type: resource.Type, properties };
    resolved.set(id, made);
    return made;
  };
  const byType = (type: string) => [...declared].filter(([, each]) => each.Type === type).map(([id]) => byId(id));

  let ids: Map<string, string> | undefined;
  const idsByArn = () => {
    if (ids) return ids;
    ids = new Map();
    for (const [id, resource] of declared) {
      const nature = natures[resource.Type];
      if (nature?.arn) ids.set(nature.arn(resolver.nameOf(id)), id);
    }
    return ids;
  };

  return {
    folder: found.folder,
    byType,
    byId,
    idOfArn(text) {
      // A function goes by its ARN or its bare name, each with a version or alias or without, or by an integration's URI.
      const name = /(?:^|:)function:([^:/]+)/.exec(text)?.[1] ?? /^([\w-]+)(?::[\w$-]+)?$/.exec(text)?.[1];
      if (name !== undefined) return idsByArn().get(functionArn(name));
      return idsByArn().get(text) ?? idsByArn().get(text.replace(/\/(stream|index)\/.*$/, ""));
    },
    assetFolder(s3Key) {
      const path = found.assets.get(s3Key);
      if (path) return path;
      throw new Error(`The assembly in ${folder} has no asset "${s3Key}": synthesize the app again.`);
    },
    output(name) {
      const output = raw.Outputs?.[name];
      if (!output) throw new Error(`Stack ${stackName} has no output "${name}".`);
      return String(resolver.value(output.Value, `Outputs/${name}`));
    },
  };
}

/** The ARN of a resource of the template. */
export function arnOf(resource: TemplateResource): string {
  const nature = natures[resource.type];
  if (!nature?.arn)
    throw new Error(`${resource.id}: the ARN of a ${resource.type} is not known here (local/template.ts).`);
  return nature.arn(nameIn(resource.id, nature, resource.properties));
}

/** What `Ref` gives for a resource of the template: a table's name, a machine's ARN, a user pool's id … */
export function refOf(resource: TemplateResource): string {
  const nature = natures[resource.type];
  if (!nature)
    throw new Error(`${resource.id}: a reference to a ${resource.type} is not known here (local/template.ts).`);
  const name = nameIn(resource.id, nature, resource.properties);
  return nature.ref?.(name) ?? name;
}

export interface TableDefinition {
  create: CreateTableCommandInput & { TableName: string };
  ttlAttribute: string | undefined;
}

/** Turns an `AWS::DynamoDB::GlobalTable` or `AWS::DynamoDB::Table` into the call that creates it. */
export function tableDefinition(resource: TemplateResource): TableDefinition {
  const { properties } = resource;
  const stream = properties.StreamSpecification as { StreamViewType: "NEW_IMAGE" } | undefined;
  const ttl = properties.TimeToLiveSpecification as { AttributeName: string; Enabled: boolean } | undefined;
  const indexes = (kind: string) => {
    const list = properties[kind] as Record<string, unknown>[] | undefined;
    // A global table's index carries capacity settings that CreateTable does not take.
    return list?.map(({ IndexName, KeySchema, Projection }) => ({ IndexName, KeySchema, Projection }));
  };
  const create = {
    TableName: refOf(resource),
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: properties.KeySchema,
    AttributeDefinitions: properties.AttributeDefinitions,
    GlobalSecondaryIndexes: indexes("GlobalSecondaryIndexes"),
    LocalSecondaryIndexes: indexes("LocalSecondaryIndexes"),
    StreamSpecification: stream && { StreamEnabled: true, StreamViewType: stream.StreamViewType },
  } as TableDefinition["create"];
  return { create, ttlAttribute: ttl?.Enabled ? ttl.AttributeName : undefined };
}

function nameIn(id: string, nature: Nature, properties: Properties): string {
  return (nature.name && (properties[nature.name] as string | undefined)) || id;
}

function createResolver(raw: RawTemplate, stackName: string, parameters: Record<string, string>) {
  const resources = raw.Resources ?? {};
  const pseudo: Record<string, unknown> = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": PARTITION,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": stackName,
    "AWS::StackId": arn("cloudformation", `stack/${stackName}/local`),
    "AWS::NotificationARNs": [],
    "AWS::NoValue": undefined,
  };

  const nameOf = (id: string): string => {
    const resource = resources[id]!;
    const property = natures[resource.Type]?.name;
    const given = property === undefined ? undefined : resource.Properties?.[property];
    return given === undefined ? id : String(value(given, `Resources/${id}/${property}`));
  };

  const ref = (id: string, place: string): unknown => {
    if (id in pseudo) return pseudo[id];
    const parameter = raw.Parameters?.[id];
    if (parameter) {
      const given = parameters[id] ?? parameter.Default;
      if (given === undefined) throw new Error(`${place}: parameter "${id}" has no default; give it a value.`);
      return /^(CommaDelimitedList|List<)/.test(parameter.Type) ? String(given).split(",") : given;
    }
    const resource = resources[id];
    if (!resource) throw new Error(`${place}: Ref names "${id}", which the template does not have.`);
    const versioned = versionOrAlias(id, resource);
    if (versioned) return versioned;
    const nature = natures[resource.Type];
    if (!nature) throw new Error(`${place}: Ref of "${id}" (${resource.Type}) is not known here (local/template.ts).`);
    const name = nameOf(id);
    return nature.ref?.(name) ?? name;
  };

  const versionOrAlias = (id: string, { Type, Properties: properties = {} }: RawResource): string | undefined => {
    if (Type !== "AWS::Lambda::Version" && Type !== "AWS::Lambda::Alias") return undefined;
    const target = String(value(properties.FunctionName, `Resources/${id}/FunctionName`));
    const base = target.startsWith("arn:") ? target : functionArn(target);
    return `${base}:${Type === "AWS::Lambda::Alias" ? String(value(properties.Name, `Resources/${id}/Name`)) : "1"}`;
  };

  const attribute = (id: string, name: string, place: string): unknown => {
    const resource = resources[id];
    if (!resource) throw new Error(`${place}: Fn::GetAtt names "${id}", which the template does not have.`);
    const versioned = versionOrAlias(id, resource);
    if (versioned && name === "Version") return "1";
    if (versioned && /Arn$/.test(name)) return versioned;
    const nature = natures[resource.Type];
    if (name === "Arn" && nature?.arn) return nature.arn(nameOf(id));
    const known = nature?.attributes?.[name];
    if (known) return known(nameOf(id));
    if (name === nature?.name || (nature && name === "Name")) return nameOf(id);
    // An attribute that only repeats a property (a parameter's Value) needs no entry in the table.
    const given = resource.Properties?.[name];
    if (given !== undefined) return value(given, place);
    throw new Error(
      `${place}: Fn::GetAtt of "${id}.${name}" (${resource.Type}) is not known here (local/template.ts).`,
    );
  };

  const substitute = (argument: unknown, place: string): string => {
    const [text, given] = (Array.isArray(argument) ? argument : [argument, {}]) as [string, Record<string, unknown>];
    return text.replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      const key = name.trim();
      if (key in given) return String(value(given[key], place));
      const dot = key.indexOf(".");
      return String(dot > 0 ? attribute(key.slice(0, dot), key.slice(dot + 1), place) : ref(key, place));
    });
  };

  const list = (argument: unknown, place: string, name: string): unknown[] => {
    const items = value(argument, place);
    if (Array.isArray(items)) return items;
    throw new Error(`${place}: ${name} wants a list, got ${JSON.stringify(items)}.`);
  };

  const truth = (expression: unknown, place: string): boolean => {
    const [name, argument] = Object.entries(expression as Properties)[0] ?? ["", undefined];
    const each = () => argument as unknown[];
    if (name === "Fn::Equals") return value(each()[0], place) === value(each()[1], place);
    if (name === "Fn::And") return each().every((one) => truth(one, place));
    if (name === "Fn::Or") return each().some((one) => truth(one, place));
    if (name === "Fn::Not") return !truth(each()[0], place);
    if (name === "Condition") return condition(String(argument));
    throw new Error(`${place}: ${name} is no condition known here (local/template.ts).`);
  };
  const condition = (name: string): boolean => {
    const expression = raw.Conditions?.[name];
    if (expression === undefined) throw new Error(`Condition "${name}" is not in the template.`);
    return truth(expression, `Conditions/${name}`);
  };

  const intrinsics: Record<string, (argument: unknown, place: string) => unknown> = {
    Ref: (argument, place) => ref(String(argument), place),
    "Fn::GetAtt": (argument, place) => {
      const [id, name] = typeof argument === "string" ? argument.split(/\.(.*)/s) : (argument as string[]);
      return attribute(id!, String(value(name, place)), place);
    },
    "Fn::Join": (argument, place) => {
      const [separator, parts] = argument as [string, unknown];
      return list(parts, place, "Fn::Join").join(separator);
    },
    "Fn::Sub": substitute,
    "Fn::Select": (argument, place) => {
      const [index, parts] = argument as [unknown, unknown];
      const at = Number(value(index, place));
      const items = list(parts, place, "Fn::Select");
      if (at in items) return items[at];
      throw new Error(`${place}: Fn::Select asks for item ${at} of ${items.length}.`);
    },
    "Fn::Split": (argument, place) => {
      const [separator, text] = argument as [string, unknown];
      return String(value(text, place)).split(separator);
    },
    "Fn::If": (argument, place) => {
      const [name, whenTrue, whenFalse] = argument as [string, unknown, unknown];
      return value(condition(name) ? whenTrue : whenFalse, place);
    },
    "Fn::FindInMap": (argument, place) => {
      const [map, first, second] = list(argument, place, "Fn::FindInMap") as [string, string, string];
      const entry = raw.Mappings?.[map]?.[first]?.[second];
      if (entry === undefined) throw new Error(`${place}: Fn::FindInMap finds no ${map}/${first}/${second}.`);
      return entry;
    },
    "Fn::Base64": (argument, place) => Buffer.from(String(value(argument, place))).toString("base64"),
  };

  const value = (input: unknown, place: string): unknown => {
    if (Array.isArray(input)) {
      return input.map((each, index) => value(each, `${place}/${index}`)).filter((each) => each !== undefined);
    }
    if (typeof input !== "object" || input === null) return input;
    const entries = Object.entries(input);
    const [first] = entries;
    if (entries.length === 1 && first && (first[0] === "Ref" || first[0].startsWith("Fn::"))) {
      const intrinsic = intrinsics[first[0]];
      if (!intrinsic) throw new Error(`${place}: intrinsic ${first[0]} is not known here (local/template.ts).`);
      return intrinsic(first[1], place);
    }
    const resolved = entries.map(([key, each]) => [key, value(each, `${place}/${key}`)] as const);
    return Object.fromEntries(resolved.filter(([, each]) => each !== undefined));
  };

  return { value, condition, nameOf };
}

interface Manifest {
  artifacts?: Record<
    string,
    {
      type: string;
      displayName?: string;
      properties?: { templateFile?: string; stackName?: string; file?: string; directoryName?: string };
    }
  >;
}
interface FoundStack {
  folder: string;
  templateFile: string;
  /** Folder of each asset by its object key. */
  assets: Map<string, string>;
}

function findStack(folder: string, stackName: string): FoundStack {
  const seen: string[] = [];
  const search = (inside: string): FoundStack | undefined => {
    const { artifacts = {} } = readJson<Manifest>(join(inside, "manifest.json"));
    for (const [id, { type, displayName, properties = {} }] of Object.entries(artifacts)) {
      if (type === "cdk:cloud-assembly" && properties.directoryName) {
        const nested = search(join(inside, properties.directoryName));
        if (nested) return nested;
      }
      if (type !== "aws:cloudformation:stack" || !properties.templateFile) continue;
      const name = properties.stackName ?? id;
      seen.push(name);
      if (stackName !== name && stackName !== id && stackName !== displayName) continue;
      const manifests = Object.entries(artifacts).filter(([key, each]) => {
        return each.type === "cdk:asset-manifest" && (key === `${id}.assets` || key === `${name}.assets`);
      });
      const assets = new Map<string, string>();
      for (const [, each] of manifests) readAssets(inside, each.properties?.file ?? `${id}.assets.json`, assets);
      return { folder: inside, templateFile: properties.templateFile, assets };
    }
    return undefined;
  };
  const found = search(folder);
  if (found) return found;
  throw new Error(`The assembly in ${folder} has no stack "${stackName}"; it has ${seen.join(", ") || "none"}.`);
}

function readAssets(folder: string, file: string, into: Map<string, string>) {
  interface Assets {
    files?: Record<string, { source: { path?: string }; destinations: Record<string, { objectKey: string }> }>;
  }
  for (const { source, destinations } of Object.values(readJson<Assets>(join(folder, file)).files ?? {})) {
    if (!source.path) continue;
    for (const { objectKey } of Object.values(destinations)) into.set(objectKey, resolvePath(folder, source.path));
  }
}

function readJson<T>(file: string): T {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as Error).message}): synthesize the app with npm run synth.`);
  }
}
