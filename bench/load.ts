import { Agent, request } from "node:http";

/** A client that keeps its connections; what it costs is its own process's, never the measured one's. */
export function createHttpClient(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const { hostname, port } = new URL(url);
  return {
    /** Sends JSON, answers status and JSON. */
    send(
      method: "GET" | "POST",
      path: string,
      { token, key, body }: { token?: string; key?: string; body?: object } = {},
    ): Promise<{ status: number; body: Record<string, unknown> }> {
      const text = body && JSON.stringify(body);
      return new Promise((resolve, reject) => {
        const outgoing = request(
          {
            agent,
            hostname,
            port,
            path,
            method,
            headers: {
              ...(token && { authorization: `Bearer ${token}` }),
              ...(key && { "idempotency-key": key }),
              ...(text && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
            },
          },
          (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
            incoming.on("error", reject);
            incoming.on("end", () => {
              const answer = Buffer.concat(chunks).toString();
              resolve({ status: incoming.statusCode ?? 0, body: answer ? JSON.parse(answer) : {} });
            });
          },
        );
        outgoing.on("error", reject);
        outgoing.end(text);
      });
    },
    close: () => agent.destroy(),
  };
}

export interface Drive {
  /** Operations that were carried out. */
  count: number;
  seconds: number;
  /** 99th percentile of one operation, ms. */
  p99Ms: number;
}

/**
 * Carries out the operations, `concurrency` at a time, until there are no more or `limitMs` (real time) is over: a busy machine
 * does fewer, and takes no longer. The first failure ends it.
 */
export async function drive(
  operations: readonly (() => Promise<unknown>)[],
  concurrency: number,
  limitMs = Number.POSITIVE_INFINITY,
): Promise<Drive> {
  const latencies: number[] = [];
  const began = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < operations.length && performance.now() - began < limitMs) {
      const operation = operations[next++]!;
      const start = performance.now();
      await operation();
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  latencies.sort((a, b) => a - b);
  return {
    count: latencies.length,
    seconds: (performance.now() - began) / 1000,
    p99Ms: latencies[Math.ceil(latencies.length * 0.99) - 1] ?? 0,
  };
}
