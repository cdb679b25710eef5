/** What the parts of the embedded default know of each other. Times are epoch ms of the platform's own, movable clock. */

export interface PlatformClock {
  /** Platform time now, epoch ms. */
  now(): number;
  /** Moves platform time forward by `ms` (>= 0); everything that has become due is started. */
  advance(ms: number): void;
  /** Calls `run` once as soon as platform time is at or past `at`; survives moves of the clock and delays beyond 24.8 days. */
  at(at: number, run: () => void): { cancel(): void };
  /** Offset to real time in ms; the workers share it through a SharedArrayBuffer, persisted in the data folder. */
  readonly offset: number;
}

export interface TemplateResource {
  readonly id: string;
  readonly type: string;
  readonly properties: Record<string, unknown>;
}

/** The synthesized template with its intrinsic functions resolved for region ap-northeast-1, account 000000000000. */
export interface Template {
  readonly folder: string;
  byType(type: string): TemplateResource[];
  byId(id: string): TemplateResource;
  /** The logical id that an ARN, or a `…:function:NAME` suffix, names; undefined where it names nothing here. */
  idOfArn(arn: string): string | undefined;
  /** Folder of an asset by the `S3Key` of a function's Code. */
  assetFolder(s3Key: string): string;
}

export class FunctionError extends Error {
  override readonly name: string;
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export interface FunctionPool {
  /** Invokes the function with that logical id. `route` labels the consumed units. Rejects with FunctionError as Lambda reports it. */
  invoke(functionId: string, event: unknown, label?: string): Promise<unknown>;
  /** Number of events under way, over all functions. */
  readonly busy: number;
  stop(): Promise<void>;
}

/** A service's stand-in behind the gateway: gets the parsed call after the policy check, answers as the service would. */
export interface AwsCall {
  service: string; // "dynamodb" | "states" | "ssm" | "kms" | "geo" | "cognito-idp"
  action: string; // "GetParameters"
  method: string;
  path: string;
  query: URLSearchParams;
  body: Buffer;
  /** Logical id of the calling function. */
  caller: string;
}
export interface AwsAnswer {
  status: number;
  headers?: Record<string, string>;
  body: string | Buffer;
}
export type AwsService = (call: AwsCall) => Promise<AwsAnswer>;

/** What a bill would name, as it happens; `label` says what it was done for (a route, a schedule, a stream). */
export type Use =
  | { kind: "invocation"; function: string; label: string; ms: number }
  | { kind: "call"; service: string; action: string; label: string; json: Record<string, unknown> }
  | { kind: "transition"; machine: string; execution: string; state: string }
  | { kind: "log"; function: string; bytes: number };
export type Observe = (use: Use) => void;
