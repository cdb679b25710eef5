import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { roughly } from "../kernel/geo.ts";
import { readProviderNumber } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { type Order, orderFacts, orderLifecycle } from "../order/index.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { dispatches, dues, orders, outbox, tracks, transfers } from "../table/keys.ts";
import { codeUsed, deliveryBooked } from "./dispatch-writes.ts";
import { dispatchLifecycle } from "./lifecycle.ts";
import type { Dispatch } from "./model.ts";
import type { CarrierNews } from "./ports.ts";
import { eventOf, hasGoods, isHeardAnew } from "./rules.ts";

type Deps = { table: Table; env: Env };

/** How our own news says that a carrier does not know a job. */
export const ABSENT = "absent";

/**
 * Puts what a carrier tells of a job into our rows, in whatever order and however often it is told: one commit keeps the news and moves the
 * order with it. Only news of the live job moves anything, and only onward (rules.ts); all of it is kept once in the order's trail. unknown_job:
 * we never asked for it. That a job ended which we called off counts once the carrier has answered what it keeps for it (`calledOff`).
 */
export async function takeNews(
  deps: Deps,
  news: CarrierNews,
  how: { calledOff?: boolean } = {},
): Promise<"applied" | "ignored" | "unknown_job"> {
  const { table, env } = deps;
  const number = readProviderNumber(news.jobNo);
  if (!number?.id.startsWith("OR")) return "unknown_job";
  const { id: orderId, attempt } = number;
  return decide(async () => {
    const row = await table.load(dispatches, { orderId });
    if (!row || attempt > row.attempt) return "unknown_job";
    const live = attempt === row.attempt;
    if (live && row.carrier !== news.carrier) return "unknown_job";
    const key = { orderId, at: news.at, id: `${news.jobNo}#${news.raw}`.slice(0, 120) };
    if (await table.load(tracks, key)) return "ignored";
    const kept = tracks.create({
      ...key,
      state: news.state,
      attempt,
      actor: { kind: "carrier", id: news.carrier },
      raw: news.raw.slice(0, 64),
      ...(news.reason !== undefined && { reason: Array.from(news.reason).slice(0, 200).join("") }),
      ...(news.position && { place: roughly(news.position) }),
    });
    const early = live && news.cancelledBy === "merchant" && !how.calledOff && !hasGoods(row.state);
    const event = live && !early ? eventOf(row, news) : undefined;
    if (!event) {
      const anew = live && isHeardAnew(row, news);
      // a rider who came meanwhile had us let it be: what the carrier keeps of it is still to be asked
      const again = early && row.callOff === undefined && eventOf(row, news) !== undefined;
      const heard = anew || again;
      await table.commit([
        kept,
        ...(heard
          ? [
              dispatches
                .patch(row)
                .asRead(row)
                .set({ ...(anew && { heardAt: news.at }), ...(again && { callOff: "switch" as const }) }),
            ]
          : []),
      ]);
      return "ignored";
    }
    const lost = event === "lost";
    const gone = lost || event === "dropped";
    const feeFen = news.feeFen ?? row.feeFen;
    const rider = gone ? undefined : riderText(news);
    const order = await table.load(orders, { orderId });
    invariant(order, `dispatch ${orderId} has its order`);
    // it ended before anybody had the goods: what its carrier wants all the same is what it keeps
    const keepsFen = news.state === "CANCELLED" && !hasGoods(row.state) ? (news.feeFen ?? 0) : 0;
    const keeps =
      keepsFen > 0 &&
      !(await table.load(transfers, { subject: orderId, kind: "delivery_called_off", reference: news.jobNo }));
    await table.commit([
      kept,
      dispatches
        .patch(row)
        .asRead(row)
        .move("state", dispatchLifecycle, event)
        .add({ attempt: lost ? 1 : 0 })
        .set({
          heardAt: Math.max(news.at, row.heardAt),
          ...(gone || rider !== undefined ? { rider } : {}),
          ...(event === "dropped" && { droppedAt: news.at }),
          ...(lost
            ? {
                carrier: undefined,
                droppedAt: undefined,
                askedAt: undefined,
                feeFen: undefined,
                callOff: undefined,
                ...(news.raw === ABSENT && {
                  unsure: [...(row.unsure ?? []), { attempt, carrier: news.carrier, at: news.at }],
                }),
                declined: [...new Set([...(row.declined ?? []), news.carrier])],
              }
            : {
                ...(feeFen !== undefined && { feeFen }),
                // somebody comes for it after all
                ...(row.callOff === "switch" && { callOff: undefined }),
              }),
        }),
      ...(keeps
        ? deliveryBooked(env, row, {
            party: `carrier:${news.carrier}`,
            amountFen: keepsFen,
            at: news.at,
            calledOff: true,
          })
        : []),
      ...consequences(env, row, order, event, news),
      ...(event === "delivered" || event === "returned" || (event === "failed" && hasGoods(row.state))
        ? deliveryBooked(env, row, { party: `carrier:${news.carrier}`, amountFen: feeFen ?? 0, at: news.at })
        : []),
    ]);
    return "applied";
  });
}

/** A rider as a member may see him: 王师傅 138****1234. */
export function riderText({ rider }: CarrierNews): string | undefined {
  if (!rider) return undefined;
  const phone = rider.phone?.replace(/\D/g, "").replace(/^(\d{3})\d+(\d{4})$/, "$1****$2");
  return `${Array.from(rider.name)[0] ?? ""}师傅${phone?.includes("*") ? ` ${phone}` : ""}`;
}

/** What the order and everybody else learns of a move. */
function consequences(
  env: Env,
  row: Stored<Dispatch>,
  order: Stored<Order>,
  event: string,
  { at, carrier }: CarrierNews,
): Write[] {
  const { orderId, storeId, attempt } = row;
  const tell = (type: string, data: Record<string, string | number | boolean>) =>
    outbox.create(
      makeEvent(env, {
        type,
        actor: { kind: "system", id: carrier },
        origin: order.origin,
        data: { orderId, storeId, ...data },
      }),
    );
  switch (event) {
    case "pickedUp":
      return order.stage === "READY"
        ? [
            orders.patch(order).asRead(order).move("stage", orderLifecycle, "dispatched"),
            tell("order.dispatched", { ...orderFacts(order), delivers: true, attempt }),
          ]
        : [];
    case "delivered": {
      const late = order.delivery && at > order.delivery.until;
      const told = late ? [tell("delivery.late", { memberId: order.memberId, byMs: at - order.delivery!.until })] : [];
      // handed over for the member's code meanwhile
      if (order.stage === "HANDED_OVER") return told;
      // what is being refunded is not handed over by it: staff see both
      if (order.seat !== "PAID" || !orderLifecycle.allows(order.stage, "handedOver"))
        return [...told, tell("dispatch.attention", { state: "DELIVERED", attempt })];
      const now = env.clock.now();
      return [
        ...told,
        orders
          .patch(order)
          .asRead(order)
          .move("stage", orderLifecycle, "handedOver")
          .when("seat", "=", "PAID")
          .set({ handedOverAt: now }),
        ...codeUsed(order),
        dues.create({ kind: "shipping", id: orderId, at: now, since: now }),
        tell("order.handed_over", {
          memberId: order.memberId,
          paymentNo: order.paymentNo,
          ...(order.teamId !== undefined && { teamId: order.teamId }),
          ...(order.profitSharing && { profitSharing: true }),
        }),
      ];
    }
    case "returned":
      return [
        ...(order.stage === "DISPATCHED"
          ? [orders.patch(order).asRead(order).move("stage", orderLifecycle, "returned")]
          : []),
        tell("dispatch.attention", { state: "RETURNED", attempt }),
      ];
    case "lost":
      return [tell("dispatch.lost", { attempt })];
    case "cancelled":
    case "returning":
    case "failed":
      return [tell("dispatch.attention", { state: dispatchLifecycle.to(event), attempt })];
    default:
      return [];
  }
}
