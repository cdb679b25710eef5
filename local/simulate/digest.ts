import { createHash } from "node:crypto";
import type { Facts, Row } from "../recount/facts.ts";

/** What of a row is a fact of the story: neither an id, nor a time, nor chance of another kind. */
const told: Record<string, readonly string[]> = {
  Order: ["seat", "stage", "shipping", "paymentState", "disposition", "payableFen", "units", "refundedFen", "attempt"],
  Refund: ["cause", "refundFen", "totalFen", "state"],
  Team: ["state", "outcome", "size", "held", "paid", "free", "paidUnits", "subsidyFen"],
  Campaign: ["kind", "name", "state", "subsidySpentFen"],
  Allotment: ["units", "left", "state"],
  Stock: ["online"],
  Transfer: ["kind", "amountFen"],
  CouponGrant: ["state"],
  Commission: ["rule", "bps", "amountFen", "returnedFen", "state"],
  Dispatch: ["state", "carrier", "attempt", "feeFen"],
};
/** Ids that stand for a name which is the same in each run. */
const named: Record<string, string> = { Store: "storeId", Article: "articleId", Campaign: "campaignId" };

/**
 * A digest of the facts in which two runs of one seed agree: amounts, states and counts, each with the store, article and campaign by
 * name. Ids and times are left out: ids are random, and the clock runs on while a function works.
 */
export function digestOf({ rows }: Pick<Facts, "rows">): string {
  const names = new Map<string, string>();
  for (const [entity, id] of Object.entries(named))
    for (const row of rows.get(entity) ?? []) names.set(String(row[id]), String(row.name));
  const nameOf = (row: Row) =>
    Object.values(named)
      .map((id) => names.get(String(row[id])) ?? "")
      .join("|");
  const lines = Object.entries(told).flatMap(([entity, fields]) =>
    (rows.get(entity) ?? []).map((row) =>
      JSON.stringify([entity, nameOf(row), ...fields.map((field) => row[field] ?? null)]),
    ),
  );
  return createHash("sha256").update(lines.sort().join("\n")).digest("hex").slice(0, 16);
}
