import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { day, hour, startOfDay } from "../kernel/time.ts";
import { nameOf } from "../order/index.ts";
import type { Rating } from "../supply/index.ts";
import { decide, Stale, type Stored, type Table } from "../table/entity.ts";
import { dues, orders, outbox, ratings } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { Due } from "../table/rows.ts";

type Deps = { env: Pick<Env, "clock" | "ids">; table: Table };

/** 好吃吗? is asked so long after the hand-over, ms; nobody is asked between 22:00 and 08:00 (Asia/Shanghai), but at eight. */
const askAfterMs = 2 * hour;
const quiet = { from: 22 * hour, until: 8 * hour };

/** When who had an order handed over at `at` (epoch ms) is asked about it. */
export function askedAt(at: number): number {
  const then = at + askAfterMs;
  const today = startOfDay(then);
  if (then < today + quiet.until) return today + quiet.until;
  return then >= today + quiet.from ? today + day + quiet.until : then;
}

/** The order was handed over at `at` (epoch ms): its member is asked later. May be told again. */
export async function awaitTasting({ table }: { table: Table }, orderId: string, at: number): Promise<void> {
  const then = askedAt(at);
  try {
    await table.write(dues.create({ kind: "tasting", id: orderId, at: then, since: then }));
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // it is there
  }
}

/** Asks a member how an order's goods were, once: the due row goes with it. Nobody is asked about what went back. True: it is done. */
export async function askForTaste({ env, table }: Deps, due: Stored<Due> | Due): Promise<true> {
  const order = await table.load(orders, { orderId: due.id });
  if (order?.handedOverAt === undefined || order.seat !== "PAID") return true;
  try {
    await table.commit([
      dues.remove(due),
      outbox.create(
        makeEvent(env, {
          type: "order.taste_asked",
          actor: { kind: "system" },
          origin: order.origin,
          data: {
            orderId: order.orderId,
            memberId: order.memberId,
            storeId: order.storeId,
            articleName: nameOf(order),
          },
        }),
      ),
    ]);
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // another sweep asked
  }
  return true;
}

/**
 * A member says of an article of an order whether it tasted good, once. It is counted behind the answer (`countRating`). Throws
 * ORDER_NOT_FOUND, ORDER_STATE (not handed over, or it has no such article), RATED_ALREADY.
 */
export async function rateGoods(
  { env, table }: Deps,
  input: { orderId: string; articleId: string; tasty: boolean; once: Once<Rating> },
): Promise<Rating> {
  const { orderId, articleId, tasty, once } = input;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (!order) throw new DomainError("ORDER_NOT_FOUND");
    if (order.handedOverAt === undefined)
      throw new DomainError("ORDER_STATE", "taste it first: it is not handed over yet");
    if (!order.lines.some((line) => line.articleId === articleId))
      throw new DomainError("ORDER_STATE", "the order has no such article");
    if (await table.load(ratings, { orderId, articleId })) throw new DomainError("RATED_ALREADY");
    const { memberId, storeId, origin } = order;
    const rating: Rating = { orderId, articleId, memberId, storeId, tasty, at: env.clock.now() };
    await table.commit([
      // who was first has said it
      ratings.create(rating).or("RATED_ALREADY"),
      outbox.create(
        makeEvent(env, {
          type: "order.rated",
          actor: { kind: "member", id: memberId },
          origin,
          data: { orderId, articleId, storeId, tasty },
        }),
      ),
      ...once(rating),
    ]);
    return rating;
  });
}
