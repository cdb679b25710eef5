import type { Env } from "../kernel/env.ts";
import { readProviderNumber } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Table } from "../table/entity.ts";
import { dispatches } from "../table/keys.ts";
import type { Asked, Carrier, CarrierNews } from "./ports.ts";
import { takeNews } from "./take-news.ts";

/**
 * Takes news that anybody may have made up: the carrier is asked about the live job it is about, nobody about any other, and what it answers
 * counts. Throws TRY_AGAIN where the carrier does not answer: it will tell again, or the next look finds out.
 */
export async function takeHint(
  deps: { table: Table; env: Env; carriers: readonly Carrier[] },
  hint: CarrierNews,
): Promise<Awaited<ReturnType<typeof takeNews>> | "unconfirmed"> {
  const { id: orderId = "", attempt } = readProviderNumber(hint.jobNo) ?? {};
  const row = orderId.startsWith("OR") ? await deps.table.load(dispatches, { orderId }) : undefined;
  const carrier = deps.carriers.find(({ name }) => name === hint.carrier);
  if (!carrier || row?.carrier !== hint.carrier || row.attempt !== attempt) return "unconfirmed";
  const asked = await carrier.query(hint.jobNo, row.storeId);
  if (asked.kind === "unknown" || asked.kind === "busy") throw new DomainError("TRY_AGAIN");
  const news = confirmed(hint, asked);
  return news ? takeNews(deps, news) : "unconfirmed";
}

/** The hint, with what the carrier itself answers; undefined where it does not bear the hint out. */
export function confirmed(hint: CarrierNews, asked: Asked): CarrierNews | undefined {
  if (asked.kind !== "job" || asked.news.jobNo !== hint.jobNo) return undefined;
  const { news } = asked;
  return news.raw === hint.raw.split(":")[0] ? { ...news, ...hint } : news;
}
