import { createHmac, timingSafeEqual } from "node:crypto";
import { DomainError } from "../../shared/kernel/problem.ts";

/** Opaque page cursors: where a list goes on, signed, and bound to that very list by its scope. */
export interface Cursors {
  seal(next: Record<string, string> | undefined, scope: string): string | undefined;
  /** Throws CURSOR_INVALID on anything this list did not give out. */
  open(cursor: string | undefined, scope: string): Record<string, string> | undefined;
}

export function cursorsOf(key: Buffer): Cursors {
  const sign = (payload: string, scope: string) =>
    createHmac("sha256", key).update(`${scope}\n${payload}`).digest().subarray(0, 16);
  return {
    seal(next, scope) {
      if (!next) return undefined;
      const payload = Buffer.from(JSON.stringify(next)).toString("base64url");
      return `${payload}.${sign(payload, scope).toString("base64url")}`;
    },
    open(cursor, scope) {
      if (cursor === undefined) return undefined;
      const [payload = "", mark = "", ...rest] = cursor.split(".");
      const given = Buffer.from(mark, "base64url");
      const right = sign(payload, scope);
      if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right))
        throw new DomainError("CURSOR_INVALID");
      return JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as Record<string, string>;
    },
  };
}
