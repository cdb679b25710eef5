import { type Address, addressOf } from "../address/index.ts";
import type { Article } from "../catalog/index.ts";
import { couponHeld } from "../coupon/index.ts";
import { type Place, type RouteChoice, type RoutingDeps, routeOrder } from "../fulfilment/index.ts";
import { addressHash } from "../identity/index.ts";
import { makeEvent, type Origin } from "../kernel/event.ts";
import { roughly } from "../kernel/geo.ts";
import { providerNumber } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { day, dayOf, startOfDay, wholeSecond } from "../kernel/time.ts";
import type { Vault } from "../kernel/vault.ts";
import { type Order, orderFacts, takeUnits } from "../order/index.ts";
import { deliveryFee, feeRulesOf, type Slot, slotsOffered, takeSlot, withoutSlot } from "../slot/index.ts";
import { recallAt } from "../supply/index.ts";
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
  fulfilment: "pickup" | "delivery";
  /** Where the member is, of an order that is collected: the nearest store that has everything serves it. */
  place?: Place | undefined;
  /** Where it is brought: an entry of the member's address book. */
  addressId?: string | undefined;
  /** One of the stores offered; the nearest able one where absent. */
  storeId?: string | undefined;
  /** A slot of that store. */
  slotId?: string | undefined;
  couponGrantId?: string | undefined;
}

/** An order as it would be placed now: its store, its price, and when it is handed over (epoch ms). */
export interface CartQuote {
  route: RouteChoice;
  priced: PricedCart;
  payableFen: number;
  pickupFrom: number;
  pickupUntil: number;
  /** What may be chosen at this store, and what is chosen. */
  slots: Slot[];
  slot: Awaited<ReturnType<typeof takeSlot>> | undefined;
  delivery: { address: Address; feeFen: number; fees: { amountFen: number; text: string }[] } | undefined;
}

type CartDeps = RoutingDeps & { vault: Pick<Vault, "seal" | "open"> };

const missing = (path: string, message: string) =>
  new DomainError("INPUT_INVALID", undefined, { errors: [{ path: `body.${path}`, message }] });

/**
 * What a cart would come to, and the store that would serve all of it: nothing is split over stores without a word. Delivery that names
 * no slot is priced for the first free one. Throws INPUT_INVALID (naming the line, or what is missing), what `routeOrder` throws,
 * SOLD_OUT (stores are in range, none has everything; facts: the articles that no store has enough of), COUPON_…, SLOT_…,
 * DELIVERY_…, ADDRESS_ENTRY_NOT_FOUND.
 */
export async function quoteCart(deps: CartDeps, input: CartRequest): Promise<CartQuote> {
  const { memberId, addressId, fulfilment: kind, slotId, storeId } = input;
  const now = deps.env.clock.now();
  const delivers = kind === "delivery";
  if (delivers && addressId === undefined) throw missing("addressId", "say where to: one of your addresses");
  if (slotId !== undefined && storeId === undefined) throw missing("storeId", "say whose slot it is");
  const address = delivers && addressId !== undefined ? await addressOf(deps, { memberId, addressId }) : undefined;
  const place = address?.point ?? input.place;
  if (!place) throw missing("place", "say where you are: the order is routed by it");
  const articles = await articlesOf(deps, input.lines);
  const slot =
    slotId !== undefined && storeId !== undefined ? await takeSlot(deps, { storeId, kind, slotId }) : undefined;
  const ready = wholeSecond(now + cartPolicy.readyMs);
  const window = slot ?? { from: ready, until: startOfDay(ready) + day + cartPolicy.keptMs };
  const route = await storeFor(deps, input, place, window);
  await refuseRecalled(deps, articles, route.storeId);
  const priced = await priceCart(deps, { ...input, articles }, { ...input, storeId: route.storeId });
  const offered = slot ? [slot] : await slotsOffered(deps, { storeId: route.storeId, kind });
  if (!delivers && offered?.length === 0)
    throw new DomainError("SLOT_NOT_OFFERED", "the store has slots, and takes orders for none at present");
  const slots = offered ?? [];
  const { from: pickupFrom, until: pickupUntil } = window;
  const bare = { route, priced, slots, slot, pickupFrom, pickupUntil };
  if (!address) return { ...bare, payableFen: priced.payableFen, delivery: undefined };
  const at = slots.find(({ left }) => left > 0);
  const set = await feeRulesOf(deps, route.storeId);
  if (!at || !set) throw new DomainError("DELIVERY_NOT_OFFERED");
  const { feeFen, lines: fees } = deliveryFee(set.rules, {
    distanceM: route.routed.distanceM,
    grams: priced.grams,
    from: at.from,
    goodsFen: priced.payableFen,
  });
  const { from, until } = at;
  const payableFen = priced.payableFen + feeFen;
  return { ...bare, pickupFrom: from, pickupUntil: until, payableFen, delivery: { address, feeFen, fees } };
}

/** The order as placed, and why its store serves it, in words. */
export interface Placed {
  order: Order;
  why: string;
  perishable: boolean;
}

/**
 * Places an order of several articles and holds their units until it is paid: one commit takes each of them out of the store's online
 * stock, and its place of a slot. What was ordered leaves the member's cart. A store that has slots is ordered from by slot. Throws as
 * `quoteCart` does, SHARE_NOT_FOUND.
 */
export function placeOrder(
  deps: CartDeps & { blindIndex(text: string): string },
  input: CartRequest & { shareToken?: string | undefined; once: Once<Placed> },
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
    const { route, priced, payableFen, pickupFrom, pickupUntil, slots, slot, delivery } = await quoteCart(deps, input);
    if (!slot && slots.length > 0) throw missing("slotId", `choose when: ${slots[0]?.slotId} is the first one`);
    const { lines, discounts, coupon } = priced;
    const orderId = env.ids.next("OR");
    const address = delivery?.address ?? (input.place && "address" in input.place ? input.place : undefined);
    const origin: Origin = {
      originId: wanted.find(({ originId }) => originId !== undefined)?.originId ?? orderId,
      channel: "mini",
      ...(inviterId !== undefined && { inviterId }),
    };
    // nobody pays for a slot that is over
    const holdUntil = wholeSecond(Math.min(now + cartPolicy.holdMs, slot?.from ?? Number.POSITIVE_INFINITY));
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
      ...(slot && { slotId: slot.slotId }),
      ...(delivery && {
        delivery: {
          from: pickupFrom,
          until: pickupUntil,
          feeFen: delivery.feeFen,
          fees: delivery.fees,
          distanceM: route.routed.distanceM,
          toward: roughly(delivery.address.point),
        },
        deliverTo: await deps.vault.seal(memberId, member.dataKey, "deliverTo", recipientOf(delivery.address)),
      }),
      createdAt: now,
      holdUntil,
      ...(address && { addressHash: addressHash(deps, address.address) }),
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
      ...(slot ? [slot.write] : []),
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

/** Throws INPUT_INVALID naming each line whose article is called back at the store. */
async function refuseRecalled(deps: CartDeps, articles: readonly Article[], storeId: string): Promise<void> {
  const recalls = await Promise.all(articles.map(({ articleId }) => recallAt(deps, articleId, storeId)));
  const errors = recalls.flatMap((recallId, i) =>
    recallId === undefined
      ? []
      : [
          {
            path: `body.lines[${i}].articleId`,
            message: `正在召回: under recall ${recallId}, take it out of the cart`,
          },
        ],
  );
  if (errors.length > 0) throw new DomainError("INPUT_INVALID", undefined, { errors });
}

/** The store that has all of it, nearest first. */
async function storeFor(
  deps: RoutingDeps,
  { storeId, lines, fulfilment: kind }: CartRequest,
  place: Place,
  window: { from: number; until: number },
): Promise<RouteChoice> {
  /** Of each article, how many stores that were asked have enough of it. */
  const enough = new Map(lines.map(({ articleId }) => [articleId, 0]));
  /** Some store that was asked lacks something: else it is not the stock that stands in the way. */
  let lacking = false;
  const whole = async (storeIds: readonly string[]) => {
    const keys = storeIds.flatMap((id) => lines.map(({ articleId }) => ({ storeId: id, articleId })));
    const rows = await deps.table.loadMany(stocks, keys);
    const online = new Map(rows.map((row) => [`${row.storeId} ${row.articleId}`, row.online]));
    // of a store that was named its own slots are told of
    const full = storeId === undefined ? await withoutSlot(deps, { storeIds, kind }) : undefined;
    return new Map<string, number | "no_slot">(
      storeIds.map((id) => {
        const has = lines.filter(({ articleId, units }) => (online.get(`${id} ${articleId}`) ?? 0) >= units);
        for (const { articleId } of has) enough.set(articleId, enough.get(articleId)! + 1);
        lacking ||= has.length < lines.length;
        return [id, has.length < lines.length ? 0 : full?.has(id) ? "no_slot" : 1];
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
    if (!(error instanceof DomainError) || error.code !== "NO_STORE_IN_RANGE" || !lacking) throw error;
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

const recipientOf = ({ name, phone, address, point: { lat, lng } }: Address): string =>
  JSON.stringify({ name, phone, address, wgs84: { lat, lng } });

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
