import type { AwsCall, Template, TemplateResource } from "./parts.ts";
import { ACCOUNT, arnOf, REGION, refOf } from "./template.ts";

/** One thing a call wants to do. `context` holds the values of the condition keys that the call knows. */
export interface AccessRequest {
  action: string;
  resource: string;
  context?: Record<string, string[]>;
}

export interface Refusal extends AccessRequest {
  /** As AWS words it: who may not do what on what, and why. */
  message: string;
}

export interface Use {
  /** Logical id of the function, or of a role that no function has (of a workflow, of a schedule). */
  function: string;
  action: string;
  resource: string;
}

/** An action on a resource as a policy names them. */
export interface Granted extends Use {
  place: string;
  /** Whether a call has needed it. */
  used: boolean;
}

export interface Policies {
  /** Undefined where all of it is allowed, else the first refusal. `caller` is the logical id of a function or a role. */
  check(caller: string, requests: AccessRequest[]): Refusal | undefined;
  /** Every distinct call that was allowed. */
  used(): Use[];
  /** Every right of every function and role, but for those of `usedByAws`; used by the calls allowed here, or by those given. */
  granted(calls?: readonly Use[]): Granted[];
}

interface Pattern {
  text: string;
  matches(value: string): boolean;
}
interface Statement {
  place: string;
  deny: boolean;
  actions: Pattern[];
  resources: Pattern[];
  conditions: ((context: Record<string, string[]>) => boolean)[];
}
interface PolicyDocument {
  Statement?: unknown;
}

/** AWS-managed policies that grant nothing the stand-ins check: logs, tracing, network interfaces. */
const WITHOUT_EFFECT =
  /:policy\/(service-role\/AWSLambda(Basic|VPCAccess)ExecutionRole|AWSXRayDaemonWriteAccess|CloudWatchLambdaInsightsExecutionRolePolicy)$/;

/** Rights that no call of ours needs: AWS's own services use them in a role's name, and here nobody does. */
export const usedByAws: readonly { reason: string; actions: readonly string[] }[] = [
  { reason: "Lambda writes what a function prints", actions: ["logs:CreateLogStream", "logs:PutLogEvents"] },
  {
    reason: "Step Functions has its log delivered",
    actions: [
      ...["Create", "Get", "Update", "Delete"].map((verb) => `logs:${verb}LogDelivery`),
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies",
      "logs:DescribeLogGroups",
    ],
  },
  {
    reason: "Lambda and Step Functions trace",
    actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
  },
  {
    reason: "Lambda's event source reads the table's stream",
    actions: ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"].map((name) => `dynamodb:${name}`),
  },
  {
    reason: "Lambda's event source and Scheduler leave what they gave up in a queue",
    actions: ["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
  },
  {
    reason: "Lambda's event source takes dead letters out of their queue",
    actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
  },
];
const withoutCall = new Set(usedByAws.flatMap(({ actions }) => actions));

/**
 * Collects the identity policies of the template's roles: inline ones, `AWS::IAM::Policy`, `AWS::IAM::ManagedPolicy`.
 * Throws, naming the place, for what it can't evaluate: NotAction, NotResource, an unknown condition, an unknown managed policy.
 */
export function loadPolicies(template: Template, onFirstUse: (use: Use) => void = () => {}): Policies {
  const roles = new Map<string, Statement[]>();
  const add = (roleId: string, place: string, document: unknown) => {
    const statements = list<Record<string, unknown>>((document as PolicyDocument | undefined)?.Statement);
    const parsed = statements.map((each, index) => parseStatement(each, `${place}, statement ${index + 1}`));
    roles.set(roleId, [...(roles.get(roleId) ?? []), ...parsed]);
  };

  const roleIds = new Map<string, string>();
  const managed = new Map(template.byType("AWS::IAM::ManagedPolicy").map((policy) => [arnOf(policy), policy]));
  for (const role of template.byType("AWS::IAM::Role")) {
    roleIds.set(refOf(role), role.id);
    const { Policies: inline, ManagedPolicyArns: attached } = role.properties;
    for (const each of list<Record<string, unknown>>(inline))
      add(role.id, `${role.id}/${String(each.PolicyName)}`, each.PolicyDocument);
    for (const arn of list<string>(attached)) {
      const policy = managed.get(arn);
      if (policy) add(role.id, policy.id, policy.properties.PolicyDocument);
      else if (!WITHOUT_EFFECT.test(arn)) {
        throw new Error(
          `${role.id}: managed policy ${arn} can't be evaluated here; write what it grants into the role.`,
        );
      }
    }
  }
  for (const type of ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"]) {
    for (const policy of template.byType(type)) {
      for (const name of list<string>(policy.properties.Roles)) {
        const roleId = roleIds.get(name);
        if (roleId) add(roleId, policy.id, policy.properties.PolicyDocument);
      }
    }
  }

  const principals = new Map<string, { roleId: string; user: string }>();
  for (const id of roleIds.values()) principals.set(id, { roleId: id, user: userOf(template.byId(id), "local") });
  const taken = new Set<string>();
  for (const each of template.byType("AWS::Lambda::Function")) {
    const roleId = template.idOfArn(String(each.properties.Role));
    if (!roleId) throw new Error(`${each.id}: its role ${String(each.properties.Role)} is not in the template.`);
    principals.set(each.id, { roleId, user: userOf(template.byId(roleId), refOf(each)) });
    taken.add(roleId);
  }
  const callers = [...principals].map(([id, { roleId }]) => [id, roleId] as const).filter(([id]) => !taken.has(id));

  const uses = new Map<string, Use>();

  const decide = (caller: string, request: AccessRequest): Refusal | undefined => {
    const principal = principals.get(caller);
    if (!principal) throw new Error(`"${caller}" is neither a function nor a role of the template.`);
    const { action, resource, context = {} } = request;
    const statements = roles.get(principal.roleId) ?? [];
    const speaking = statements.filter(
      (each) =>
        each.actions.some((pattern) => pattern.matches(action.toLowerCase())) &&
        each.resources.some((pattern) => pattern.matches(resource)) &&
        each.conditions.every((holds) => holds(context)),
    );
    const denied = speaking.find((each) => each.deny);
    if (!denied && speaking.length > 0) return undefined;
    const why = denied
      ? `with an explicit deny in an identity-based policy (${denied.place})`
      : `because no identity-based policy allows the ${action} action`;
    const message = `User: ${principal.user} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
    return { ...request, message };
  };

  return {
    check(caller, requests) {
      for (const request of requests) {
        const refusal = decide(caller, request);
        if (refusal) return refusal;
      }
      for (const { action, resource } of requests) {
        const key = `${caller} ${action} ${resource}`;
        if (uses.has(key)) continue;
        const use = { function: caller, action, resource };
        uses.set(key, use);
        onFirstUse(use);
      }
      return undefined;
    },
    used: () => [...uses.values()],
    granted: (calls = [...uses.values()]) =>
      callers.flatMap(([caller, roleId]) => {
        const own = calls.filter((use) => use.function === caller);
        return (roles.get(roleId) ?? [])
          .filter((statement) => !statement.deny)
          .flatMap(({ place, actions, resources }) =>
            actions
              .filter(({ text }) => !withoutCall.has(text))
              .flatMap((action) => {
                const needed = own.filter((use) => action.matches(use.action.toLowerCase()));
                return resources.map((resource) => ({
                  function: caller,
                  action: action.text,
                  resource: resource.text,
                  place,
                  used: needed.some((use) => resource.matches(use.resource)),
                }));
              }),
          );
      }),
  };
}

const userOf = (role: TemplateResource, session: string) =>
  `arn:aws:sts::${ACCOUNT}:assumed-role/${refOf(role)}/${session}`;

function list<T>(value: unknown): T[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]) as T[];
}

function parseStatement(statement: Record<string, unknown>, place: string): Statement {
  for (const key of Object.keys(statement)) {
    if (!["Sid", "Effect", "Action", "Resource", "Condition"].includes(key)) {
      throw new Error(`${place}: ${key} can't be evaluated here (local/iam.ts); say it with Action and Resource.`);
    }
  }
  const { Effect, Action, Resource, Condition = {} } = statement;
  return {
    place,
    deny: Effect === "Deny",
    actions: list<string>(Action).map((text) => ({ text, matches: wildcard(text.toLowerCase()) })),
    resources: list<string>(Resource).map((text) => ({ text, matches: wildcard(text) })),
    conditions: Object.entries(Condition as Record<string, Record<string, unknown>>).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => parseCondition(operator, key, list<string>(values), place)),
    ),
  };
}

const CONDITION_KEYS = new Set(["dynamodb:LeadingKeys"]);

function parseCondition(operator: string, key: string, values: string[], place: string) {
  const [, set, test] = /^(?:(ForAllValues|ForAnyValue):)?(StringEquals|StringLike)$/.exec(operator) ?? [];
  if (!test || !CONDITION_KEYS.has(key)) {
    throw new Error(`${place}: condition ${operator} on ${key} can't be evaluated here; teach it to local/iam.ts.`);
  }
  const patterns = values.map((value) => (test === "StringLike" ? wildcard(value) : (each: string) => each === value));
  const matches = (each: string) => patterns.some((pattern) => pattern(each));
  return (context: Record<string, string[]>): boolean => {
    const given = context[key] ?? [];
    if (set === "ForAllValues") return given.every(matches);
    return set === "ForAnyValue" ? given.some(matches) : given.length === 1 && given.every(matches);
  };
}

/** `*` stands for any characters, `?` for one. */
function wildcard(pattern: string): (value: string) => boolean {
  if (pattern === "*") return () => true;
  if (!/[*?]/.test(pattern)) return (value) => value === pattern;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  const expression = new RegExp(`^${source}$`, "s");
  return (value) => expression.test(value);
}

/** What the reading of a call must know of the template. */
export interface AccessNames {
  /** Hash key attribute of a table (by name), or of its index. */
  hashKey(table: string, index?: string): string | undefined;
  /** ARN of the KMS key that an id, an alias or a ciphertext (base64) names. */
  arnOfKey(keyId: string): string | undefined;
  arnOfCiphertext(blob: string): string | undefined;
}

/** Hash keys as the template declares its tables. */
export function hashKeys(template: Template): AccessNames["hashKey"] {
  type Keyed = { KeySchema?: { AttributeName: string; KeyType: string }[]; IndexName?: string };
  const hashOf = ({ KeySchema }: Keyed) => KeySchema?.find((each) => each.KeyType === "HASH")?.AttributeName;
  const tables = new Map<string, Keyed & { GlobalSecondaryIndexes?: Keyed[] }>();
  for (const type of ["AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table"]) {
    for (const each of template.byType(type)) tables.set(refOf(each), each.properties);
  }
  return (table, index) => {
    const found = tables.get(table);
    if (!found) return undefined;
    return hashOf(
      index === undefined ? found : (found.GlobalSecondaryIndexes?.find((i) => i.IndexName === index) ?? found),
    );
  };
}

type Json = Record<string, unknown>;
type Item = Record<string, { S?: string; N?: string } | undefined>;

/** The permissions a call needs, as AWS asks for them: one per item of a transaction, the index for a query on it. */
export function accessRequests(call: Pick<AwsCall, "service" | "action" | "path">, body: Json, names: AccessNames) {
  const read = readers[call.service];
  if (!read) return [{ action: `${call.service}:${call.action}`, resource: "*" }];
  return read(call, body, names);
}

const arn = (service: string, rest: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
const text = (value: unknown) => (typeof value === "string" ? value : "");

const readers: Record<
  string,
  (call: Pick<AwsCall, "action" | "path">, body: Json, names: AccessNames) => AccessRequest[]
> = {
  dynamodb(call, body, names) {
    const request = (
      action: string,
      table: unknown,
      keys: (Item | undefined)[] = [],
      index?: string,
    ): AccessRequest => {
      const name = text(table).replace(/^arn:.*:table\//, "");
      const hash = names.hashKey(name, index);
      const leading = hash
        ? keys.map((key) => key?.[hash]?.S ?? key?.[hash]?.N).filter((value) => value !== undefined)
        : [];
      return {
        action: `dynamodb:${action}`,
        resource: arn("dynamodb", `table/${name}${index === undefined ? "" : `/index/${index}`}`),
        ...(leading.length > 0 && { context: { "dynamodb:LeadingKeys": leading } }),
      };
    };
    const { TableName: table } = body;
    switch (call.action) {
      case "TransactWriteItems":
        return list<Record<string, Json>>(body.TransactItems).map((item) => {
          const [kind = "", part = {}] = Object.entries(item)[0] ?? [];
          return request(TRANSACTION_ACTIONS[kind] ?? kind, part.TableName, [(part.Item ?? part.Key) as Item]);
        });
      case "TransactGetItems":
        return list<{ Get?: Json }>(body.TransactItems).map(({ Get = {} }) =>
          request("GetItem", Get.TableName, [Get.Key as Item]),
        );
      case "BatchGetItem":
        return Object.entries((body.RequestItems ?? {}) as Record<string, { Keys?: Item[] }>).map(([name, { Keys }]) =>
          request("BatchGetItem", name, Keys),
        );
      case "BatchWriteItem": {
        type Write = { PutRequest?: { Item: Item }; DeleteRequest?: { Key: Item } };
        return Object.entries((body.RequestItems ?? {}) as Record<string, Write[]>).map(([name, writes]) =>
          request(
            "BatchWriteItem",
            name,
            writes.map((write) => write.PutRequest?.Item ?? write.DeleteRequest?.Key),
          ),
        );
      }
      case "Query":
      case "Scan": {
        const index = body.IndexName === undefined ? undefined : text(body.IndexName);
        return [request(call.action, table, [queriedKey(body)], index)];
      }
      default:
        return [request(call.action, table, [(body.Key ?? body.Item) as Item | undefined])];
    }
  },
  states: (call, body) => [
    {
      action: `states:${call.action}`,
      resource: text(body.stateMachineArn) || text(body.executionArn) || "*",
    },
  ],
  ssm(call, body) {
    const paths = list<string>(body.Names ?? body.Name ?? body.Path);
    return paths.map((path) => ({
      action: `ssm:${call.action}`,
      resource: arn("ssm", `parameter/${path.replace(/^\//, "")}`),
    }));
  },
  kms(call, body, names) {
    const key = text(body.KeyId);
    const named = key ? names.arnOfKey(key) : names.arnOfCiphertext(text(body.CiphertextBlob));
    return [
      { action: `kms:${call.action}`, resource: named ?? (key.startsWith("arn:") ? key : arn("kms", `key/${key}`)) },
    ];
  },
  geo(call) {
    const [, kind, name] = /\/(calculators|indexes|collections|trackers)\/([^/]+)/.exec(call.path) ?? [];
    const resource = kind && arn("geo", `${GEO_RESOURCES[kind]}/${decodeURIComponent(name!)}`);
    return [{ action: `geo:${call.action}`, resource: resource ?? "*" }];
  },
  "cognito-idp": (call, body) => [
    {
      action: `cognito-idp:${call.action}`,
      resource: body.UserPoolId === undefined ? "*" : arn("cognito-idp", `userpool/${text(body.UserPoolId)}`),
    },
  ],
};

const TRANSACTION_ACTIONS: Record<string, string> = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
};
const GEO_RESOURCES: Record<string, string> = {
  calculators: "route-calculator",
  indexes: "place-index",
  collections: "geofence-collection",
  trackers: "tracker",
};

/** The attributes that a query's key condition holds equal to a value. */
function queriedKey(body: Json): Item {
  const names = (body.ExpressionAttributeNames ?? {}) as Record<string, string>;
  const values = (body.ExpressionAttributeValues ?? {}) as Item;
  const equal = text(body.KeyConditionExpression).matchAll(/([#\w.-]+)\s*=\s*(:\w+)/g);
  return Object.fromEntries([...equal].map(([, name, value]) => [names[name!] ?? name!, values[value!]]));
}
