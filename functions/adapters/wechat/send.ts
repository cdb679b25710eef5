/** What came back over the wire, unjudged; or why nothing did. */
export type Answer =
  | { kind: "answer"; status: number; headers: Headers; body: Buffer }
  | { kind: "unknown"; reason: string };

/**
 * One HTTP call, sent once: no retry, no redirect followed (a redirect is an answer like any other). Timeout in ms of
 * real time, over the whole exchange. The reason names neither URL nor headers: both carry secrets.
 */
export async function send(
  url: string,
  request: { method: "GET" | "POST"; headers: Record<string, string>; body?: string },
  timeoutMs = 5_000,
): Promise<Answer> {
  try {
    const response = await fetch(url, { ...request, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
    return {
      kind: "answer",
      status: response.status,
      headers: response.headers,
      body: Buffer.from(await response.arrayBuffer()),
    };
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    return {
      kind: "unknown",
      reason: name === "TimeoutError" ? `no answer within ${timeoutMs} ms` : "the connection failed",
    };
  }
}

/** The JSON in a body, or undefined where it is none. */
export function readJson(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

/** The text cut to at most `bytes` bytes of UTF-8, between characters. */
export function cutToBytes(text: string, bytes: number): string {
  let length = 0;
  let cut = "";
  for (const character of text) {
    length += Buffer.byteLength(character);
    if (length > bytes) break;
    cut += character;
  }
  return cut;
}
