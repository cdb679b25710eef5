import type { Article } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import {
  atItsStore,
  couponBooked,
  couponFen,
  hasUnits,
  notGoneBackFen,
  type Order,
  orderFacts,
  requestedRefund,
  takeUnits,
  without,
} from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import { recallAt } from "../supply/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { articles, orders, outbox, refunds, refundsOf } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { refuseUnready } from "./pack-order.ts";

type Deps = { table: Table; env: Env };

/** Units of an article that an order goes without, what goes back for them, fen, and what is given instead. */
export interface ShortPick {
  orderId: string;
  articleId: string;
  units: number;
  refundFen: number;
  substitute?: { articleId: string; name: string };
}

/**
 * An order goes without some units of an article that the store turned out not to have: they are refunded in proportion to what was
 * paid, by a refund of its own, or as many units of another article take their place, which costs the member nothing more; what it is
 * cheaper by goes back. The missing units are in nobody's stock; the other article's leave it. Throws ORDER_NOT_FOUND (or at another store),
 * ORDER_STATE (no such line or not so many units, by weight, bought to order, ended, nothing would be left; a kit or a batch takes no substitute),
 * SEAT_STATE, TRY_AGAIN (its cut-off is being settled), INPUT_INVALID (dearer, or no substitute for another reason),
 * ARTICLE_NOT_FOUND, SOLD_OUT (the store lacks the substitute), COMPENSATION_LIMIT (more would go back than is left of the payment).
 */
export async function shortPick(
  deps: Deps,
  input: {
    by: string;
    storeId: string;
    orderId: string;
    articleId: string;
    units: number;
    substituteArticleId?: string | undefined;
    once: Once<ShortPick>;
  },
): Promise<ShortPick> {
  const { env, table } = deps;
  const { by, storeId, orderId, articleId, units, substituteArticleId, once } = input;
  return decide(async () => {
    const order = await table.load(orders, { orderId });
    if (order?.storeId !== storeId) throw new DomainError("ORDER_NOT_FOUND");
    const line = lineToCut(order, articleId, units);
    await refuseUnready(table, order);
    const substitute =
      substituteArticleId === undefined
        ? undefined
        : await substituteFor(deps, order, line, units, substituteArticleId);
    if (!substitute && units === line.units && order.lines.length === 1)
      throw new DomainError("ORDER_STATE", "nothing would be left of it: cancel it, so that all of it goes back");
    const { backFen: refundFen, ...cut } = without(
      order,
      articleId,
      units,
      substitute && soldInstead(substitute, line),
    );
    const { items } = await table.page(refundsOf(orderId), { limit: 100 });
    const leftFen = notGoneBackFen(order, items);
    if (refundFen > leftFen) throw new DomainError("COMPENSATION_LIMIT", undefined, { facts: { refundFen, leftFen } });
    const at = env.clock.now();
    const refundId = env.ids.next("RF");
    const short: ShortPick = {
      orderId,
      articleId,
      units,
      refundFen,
      ...(substitute && { substitute: { articleId: substitute.articleId, name: substitute.name } }),
    };
    const missing = { articleId, name: line.name, units, ...(substitute && { instead: substitute.name }) };
    await table.commit([
      atItsStore(order)
        .asRead(order)
        .when("seat", "=", "PAID")
        .set({ ...cut, missing: [...(order.missing ?? []), missing] }),
      ...(substitute
        ? takeUnits(
            deps,
            { lines: [{ ...line, articleId: substitute.articleId, units }] },
            storeId,
            `instead#${orderId}#${order.version}`,
          )
        : []),
      ...(refundFen > 0
        ? [
            refunds.create(requestedRefund(order, { refundId, cause: "short_pick", refundFen }, at)),
            reconcileRefundOf(env, `${orderId}#${refundId}`),
          ]
        : []),
      ...couponBooked(env, order, {
        kind: "coupon_return",
        reference: refundId,
        amountFen: couponFen(order) - couponFen(cut),
        at,
      }),
      outbox.create(
        makeEvent(env, {
          type: "order.short_picked",
          actor: { kind: "staff", id: by },
          origin: order.origin,
          data: {
            ...orderFacts(order),
            articleName: line.name,
            missingUnits: units,
            ...(substitute && { insteadName: substitute.name }),
            ...(refundFen > 0 && { refundId, refundFen }),
          },
        }),
      ),
      audited(env, {
        staffId: by,
        action: "order.short_pick",
        target: orderId,
        change: { articleId, units, refundFen, substituteArticleId },
      }),
      ...once(short),
    ]);
    return short;
  });
}

type Line = Order["lines"][number];

/** The line that has so many units of the article to go without. Throws ORDER_STATE. */
function lineToCut({ lines, sourced }: Order, articleId: string, units: number): Line {
  if (sourced === "to_order")
    throw new DomainError("ORDER_STATE", "its goods are bought to order: receive what came, the rest is refunded");
  const line = lines.find((one) => one.articleId === articleId);
  if (!line || units > line.units)
    throw new DomainError("ORDER_STATE", `the order has ${line?.units ?? 0} units of it`, {
      facts: { units: line?.units ?? 0 },
    });
  if (line.grams !== undefined && (line.packedGrams !== undefined || units < line.units))
    throw new DomainError("ORDER_STATE", "it is sold by weight: weigh what there is, the rest is refunded");
  return line;
}

/** What is sold in place of a unit: at its own price, or at the missing one's where that is lower. */
const soldInstead = ({ articleId, name, priceFen, temperatureZone: zone }: Article, { unitFen }: Line) => ({
  articleId,
  name,
  aloneFen: priceFen,
  unitFen: Math.min(priceFen, unitFen),
  ...(zone !== undefined && { zone }),
});

/** Throws as `shortPick` says where an article can't take the place of a line's units. */
async function substituteFor(
  deps: Deps,
  order: Stored<Order>,
  line: Line,
  units: number,
  articleId: string,
): Promise<Article> {
  if (order.kit || order.wantedUnits !== undefined || line.grams !== undefined)
    throw new DomainError(
      "ORDER_STATE",
      "a kit, a batch and goods by weight take no substitute: refund what is missing",
    );
  const article = await deps.table.load(articles, { articleId });
  if (!article) throw new DomainError("ARTICLE_NOT_FOUND");
  const refused = order.lines.some((one) => one.articleId === articleId)
    ? "the order has it already: choose another"
    : article.sale.by !== "piece" || article.retired
      ? "choose an article that is sold by the piece"
      : article.priceFen > line.aloneFen
        ? "it is dearer: choose one that costs as much or less"
        : (await recallAt(deps, articleId, order.storeId)) && "it is under recall";
  if (refused)
    throw new DomainError("INPUT_INVALID", undefined, {
      errors: [{ path: "body.remedy.substituteArticleId", message: refused }],
    });
  const wanted = { lines: [{ ...line, articleId, units }] };
  if (!(await hasUnits(deps.table, wanted, order.storeId)))
    throw new DomainError("SOLD_OUT", `store ${order.storeId} lacks the units`);
  return article;
}
