import { couponHeld } from "../coupon/index.ts";
import { type Place, type RouteChoice, type RoutingDeps, routeOrder } from "../fulfilment/index.ts";
import { makeEvent, type Origin } from "../kernel/event.ts";
import { providerNumber } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { day, dayOf, startOfDay, wholeSecond } from "../kernel/time.ts";
import { type Order, orderFacts, takeUnits } from "../order/index.ts";
import { decide, loadLasting, type Table } from "../table/entity.ts";
import { carts, dues, members, orders, outbox, shares, stocks } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { cartPolicy } from "./cart-policy.ts";
import type { CartLine } from "./model.ts";
import { articlesOf, type PricedCart, priceCart } from "./price-cart.ts";

/** What is to be ordered, and how the member gets it. */
export interface CartRequest {
  memberId: string;
  lines: readonly CartLine[];
  /** Where the member is: the nearest store that has everything serves it. */
  place: Place;
  /** One of the stores offered; the nearest able one where absent. */
  storeId?: string | undefined;
  couponGrantId?: string | undefined;
}

/** An order as it would be placed now: its store, its price, and when it may be collected (epoch ms). */
export interface CartQuote {
  route: RouteChoice;
  priced: PricedCart;
  payableFen: number;
  pickupFrom: number;
  pickupUntil: number;
}

/**
 * What a cart would come to, and the store that would serve all of it: nothing is split over stores without a word. Throws INPUT_INVALID
 * (naming the line), what `routeOrder` throws, SOLD_OUT (stores are in range, none has everything; facts: the articles that no store
 * has enough of), COUPON_….
 */
export async function quoteCart(deps: RoutingDeps, input: CartRequest): Promise<CartQuote> {
  const now = deps.env.clock.now();
  const pickupFrom = wholeSecond(now + cartPolicy.readyMs);
  const pickupUntil = startOfDay(pickupFrom) + day + cartPolicy.keptMs;
  const articles = await articlesOf(deps, input.lines);
  const route = await storeFor(deps, input, { from: pickupFrom, until: pickupUntil });
  const priced = await priceCart(deps, { ...input, articles }, { ...input, storeId: route.storeId });
  return { route, priced, payableFen: priced.payableFen, pickupFrom, pickupUntil };
}

/** The order as placed, and why its store serves it, in words. */
export interface Placed {
  order: Order;
  why: string;
  perishable: boolean;
}

/**
 * Places an order of several articles and holds their units until it is paid: one commit takes each of them out of the store's online
 * stock. What was ordered leaves the member's cart. Throws as `quoteCart` does, SHARE_NOT_FOUND.
 */
export function placeOrder(
  deps: RoutingDeps & { blindIndex(text: string): string },
  input: CartRequest & { shareToken?: string | undefined; communityId?: string | undefined; once: Once<Placed> },
): Promise<Placed> {
  const { env, table } = deps;
  const { memberId, lines: wanted } = input;
  return decide(async () => {
    const now = env.clock.now();
    const [member, inviterId, kept] = await Promise.all([
      loadLasting(table, members, { memberId }),
      inviterOf(table, input),
      table.load(carts, { memberId }),
    ]);
    if (!member) throw new DomainError("MEMBER_NOT_FOUND");
    const { route, priced, payableFen, pickupFrom, pickupUntil } = await quoteCart(deps, input);
    const { lines, discounts, coupon } = priced;
    const orderId = env.ids.next("OR");
    const origin: Origin = {
      originId: wanted.find(({ originId }) => originId !== undefined)?.originId ?? orderId,
      channel: "mini",
      ...(input.communityId !== undefined && { communityId: input.communityId }),
      ...(inviterId !== undefined && { inviterId }),
    };
    const holdUntil = wholeSecond(now + cartPolicy.holdMs);
    const order: Order = {
      orderId,
      memberId,
      storeId: route.storeId,
      day: dayOf(now),
      seat: "HELD",
      stage: "PLACED",
      shipping: "NONE",
      lines,
      units: lines.reduce((sum, { units }) => sum + units, 0),
      ...(discounts.length > 0 && { discounts }),
      ...(coupon && { coupon: { grantId: coupon.grant.grantId, funder: coupon.funder } }),
      createdAt: now,
      holdUntil,
      firstOrder: member.firstPaidAt === undefined,
      routed: route.routed,
      origin,
      pickupFrom,
      pickupUntil,
      paymentNo: providerNumber(orderId, 1),
      attempt: 1,
      paymentState: "CREATED",
      payableFen,
    };
    const placed = { order, why: route.why, perishable: priced.perishable };
    const looksAt = holdUntil + cartPolicy.graceMs;
    const ordered = new Set(wanted.map(({ articleId }) => articleId));
    await table.commit([
      orders.create(order),
      // gone meanwhile: read again, another store may still have it all
      ...takeUnits(deps, order, route.storeId, `order#${orderId}`),
      ...(coupon ? [couponHeld(coupon.grant, orderId)] : []),
      ...(kept
        ? [
            carts.replace({
              ...kept,
              lines: kept.lines.filter(({ articleId }) => !ordered.has(articleId)),
              changedAt: now,
            }),
          ]
        : []),
      dues.create({ kind: "hold", id: orderId, at: looksAt, since: looksAt }),
      outbox.create(
        makeEvent(env, {
          type: "order.placed",
          actor: { kind: "member", id: memberId },
          origin,
          data: orderFacts(order),
        }),
      ),
      ...input.once(placed),
    ]);
    return placed;
  });
}

/** The store that has all of it, nearest first. */
async function storeFor(
  deps: RoutingDeps,
  { place, storeId, lines }: CartRequest,
  window: { from: number; until: number },
): Promise<RouteChoice> {
  /** Of each article, how many stores that were asked have enough of it. */
  const enough = new Map(lines.map(({ articleId }) => [articleId, 0]));
  let asked = 0;
  const whole = async (storeIds: readonly string[]): Promise<ReadonlyMap<string, number>> => {
    asked += storeIds.length;
    const keys = storeIds.flatMap((id) => lines.map(({ articleId }) => ({ storeId: id, articleId })));
    const rows = await deps.table.loadMany(stocks, keys);
    const online = new Map(rows.map((row) => [`${row.storeId} ${row.articleId}`, row.online]));
    return new Map(
      storeIds.map((id) => {
        const has = lines.filter(({ articleId, units }) => (online.get(`${id} ${articleId}`) ?? 0) >= units);
        for (const { articleId } of has) enough.set(articleId, enough.get(articleId)! + 1);
        return [id, has.length === lines.length ? 1 : 0];
      }),
    );
  };
  try {
    return await routeOrder(deps, {
      place,
      pickedStoreId: storeId,
      articleId: lines[0]!.articleId,
      units: 1,
      allotmentLeft: whole,
      window,
      fulfilment: "pickup",
    });
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "NO_STORE_IN_RANGE" || asked === 0) throw error;
    const short = [...enough].filter(([, stores]) => stores === 0).map(([articleId]) => articleId);
    throw new DomainError(
      "SOLD_OUT",
      short.length > 0
        ? `no store near you has enough of ${short.join(", ")}: take fewer, or leave it out`
        : "no one store near you has everything: order in two orders, each is served whole by one store",
      { facts: { articleIds: short.join(",") } },
    );
  }
}

/** Who shared the link the member came by; nobody's own link counts. */
async function inviterOf(
  table: Table,
  { shareToken: token, memberId }: { shareToken?: string | undefined; memberId: string },
): Promise<string | undefined> {
  if (token === undefined) return undefined;
  const share = await table.load(shares, { token });
  if (!share) throw new DomainError("SHARE_NOT_FOUND");
  return share.inviterId === memberId ? undefined : share.inviterId;
}
