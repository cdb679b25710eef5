import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto";
import type { RequestOptions } from "node:http";
import type { Env } from "../../../shared/kernel/env.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";
import { fromHttpDate, minute, toUtc } from "../../../shared/kernel/time.ts";

/** The services that are asked so: how their host, their signature and their actions are named, and which JSON they speak. */
const services = {
  dynamodb: { target: "DynamoDB_20120810", version: "1.0" },
  kms: { target: "TrentService", version: "1.1" },
  secretsmanager: { target: "secretsmanager", version: "1.1" },
  ssm: { target: "AmazonSSM", version: "1.1" },
  states: { target: "AWSStepFunctions", version: "1.0" },
} as const;
type Service = keyof typeof services;

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}
export interface Connection {
  /** `https://…`, or `http://127.0.0.1:…` of a stand-in. */
  endpoint: string;
  region: string;
  credentials: Credentials;
}

/** An answer that refuses: `name` is the service's error type, `body` its other fields as they came. */
export class AwsRefusal extends Error {
  override readonly name: string;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  constructor(name: string, status: number, body: Record<string, unknown>) {
    super(String(body.message ?? body.Message ?? "no message"));
    this.name = name;
    this.status = status;
    this.body = body;
  }
}

/** Sends an action with its input; the answer's body. Throws AwsRefusal, or the connection's own error where no attempt got an answer. */
export type AwsCall = <O = Record<string, unknown>>(action: string, input: object) => Promise<O>;

const ATTEMPTS = 3;
/** Before the second attempt at most this long, ms, doubled before the third; the wait is drawn evenly below it. */
const FIRST_WAIT_MS = 50;
/** Nothing came for so long, ms: the attempt counts as lost. No call of ours takes a second; a function has 10 and more. */
const SILENCE_MS = 5_000;
/** Refusals that the same request may not meet again. */
const PASSING =
  /^(Throttling(Exception)?|ProvisionedThroughputExceededException|RequestLimitExceeded|TransactionInProgressException)$/;
/** Refusals of a time that is not the service's. */
const OUT_OF_TIME = /^(InvalidSignatureException|RequestExpired|RequestTimeTooSkewed)$/;

// An import of these would read all their exports, and with them, of no use here, the whole of undici: 30 ms of CPU at each cold start.
const http = process.getBuiltinModule("node:http");
const https = process.getBuiltinModule("node:https");
const agents = {
  "http:": new http.Agent({ keepAlive: true, maxSockets: 50 }),
  "https:": new https.Agent({ keepAlive: true, maxSockets: 50, minVersion: "TLSv1.2" }),
};

/**
 * Calls an AWS service that speaks AWS JSON, signed with Signature Version 4
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html), at most three times where no answer came, or one that
 * passes (5xx, throttling). A request is sent again byte for byte: one that must not count twice carries its own token.
 * docs/adr/0027 says why this is not the SDK.
 */
export function awsJsonClient(
  service: Service,
  {
    env,
    connection = fromEnvironment(service),
  }: { env: Pick<Env, "clock" | "rng" | "sleep">; connection?: Connection },
): AwsCall {
  const { target, version } = services[service];
  const { endpoint, region, credentials } = connection;
  const { protocol, hostname, port, host } = new URL(endpoint);
  const { request: open } = protocol === "http:" ? http : https;
  const contentType = `application/x-amz-json-${version}`;
  const sign = signer({ service, region, host, contentType, credentials });
  const base: RequestOptions = {
    protocol,
    hostname,
    ...(port && { port }),
    path: "/",
    method: "POST",
    agent: agents[protocol as keyof typeof agents],
    timeout: SILENCE_MS,
  };

  /** How far the service's clock is ahead of ours, ms; learnt where it refuses our time. */
  let ahead = 0;

  const exchange = (headers: Record<string, string | number>, body: Buffer) =>
    new Promise<{ status: number; date: string | undefined; text: string }>((resolve, reject) => {
      const request = open({ ...base, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString("utf8");
          if (response.complete) resolve({ status: response.statusCode ?? 0, date: response.headers.date, text });
          else reject(new Error("the answer was cut off"));
        });
      });
      request.once("timeout", () => request.destroy(new Error(`no answer within ${SILENCE_MS} ms`)));
      request.once("error", reject);
      request.end(body);
    });

  /** One attempt: the answer's body, or what to do about its failure. */
  const attempt = async (target: string, body: Buffer): Promise<{ answer: unknown } | { passing: Error }> => {
    const { status, date, text } = await exchange(sign(target, body, env.clock.now() + ahead), body);
    if (status >= 200 && status < 300) return { answer: text === "" ? {} : JSON.parse(text) };
    const refusal = refusalOf(status, text);
    if (status >= 500 || PASSING.test(refusal.name)) return { passing: refusal };
    const off = OUT_OF_TIME.test(refusal.name) && date ? fromHttpDate(date) - env.clock.now() - ahead : 0;
    // also where the date can't be read
    if (!(Math.abs(off) >= minute)) throw refusal;
    ahead += off;
    return { passing: refusal };
  };

  return async <O>(action: string, input: object): Promise<O> => {
    const body = Buffer.from(JSON.stringify(input));
    for (let tried = 1; ; tried++) {
      const outcome = await attempt(`${target}.${action}`, body).catch((error: Error) => {
        if (error instanceof AwsRefusal) throw error;
        return { passing: error };
      });
      if ("answer" in outcome) return outcome.answer as O;
      if (tried === ATTEMPTS) throw outcome.passing;
      await env.sleep((env.rng.bytes(1)[0]! / 255) * FIRST_WAIT_MS * 2 ** (tried - 1));
    }
  };
}

/** The same call for what no request can do without: where the service does not answer, or not now, the client may ask again (TRY_AGAIN). */
export const orTryAgain =
  (call: AwsCall): AwsCall =>
  async (action, input) => {
    try {
      return await call(action, input);
    } catch (error) {
      if (error instanceof AwsRefusal && error.status < 500 && !PASSING.test(error.name)) throw error;
      throw new DomainError("TRY_AGAIN", `${action}: ${(error as Error).name}`);
    }
  };

function refusalOf(status: number, text: string): AwsRefusal {
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // not the service speaks but something before it; its status tells enough
  }
  // `com.amazonaws.dynamodb.v20120810#Name`, or the name alone
  const type = String(body.__type ?? `HTTP ${status}`);
  return new AwsRefusal(type.slice(type.lastIndexOf("#") + 1), status, body);
}

/** Lambda gives a function its region and credentials in the environment; a stand-in is found by the variables that the SDKs read too. */
function fromEnvironment(service: Service): Connection {
  const {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_ENDPOINT_URL: everyEndpoint,
    [`AWS_ENDPOINT_URL_${endpointNames[service]}`]: itsEndpoint,
  } = process.env;
  if (!region || !accessKeyId || !secretAccessKey)
    throw new Error("set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: Lambda gives them to a function");
  return {
    endpoint:
      itsEndpoint ||
      everyEndpoint ||
      `https://${service}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
  };
}
const endpointNames: Record<Service, string> = {
  dynamodb: "DYNAMODB",
  kms: "KMS",
  secretsmanager: "SECRETS_MANAGER",
  ssm: "SSM",
  states: "SFN",
};

const hmac = (key: string | Buffer | KeyObject, text: string) => createHmac("sha256", key).update(text).digest();
const sha256 = (bytes: string | Buffer) => hash("sha256", bytes, "hex");

/** The headers of a call, signed; the key of a day is derived once. */
export function signer({
  service,
  region,
  host,
  contentType,
  credentials: { accessKeyId, secretAccessKey, sessionToken },
}: Omit<Connection, "endpoint"> & { service: Service; host: string; contentType: string }) {
  let derived: { day: string; key: KeyObject } | undefined;
  const keyOf = (day: string): KeyObject => {
    if (derived?.day !== day) {
      const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
      // a key object is five times as fast as its bytes
      derived = { day, key: createSecretKey(key as Buffer) };
    }
    return derived.key;
  };
  const signed = `content-type;host;x-amz-date;${sessionToken ? "x-amz-security-token;" : ""}x-amz-target`;
  return (target: string, body: Buffer, at: number): Record<string, string | number> => {
    // 20261127T003225Z
    const time = toUtc(at).replace(/[-:]|\.\d+/g, "");
    const day = time.slice(0, 8);
    const scope = `${day}/${region}/${service}/aws4_request`;
    const token = sessionToken ? `x-amz-security-token:${sessionToken}\n` : "";
    const canonical =
      `POST\n/\n\ncontent-type:${contentType}\nhost:${host}\nx-amz-date:${time}\n${token}x-amz-target:${target}\n` +
      `\n${signed}\n${sha256(body)}`;
    const signature = hmac(keyOf(day), `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString("hex");
    return {
      "content-type": contentType,
      "content-length": body.length,
      host,
      "x-amz-date": time,
      ...(sessionToken && { "x-amz-security-token": sessionToken }),
      "x-amz-target": target,
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
    };
  };
}
