import { createHash, timingSafeEqual } from "node:crypto";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { minute, second } from "../../shared/kernel/time.ts";
import { AwsRefusal, awsJsonClient } from "../adapters/aws/json-client.ts";
import { systemEnv } from "./env.ts";
import { logger } from "./logger.ts";
import { refusal } from "./refusal.ts";

/** The header by which the edge proves itself; it overwrites whatever a client sends under this name. */
export const ORIGIN_HEADER = "x-origin-verify";

/** Versions are read again after this, so that one that was taken back is soon refused. */
const REREAD_AFTER_MS = 5 * minute;
/** A header that fits no version may be a newer one; looked up at most this often, however many strangers call. */
const REREAD_ON_MISMATCH_MS = 10 * second;

type HttpFunction = (event: APIGatewayProxyEventV2, context: Context) => Promise<APIGatewayProxyStructuredResultV2>;

const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * Whether a request's header holds a version of the secret that is in force, both while one takes over from the other.
 * Throws where no version could ever be read.
 */
export function originCheck(read: () => Promise<readonly string[]>, clock: { now(): number } = systemEnv.clock) {
  let known: { digests: Buffer[]; at: number } | undefined;
  const reread = async () => {
    try {
      known = { digests: (await read()).map(digest), at: clock.now() };
    } catch (error) {
      // what was true five minutes ago serves the members better than nothing
      if (!known) throw error;
      logger.unexpected("ORIGIN_SECRET", error);
      known.at = clock.now();
    }
  };
  // every version is compared, however early one fits: the time taken tells nothing
  const fits = (given: Buffer) =>
    known?.digests.map((one) => timingSafeEqual(one, given)).some((equal) => equal) ?? false;
  return async (header: string | undefined): Promise<boolean> => {
    if (!known || clock.now() >= known.at + REREAD_AFTER_MS) await reread();
    if (header === undefined) return false;
    const given = digest(header);
    if (fits(given)) return true;
    if (clock.now() < (known?.at ?? 0) + REREAD_ON_MISMATCH_MS) return false;
    await reread();
    return fits(given);
  };
}

/** The secret's current and previous version, as far as there are. */
async function readVersions(secretId: string): Promise<string[]> {
  const call = awsJsonClient("secretsmanager", { env: systemEnv });
  const version = async (VersionStage: string): Promise<string[]> => {
    try {
      const input = { SecretId: secretId, VersionStage };
      const { SecretString } = await call<{ SecretString?: string }>("GetSecretValue", input);
      return SecretString ? [SecretString] : [];
    } catch (error) {
      if (error instanceof AwsRefusal && error.name === "ResourceNotFoundException") return [];
      throw error;
    }
  };
  const found = (await Promise.all(["AWSCURRENT", "AWSPREVIOUS"].map(version))).flat();
  if (found.length === 0) throw new Error(`put a value into the secret ${secretId}: it has none`);
  return found;
}

/**
 * The function as the world may call it: through the edge alone. Anybody else gets FORBIDDEN before anything is read of the
 * request. Where the deployment has no edge (ORIGIN_SECRET_ID is not set) everybody is let through.
 */
export function behindEdge(serve: HttpFunction, secretId = process.env.ORIGIN_SECRET_ID): HttpFunction {
  if (!secretId) return serve;
  const check = originCheck(() => readVersions(secretId));
  return async (event, context) => {
    const { requestId } = event.requestContext;
    let ours: boolean;
    try {
      ours = await check(event.headers[ORIGIN_HEADER]);
    } catch (error) {
      logger.unexpected("ORIGIN_SECRET", error, { requestId });
      return refusal("INTERNAL", event);
    }
    if (ours) return serve(event, context);
    logger.info("ORIGIN_REFUSED", { requestId });
    return refusal("FORBIDDEN", event);
  };
}
