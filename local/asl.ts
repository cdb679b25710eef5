import { createHash, randomUUID } from "node:crypto";

/**
 * The Amazon States Language as far as our machines use it: JSONPath reference paths, payload templates, intrinsic
 * functions and Choice rules, as pure functions. What is not here is refused when a machine is loaded
 * (`checkDefinition`), never ignored while it runs.
 */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Retrier {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: "FULL" | "NONE";
}

interface Catcher {
  ErrorEquals: string[];
  Next: string;
  ResultPath?: string | null;
}

export interface ChoiceRule {
  Next?: string;
  Variable?: string;
  And?: ChoiceRule[];
  Or?: ChoiceRule[];
  Not?: ChoiceRule;
  [operator: string]: unknown;
}

export interface State {
  Type: "Task" | "Wait" | "Choice" | "Pass" | "Succeed" | "Fail" | "Parallel" | "Map";
  Next?: string;
  End?: boolean;
  InputPath?: string | null;
  OutputPath?: string | null;
  ResultPath?: string | null;
  Parameters?: Json;
  ResultSelector?: Json;
  Result?: Json;
  Resource?: string;
  TimeoutSeconds?: number;
  TimeoutSecondsPath?: string;
  Retry?: Retrier[];
  Catch?: Catcher[];
  Seconds?: number;
  SecondsPath?: string;
  Timestamp?: string;
  TimestampPath?: string;
  Choices?: ChoiceRule[];
  Default?: string;
  Error?: string;
  ErrorPath?: string;
  Cause?: string;
  CausePath?: string;
  Branches?: Definition[];
  ItemsPath?: string;
  ItemSelector?: Json;
  ItemProcessor?: Definition & { ProcessorConfig?: { Mode?: string } };
  Iterator?: Definition;
  MaxConcurrency?: number;
}

export interface Definition {
  StartAt: string;
  States: Record<string, State>;
  TimeoutSeconds?: number;
}

/** An error by its States Language name (`States.Timeout`, or what a function threw) and its cause. */
export class StatesError extends Error {
  readonly error: string;
  override readonly cause: string;
  constructor(error: string, cause: string) {
    super(`${error}: ${cause}`);
    this.error = error;
    this.cause = cause;
  }
}

type Step = string | number;

/** Splits a reference path (`$.a.b[0]['c d']`, `$$.Execution.Name`) into its steps; throws on filters and wildcards. */
function parsePath(path: string): { context: boolean; steps: Step[] } {
  const context = path.startsWith("$$");
  const rest = path.slice(context ? 2 : 1);
  const steps: Step[] = [];
  const token = /\.([^.[\]'"*?@()\s]+)|\['([^']+)'\]|\["([^"]+)"\]|\[(-?\d+)\]/y;
  while (token.lastIndex < rest.length) {
    const found = token.exec(rest);
    if (!path.startsWith("$") || !found) {
      throw new StatesError(
        "States.Runtime",
        `The path ${path} is not a plain reference path; use $.name and $.list[0].`,
      );
    }
    steps.push(found[4] === undefined ? (found[1] ?? found[2] ?? found[3] ?? "") : Number(found[4]));
  }
  return { context, steps };
}

/** The value a path names, or undefined where it names nothing. */
export function lookUp(path: string, input: Json, context: Json): Json | undefined {
  const { context: ofContext, steps } = parsePath(path);
  let value: Json | undefined = ofContext ? context : input;
  for (const step of steps) {
    if (value === null || typeof value !== "object") return undefined;
    if (Array.isArray(value)) value = typeof step === "number" ? value.at(step) : undefined;
    else value = Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** As `lookUp`, but a path that names nothing is the machine's error. */
export function valueAt(path: string, input: Json, context: Json): Json {
  const value = lookUp(path, input, context);
  if (value === undefined) {
    throw new StatesError("States.ParameterPathFailure", `The path ${path} names nothing in ${JSON.stringify(input)}.`);
  }
  return value;
}

/** InputPath and OutputPath: absent is everything, null is an empty object. */
export function selected(path: string | null | undefined, input: Json, context: Json): Json {
  if (path === null) return {};
  return path === undefined ? input : valueAt(path, input, context);
}

/** ResultPath: absent or `$` replaces the input, null drops the result, otherwise the result is put at the path. */
export function withResult(path: string | null | undefined, input: Json, result: Json): Json {
  if (path === null) return input;
  const { steps } = parsePath(path ?? "$");
  const last = steps.pop();
  if (last === undefined) return result;
  const root: Json = input === null || typeof input !== "object" ? {} : structuredClone(input);
  let holder = root as Record<Step, Json>;
  for (const step of steps) {
    const next = holder[step];
    if (next === null || typeof next !== "object") holder[step] = {};
    holder = holder[step] as Record<Step, Json>;
  }
  holder[last] = result;
  return root;
}

/** A payload template: a key that ends in `.$` takes its value from a path or an intrinsic function. */
export function filled(template: Json, input: Json, context: Json): Json {
  if (Array.isArray(template)) return template.map((item) => filled(item, input, context));
  if (template === null || typeof template !== "object") return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) =>
      key.endsWith(".$")
        ? [key.slice(0, -2), expression(String(value), input, context)]
        : [key, filled(value, input, context)],
    ),
  );
}

function expression(text: string, input: Json, context: Json): Json {
  return text.startsWith("$") ? valueAt(text, input, context) : intrinsic(text, input, context);
}

const intrinsics: Record<string, (...args: never[]) => Json> = {
  Format: (text: string, ...values: Json[]) => {
    let used = 0;
    return text.replace(/\\([\\{}'])|\{\}/g, (whole, escaped: string | undefined) => {
      if (whole !== "{}") return escaped ?? "";
      const value = values[used++];
      return typeof value === "string" ? value : JSON.stringify(value ?? null);
    });
  },
  StringToJson: (text: string) => JSON.parse(text) as Json,
  JsonToString: (value: Json) => JSON.stringify(value),
  Array: (...values: Json[]) => values,
  ArrayPartition: (list: Json[], size: number) =>
    Array.from({ length: Math.ceil(list.length / size) }, (_, part) => list.slice(part * size, (part + 1) * size)),
  ArrayContains: (list: Json[], value: Json) => list.some((item) => JSON.stringify(item) === JSON.stringify(value)),
  ArrayRange: (first: number, last: number, step: number) =>
    Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step),
  ArrayGetItem: (list: Json[], index: number) => list[index] ?? null,
  ArrayLength: (list: Json[]) => list.length,
  ArrayUnique: (list: Json[]) => [...new Map(list.map((item) => [JSON.stringify(item), item])).values()],
  Base64Encode: (text: string) => Buffer.from(text).toString("base64"),
  Base64Decode: (text: string) => Buffer.from(text, "base64").toString(),
  Hash: (text: string, algorithm: string) =>
    createHash(algorithm.replace("-", "").toLowerCase()).update(text).digest("hex"),
  JsonMerge: (a: Record<string, Json>, b: Record<string, Json>) => ({ ...a, ...b }),
  MathAdd: (a: number, b: number) => a + b,
  StringSplit: (text: string, separators: string) => {
    const parts: string[] = [""];
    for (const letter of text) {
      if (separators.includes(letter)) parts.push("");
      else parts.push(parts.pop() + letter);
    }
    return parts.filter((part) => part !== "");
  },
  UUID: () => randomUUID(),
};

function intrinsic(text: string, input: Json, context: Json): Json {
  let at = 0;
  const refuse = (why: string): never => {
    throw new StatesError("States.IntrinsicFailure", `${why} in ${text}`);
  };
  const skip = (): void => {
    while (text[at] === " ") at++;
  };
  const value = (): Json => {
    skip();
    if (text.startsWith("States.", at)) return call();
    if (text[at] === "'") {
      const literal = /'((?:\\.|[^'\\])*)'/y;
      literal.lastIndex = at;
      const found = literal.exec(text);
      if (!found) return refuse("A string is not closed");
      at = literal.lastIndex;
      return (found[1] ?? "").replace(/\\'/g, "'");
    }
    const word = /[^,()]+/y;
    word.lastIndex = at;
    const found = word.exec(text)?.[0].trim();
    if (found === undefined) return refuse("An argument is missing");
    at = word.lastIndex;
    return found.startsWith("$") ? valueAt(found, input, context) : (JSON.parse(found) as Json);
  };
  const call = (): Json => {
    const open = text.indexOf("(", at);
    const name = text.slice(at + "States.".length, open);
    const run = intrinsics[name] ?? refuse(`There is no intrinsic function States.${name}`);
    at = open + 1;
    const args: Json[] = [];
    for (skip(); text[at] !== ")"; skip()) {
      if (args.length > 0 && text[at++] !== ",") return refuse("A comma is missing");
      args.push(value());
    }
    at++;
    return (run as (...values: Json[]) => Json)(...args);
  };
  try {
    return call();
  } catch (error) {
    if (error instanceof StatesError) throw error;
    return refuse(String(error));
  }
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const isInstant = (value: unknown): boolean => typeof value === "string" && instant.test(value);
const kindOf: Record<string, (value: unknown) => unknown> = {
  String: (value) => (typeof value === "string" ? value : undefined),
  Numeric: (value) => (typeof value === "number" ? value : undefined),
  Boolean: (value) => (typeof value === "boolean" ? value : undefined),
  Timestamp: (value) => (isInstant(value) ? Date.parse(value as string) : undefined),
};
const compared: Record<string, (a: never, b: never) => boolean> = {
  Equals: (a, b) => a === b,
  LessThan: (a, b) => a < b,
  GreaterThan: (a, b) => a > b,
  LessThanEquals: (a, b) => a <= b,
  GreaterThanEquals: (a, b) => a >= b,
};
const tested: Record<string, (value: Json | undefined) => boolean> = {
  IsPresent: (value) => value !== undefined,
  IsNull: (value) => value === null,
  IsString: (value) => typeof value === "string",
  IsNumeric: (value) => typeof value === "number",
  IsBoolean: (value) => typeof value === "boolean",
  IsTimestamp: isInstant,
};
const comparison =
  /^(String|Numeric|Boolean|Timestamp)(Equals|LessThan|GreaterThan|LessThanEquals|GreaterThanEquals)(Path)?$/;

function matchesWildcard(text: string, pattern: string): boolean {
  const source = pattern.replace(/\\\*|\*|[\\^$.+?()[\]{}|]/g, (found) =>
    found === "*" ? ".*" : found === "\\*" ? "\\*" : `\\${found}`,
  );
  return new RegExp(`^${source}$`, "s").test(text);
}

/** Whether a Choice rule holds. A variable that is absent is an error, except for `IsPresent`. */
export function holds(rule: ChoiceRule, input: Json, context: Json): boolean {
  if (rule.And) return rule.And.every((part) => holds(part, input, context));
  if (rule.Or) return rule.Or.some((part) => holds(part, input, context));
  if (rule.Not) return !holds(rule.Not, input, context);
  const operator = operatorOf(rule);
  const wanted = rule[operator] as Json;
  const path = rule.Variable ?? "$";
  const test = tested[operator];
  if (test) {
    const value = operator === "IsPresent" ? lookUp(path, input, context) : valueAt(path, input, context);
    return test(value) === wanted;
  }
  const value = valueAt(path, input, context);
  if (operator === "StringMatches") return typeof value === "string" && matchesWildcard(value, String(wanted));
  const [, kind = "", relation = "", byPath] = comparison.exec(operator) ?? [];
  const left = kindOf[kind]?.(value);
  const right = kindOf[kind]?.(byPath ? valueAt(String(wanted), input, context) : wanted);
  return left !== undefined && right !== undefined && compared[relation]!(left as never, right as never);
}

function operatorOf(rule: ChoiceRule): string {
  const operator = Object.keys(rule).find((key) => key in tested || key === "StringMatches" || comparison.test(key));
  if (!operator) throw new Error(`The Choice rule ${JSON.stringify(rule)} has no operator that is known here.`);
  return operator;
}

/** Waiting time in ms before attempt `attempt` (1 is the first retry). */
export function retryDelayMs(retrier: Retrier, attempt: number): number {
  const seconds = (retrier.IntervalSeconds ?? 1) * (retrier.BackoffRate ?? 2) ** (attempt - 1);
  const capped = Math.min(seconds, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY) * 1000;
  return retrier.JitterStrategy === "FULL" ? Math.random() * capped : capped;
}

/** Whether an `ErrorEquals` list names the error. `States.TaskFailed` names every error but a timeout. */
export function namesError(list: string[], error: string): boolean {
  if (list.includes(error)) return true;
  if (error === "States.Runtime" || error === "States.DataLimitExceeded") return false;
  return list.includes("States.ALL") || (list.includes("States.TaskFailed") && error !== "States.Timeout");
}

const unsupported = [
  "QueryLanguage",
  "Assign",
  "Output",
  "Arguments",
  "Condition",
  "ItemReader",
  "ItemBatcher",
  "ResultWriter",
];
const unsupportedInState = [
  "HeartbeatSeconds",
  "HeartbeatSecondsPath",
  "ItemSelectorPath",
  "MaxConcurrencyPath",
  "Credentials",
];

/**
 * Throws, naming the state, when a definition uses something that is not run here: JSONata, variables, distributed
 * maps, task tokens, or a service integration other than invoking a function.
 */
export function checkDefinition(name: string, definition: Definition): void {
  const refuse = (state: string, what: string): never => {
    throw new Error(`State machine ${name}, state ${state}: ${what} is not run by the embedded default.`);
  };
  if ("QueryLanguage" in definition && definition.QueryLanguage !== "JSONPath") refuse("(machine)", "JSONata");
  for (const [id, state] of Object.entries(definition.States)) {
    for (const key of Object.keys(state)) {
      if (unsupported.includes(key) && !(key === "QueryLanguage" && state[key as never] === "JSONPath"))
        refuse(id, key);
      if (unsupportedInState.includes(key)) refuse(id, key);
    }
    if (
      state.Type === "Task" &&
      !/^arn:aws:(lambda:[^:]*:[^:]*:function:|states:::lambda:invoke$)/.test(state.Resource ?? "")
    ) {
      refuse(id, `the resource ${state.Resource}`);
    }
    if (state.ItemProcessor?.ProcessorConfig?.Mode === "DISTRIBUTED") refuse(id, "a distributed map");
    const visit = (rule: ChoiceRule): void => {
      for (const part of rule.And ?? rule.Or ?? (rule.Not ? [rule.Not] : [])) visit(part);
      if (!rule.And && !rule.Or && !rule.Not) operatorOf(rule);
    };
    state.Choices?.forEach(visit);
    for (const inner of [...(state.Branches ?? []), state.ItemProcessor ?? state.Iterator]) {
      if (inner) checkDefinition(`${name}/${id}`, inner);
    }
  }
}
