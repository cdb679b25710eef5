import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Context } from "aws-lambda";
import { stackName } from "../local/assembly.ts";
import { createHttpApi } from "../local/http-api.ts";
import type { FunctionPool } from "../local/parts.ts";
import { loadTemplate } from "../local/template.ts";
import { answerParent, ownCpuMs } from "./child.ts";

// The bundles of the functions that answer members and WeChat, over plain HTTP, in one process and one thread. Its
// environment is that of the function; only PUBLIC_URL is known no earlier than here.
const template = loadTemplate(process.env.ASSEMBLY!, stackName);
const handlers = new Map<string, Promise<(event: unknown, context: Context) => Promise<unknown>>>();
let notified = 0;

const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
process.env.PUBLIC_URL = url;

for (const { id, properties } of template.byType("AWS::Lambda::Function")) {
  const { S3Key } = (properties.Code ?? {}) as { S3Key?: string };
  if (!S3Key || !/^(Shop|Hooks)/.test(id)) continue;
  const file = pathToFileURL(join(template.assetFolder(S3Key), "index.mjs")).href;
  handlers.set(
    id,
    import(file).then(({ handler }) => handler),
  );
}
await Promise.all(handlers.values());

const context = { awsRequestId: "bench", getRemainingTimeInMillis: () => 15_000 } as Context;
const pool: FunctionPool = {
  async invoke(functionId, event) {
    const handler = await handlers.get(functionId);
    if (!handler) throw new Error(`${functionId} does not run here`);
    const answer = await handler(event, context);
    if (functionId.startsWith("Hooks")) notified++;
    return answer;
  },
  busy: 0,
  stop: async () => {},
};
const serve = createHttpApi({
  template,
  pool,
  clock: { now: Date.now, offset: 0, advance: () => {}, at: () => ({ cancel: () => {} }) },
  keysOf: () => ({ keys: [] }),
  log: (line) => console.error(line),
});

answerParent({ url: () => url, cpu: ownCpuMs, notified: () => notified });
