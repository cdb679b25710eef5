import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { beforeEach, expect, test, vi } from "vitest";
import * as z from "zod";
import type { Deps } from "../../functions/runtime/deps.ts";
import { httpHandler } from "../../functions/runtime/http.ts";
import { route } from "../../functions/runtime/route.ts";

const named = route({
  method: "get",
  path: "/v1/things/{name}",
  summary: "what the path says",
  actor: "public",
  owns: "none",
  params: z.strictObject({ name: z.string() }),
  ok: z.object({ name: z.string() }),
  problems: [],
  run: async (_deps, { params }) => params,
});
const handler = httpHandler(
  [{ under: ["/v1"], routes: async () => [named] }],
  async () => ({ env: { clock: { now: () => 0 } } }) as unknown as Deps,
);
const get = async (rawPath: string) => {
  const http = { method: "GET", path: rawPath };
  const event = { rawPath, rawQueryString: "", headers: {}, requestContext: { requestId: "r-1", http } };
  const { statusCode, body } = await handler(event as unknown as APIGatewayProxyEventV2, {} as Context);
  const { code, name } = JSON.parse(body!);
  return { statusCode, told: code ?? name };
};

beforeEach(() => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});

test.each(["a?b=1", "a#b", "a\0", "\0", "\n", " ", "a\tb", "%", "%00", "%zz", "100%25", "名", "a+b", "a;b&c=d"])(
  "a path segment %j, decoded by the gateway, comes to its route as it was sent",
  async (name) => {
    expect(await get(`/v1/things/${name}`)).toEqual({ statusCode: 200, told: name });
  },
);

test("half a character in the path is replaced, as URLs do", async () => {
  expect(await get("/v1/things/\ud800")).toEqual({ statusCode: 200, told: "\ufffd" });
});

test("a slash is still a slash, and nothing is no name", async () => {
  for (const path of ["/v1/things/a/b", "/v1/things/", "/v1/things"])
    expect(await get(path)).toEqual({ statusCode: 404, told: "ROUTE_NOT_FOUND" });
});
