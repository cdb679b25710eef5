import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
// @ts-expect-error The package ships no types.
import aslValidator from "asl-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { synthesize } from "../../infra/synth.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { loadDefinition } from "../../local/state-machines.ts";
import { stubFunctions } from "../infra/stub-functions.ts";
import { tempFolder } from "./fakes.ts";

// The real stack with functions that only tell their path: what is around them is what is looked at.
const folder = tempFolder();
const assembly = join(folder, "assembly");
const dataDir = join(folder, "data");
let platform: Platform;
let functionsRoot: string;

beforeAll(async () => {
  functionsRoot = stubFunctions();
  await synthesize({ stage: "local", outDir: assembly, functionsRoot });
  platform = await startPlatform({ dataDir, assembly });
});
afterAll(async () => {
  await platform?.stop();
  for (const path of [folder, functionsRoot]) rmSync(path, { recursive: true, force: true });
});

const local = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${platform.url}/_local${path}`, init);
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    body: (await response.json()) as Record<string, unknown>,
  };
};
const post = (path: string, body: object) =>
  local(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
const signIn = async (username: string, password: string) => {
  const body = new URLSearchParams({ grant_type: "password", username, password });
  return local("/cognito/oauth2/token", { method: "POST", body });
};
const admin = () =>
  JSON.parse(readFileSync(platform.cognito.adminFile, "utf8")) as { username: string; password: string };

test("every state machine of the template is valid, and made of what is run here", () => {
  const machines = platform.template.byType("AWS::StepFunctions::StateMachine").map(({ id }) => id);
  expect(machines).toEqual(["GroupDeadlineMachine", "RefundMachine", "FulfilmentMachine", "CompensationMachine"]);
  for (const id of machines) {
    expect(aslValidator(loadDefinition(platform.template, id))).toMatchObject({ isValid: true });
  }
});

test("each audience's path reaches its function", async () => {
  const reached = async (path: string) => (await fetch(platform.url + path)).text();
  expect(await reached("/v1/teams")).toBe("api/shop.ts");
  expect(await reached("/hooks/wechat")).toBe("api/hooks.ts");
  expect(await reached("/docs")).toBe("api/site.ts");
  expect(await reached("/ops/v1/stores")).toBe('{"message":"Unauthorized"}');
});

test("the first administrator signs in with the printed password, others are added, wrong passwords are refused", async () => {
  const { username, password } = admin();
  const { body } = await signIn(username, password);
  expect(body).toMatchObject({ expires_in: 3600, token_type: "Bearer" });
  const headers = { authorization: `Bearer ${body.access_token}` };
  expect(await (await fetch(`${platform.url}/ops/v1/stores`, { headers })).text()).toBe("api/ops.ts");
  expect(await signIn(username, "wrong")).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  const made = await post("/cognito/users", { username: "wang", password: "long enough" });
  expect(made).toMatchObject({ status: 201, body: { sub: expect.any(String) } });
  expect((await signIn("wang", "long enough")).status).toBe(200);
});

test("the clock moves forward only, and what falls due is done before the platform is idle", async () => {
  const before = (await local("/clock")).body as { now: number };
  await post("/clock", { advanceMs: 11 * 60_000 });
  expect((await local("/idle?timeoutMs=20000")).body).toEqual({ idle: true });
  const after = (await local("/clock")).body as { now: number; offsetMs: number };
  expect(after.now - before.now).toBeGreaterThanOrEqual(11 * 60_000);
  expect(await post("/clock", { to: "2020-01-01T00:00:00Z" })).toMatchObject({
    status: 409,
    type: "application/problem+json",
  });
  expect(await post("/clock", { advanceMs: -1 })).toMatchObject({ status: 400 });
});

test("controls answer problems for what they do not know, and nothing to another origin", async () => {
  expect(await local("/nothing")).toMatchObject({ status: 404, type: "application/problem+json" });
  expect((await local("/clock", { method: "DELETE" })).status).toBe(405);
  expect((await local("/clock", { headers: { origin: "https://elsewhere.example" } })).status).toBe(403);
});

test("knobs of the sandboxes are reached through the controls", async () => {
  expect(await post("/location/faults", { fault: "outage", count: 1 })).toMatchObject({
    status: 200,
    body: { fault: "outage", count: 1 },
  });
  expect((await post("/location/faults", { fault: "flood" })).status).toBe(400);
  expect(await post("/wechat/login-code", { user: "li" })).toMatchObject({
    status: 200,
    body: { code: expect.any(String) },
  });
});

test("a second platform on the same folder is refused", async () => {
  await expect(startPlatform({ dataDir, assembly })).rejects.toThrow("is in use by another platform");
});

test("a restart keeps clock, users and secrets; a fresh start forgets them", async () => {
  const { password } = admin();
  const offset = platform.clock.offset;
  await platform.stop();
  platform = await startPlatform({ dataDir, assembly });
  expect(platform.clock.offset).toBe(offset);
  expect((await signIn("wang", "long enough")).status).toBe(200);
  await platform.stop();
  platform = await startPlatform({ dataDir, assembly, fresh: true });
  expect(platform.clock.offset).toBe(0);
  expect(admin().password).not.toBe(password);
  expect(existsSync(join(dataDir, "runner.db"))).toBe(true);
});
