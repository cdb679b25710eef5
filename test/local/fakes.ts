import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FunctionPool, Template, TemplateResource } from "../../local/parts.ts";

export function tempFolder(): string {
  return mkdtempSync(join(tmpdir(), "commensal-local-"));
}

const arnPattern = /^arn:aws:[^:]*:[^:]*:[^:]*:(?:function:|stateMachine:|role\/|table\/)?([^:/]+)/;

/** A resolved template made by hand; an ARN's last word is the logical id. */
export function handTemplate(
  resources: Record<string, { type: string; properties: Record<string, unknown> }>,
): Template {
  const all: TemplateResource[] = Object.entries(resources).map(([id, resource]) => ({ id, ...resource }));
  return {
    folder: "",
    byType: (type) => all.filter((one) => one.type === type),
    byId: (id) => {
      const found = all.find((one) => one.id === id);
      if (!found) throw new Error(`no resource ${id}`);
      return found;
    },
    idOfArn: (arn) => {
      const name = arnPattern.exec(arn)?.[1] ?? arn;
      return name in resources ? name : undefined;
    },
    assetFolder: () => "",
  };
}

export const arn = (service: string, rest: string): string => `arn:aws:${service}:ap-northeast-1:000000000000:${rest}`;

export interface Call {
  functionId: string;
  event: unknown;
  label: string | undefined;
}

/** Functions as plain code; every invocation is kept in `calls`. */
export function handPool(run: (call: Call, count: number) => unknown): FunctionPool & { calls: Call[] } {
  const calls: Call[] = [];
  let busy = 0;
  return {
    calls,
    get busy() {
      return busy;
    },
    async invoke(functionId, event, label) {
      const call = { functionId, event, label };
      calls.push(call);
      busy++;
      try {
        return await run(call, calls.length);
      } finally {
        busy--;
      }
    },
    async stop() {},
  };
}

/** Waits until `holds` is true; fails, showing `what`, after five seconds. */
export async function until(holds: () => boolean, what = "the condition"): Promise<void> {
  const end = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what} did not come to hold within 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
