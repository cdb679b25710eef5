/**
 * One JSON line a fact. Only the fields named here are ever written, so that personal data can't slip into a log by being
 * passed along: add a field here, with the reason, or it is dropped.
 */
const allowed = new Set([
  "code", // what happened, a stable upper-case word
  "function",
  "requestId",
  "route", // the declared path, never the one called
  "method",
  "status",
  "problem",
  "detail", // of a DomainError: written by us, without personal data
  "ms",
  "error", // name of an unexpected error
  "message", // its message
  "stack",
  "eventId",
  "eventType",
  "teamId",
  "campaignId",
  "orderId",
  "refundId",
  "number", // of a payment or refund at the channel
  "caseKey",
  "outcome",
  "count",
  "impact",
  "notificationId",
  "place", // in the input: a path, not its value
]);

type Level = "debug" | "info" | "warn" | "error";
export type LogFields = Record<string, unknown>;

const write = (level: Level, code: string, fields: LogFields) => {
  const kept = Object.entries(fields).filter(([name, value]) => allowed.has(name) && value !== undefined);
  const line = JSON.stringify({
    level,
    at: new Date().toISOString(),
    code,
    function: process.env.AWS_LAMBDA_FUNCTION_NAME,
    ...Object.fromEntries(kept),
  });
  (level === "error" || level === "warn" ? process.stderr : process.stdout).write(`${line}\n`);
};

export const logger = {
  debug: (code: string, fields: LogFields = {}) => write("debug", code, fields),
  info: (code: string, fields: LogFields = {}) => write("info", code, fields),
  warn: (code: string, fields: LogFields = {}) => write("warn", code, fields),
  error: (code: string, fields: LogFields = {}) => write("error", code, fields),
  /** An error nobody expected: name, message and stack, under its own code (INVARIANT for a broken invariant, which alarms). */
  unexpected: (code: string, error: unknown, fields: LogFields = {}) =>
    write("error", error instanceof Error && error.name === "InvariantError" ? "INVARIANT" : code, {
      ...fields,
      error: error instanceof Error ? error.name : typeof error,
      message: error instanceof Error ? error.message.slice(0, 500) : undefined,
      stack: error instanceof Error ? error.stack?.split("\n").slice(1, 8).join("\n") : undefined,
    }),
};
