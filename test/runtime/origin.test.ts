import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { behindEdge, ORIGIN_HEADER, originCheck } from "../../functions/runtime/origin.ts";
import { openAwsService } from "../adapters/aws-service.ts";

const event = (headers: Record<string, string> = {}, rawPath = "/v1/me") =>
  ({
    rawPath,
    headers,
    requestContext: { requestId: "r-1", http: { method: "GET", path: rawPath } },
  }) as unknown as APIGatewayProxyEventV2;
const context = {} as Context;

/** Secrets Manager, where functions look for it. */
const manager = await openAwsService();
const { endpoint, region, credentials } = manager.connection;
vi.stubEnv("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint);
vi.stubEnv("AWS_REGION", region);
vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);
beforeEach(() => {
  manager.asked.length = 0;
});

/** A secret with versions, and a clock that is moved by hand; counts how often it is read. */
function secret(...versions: string[]) {
  const it = { versions, now: 1_000_000, reads: 0 };
  const check = originCheck(
    async () => {
      it.reads += 1;
      if (it.versions.length === 0) throw new Error("the service does not answer");
      return it.versions;
    },
    { now: () => it.now },
  );
  return { it, check };
}

describe("the origin check", () => {
  it("lets the current version through, and the previous one while it is there", async () => {
    const { check } = secret("new", "old");
    expect(await check("new")).toBe(true);
    expect(await check("old")).toBe(true);
  });

  it("refuses no header, an empty one, another one, and a beginning of the right one", async () => {
    const { check } = secret("a-long-secret");
    for (const header of [undefined, "", "other", "a-long-secre", "a-long-secret "])
      expect(await check(header)).toBe(false);
  });

  it("learns of a new version from the first request that brings it", async () => {
    const { it: kept, check } = secret("old");
    expect(await check("old")).toBe(true);
    kept.versions = ["new", "old"];
    kept.now += 11_000;
    expect(await check("new")).toBe(true);
  });

  it("does not ask the service for every stranger", async () => {
    const { it: kept, check } = secret("right");
    for (let i = 0; i < 50; i++) await check(`guess ${i}`);
    expect(kept.reads).toBe(1);
    kept.now += 11_000;
    for (let i = 0; i < 50; i++) await check(`guess ${i}`);
    expect(kept.reads).toBe(2);
  });

  it("forgets a version that was taken back after five minutes", async () => {
    const { it: kept, check } = secret("new", "leaked");
    expect(await check("leaked")).toBe(true);
    kept.versions = ["new"];
    kept.now += 5 * 60_000;
    expect(await check("leaked")).toBe(false);
  });

  it("goes on with what it knows while the service is away, and lets nobody in where it never knew", async () => {
    const { it: kept, check } = secret("right");
    expect(await check("right")).toBe(true);
    kept.versions = [];
    kept.now += 10 * 60_000;
    expect(await check("right")).toBe(true);
    await expect(secret().check("right")).rejects.toThrow("does not answer");
  });
});

describe("a function behind the edge", () => {
  const answer = async () => ({ statusCode: 204 });

  it("asks before anything else, and answers a problem that tells nothing", async () => {
    manager.answer = ({ input }) =>
      input.VersionStage === "AWSCURRENT"
        ? { body: { SecretString: "right" } }
        : { status: 400, body: { __type: "ResourceNotFoundException", Message: "no such version" } };
    let served = 0;
    const guarded = behindEdge(async () => {
      served += 1;
      return { statusCode: 204 };
    }, "arn:of-the-secret");
    const refused = await guarded(event(), context);
    expect(refused.statusCode).toBe(403);
    const { detail, code } = JSON.parse(String(refused.body));
    expect([code, detail]).toEqual(["FORBIDDEN", undefined]);
    expect(served).toBe(0);
    expect(await guarded(event({ [ORIGIN_HEADER]: "right" }), context)).toEqual({ statusCode: 204 });
    expect(served).toBe(1);
  });

  it("lets nobody in while it cannot read the secret", async () => {
    manager.answer = () => ({ status: 400, body: { __type: "ThrottlingException" } });
    const guarded = behindEdge(answer, "arn:of-the-secret");
    expect((await guarded(event({ [ORIGIN_HEADER]: "right" }), context)).statusCode).toBe(500);
  });

  it("asks nothing where the deployment has no edge", async () => {
    expect((await behindEdge(answer, undefined)(event(), context)).statusCode).toBe(204);
    expect(manager.asked).toHaveLength(0);
  });
});

it("is all that anybody asks about where a request came from: no address is read", () => {
  const root = join(import.meta.dirname, "../../");
  const files = globSync("{functions,shared}/**/*.ts", { cwd: root });
  expect(files.length).toBeGreaterThan(100);
  const readers = files.filter((path) =>
    /x-forwarded-for|sourceIp|viewer-address/i.test(readFileSync(join(root, path), "utf8")),
  );
  expect(readers).toEqual([]);
});

describe("every function that answers HTTP", () => {
  beforeAll(() => {
    vi.stubEnv("ORIGIN_SECRET_ID", "arn:of-the-secret");
    vi.resetModules();
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  it.each(["shop", "ops", "hooks", "site"])("stands behind the edge: %s", async (name) => {
    manager.answer = () => ({ body: { SecretString: "right" } });
    const { handler } = await import(`../../functions/api/${name}.ts`);
    expect((await handler(event({}, "/"), context)).statusCode).toBe(403);
    expect(manager.asked.length).toBeGreaterThan(0);
  });
});
