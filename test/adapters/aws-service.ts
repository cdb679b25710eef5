import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";

interface Asked {
  action: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a service is asked is looked at by expectations
  input: any;
  headers: IncomingHttpHeaders;
}
/** A body is a success, `lost` hangs up. */
type Answer = { status?: number; headers?: Record<string, string>; body?: unknown } | "lost";

/** An AWS JSON service on 127.0.0.1 that answers as it is told, and keeps what it was asked; ended with the test file. */
export async function openAwsService(): Promise<{
  connection: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  };
  asked: Asked[];
  answer: (asked: Asked) => Answer;
}> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one: Asked = {
      action: String(request.headers["x-amz-target"]).split(".").at(-1)!,
      input: JSON.parse(Buffer.concat(chunks).toString()),
      headers: request.headers,
    };
    service.asked.push(one);
    const answer = service.answer(one);
    if (answer === "lost") request.socket.destroy();
    else response.writeHead(answer.status ?? 200, answer.headers).end(JSON.stringify(answer.body ?? {}));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const service = {
    connection: {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: "ap-northeast-1",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    },
    asked: [] as Asked[],
    answer: (_asked: Asked): Answer => ({}),
  };
  return service;
}
