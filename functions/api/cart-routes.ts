import * as z from "zod";
import {
  type CartQuote,
  cancelOrder,
  cartLines,
  cartPriceOf,
  keepCart,
  loadCart,
  type Placed,
  placeOrder,
  quoteCart,
} from "../../shared/cart/index.ts";
import { uncollectedText } from "../../shared/fulfilment/index.ts";
import { freeHold } from "../../shared/groupbuy/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { seatLifecycle } from "../../shared/order/index.ts";
import { slotId, slotKind } from "../../shared/slot/index.ts";
import { type Route, route } from "../runtime/route.ts";
import { couponGrantId, couponProblems, place, routingProblems } from "./groupbuy-routes.ts";
import {
  afterSaleText,
  boughtView,
  orderLine,
  perishableText,
  priceView,
  toBought,
  toOrderLine,
} from "./groupbuy-views.ts";
import { slotView, toSlot } from "./slot-routes.ts";

const cartView = z
  .object({
    lines: cartLines,
    changedAt: isoOutput.optional().meta({ description: "Absent of a cart that was never filled" }),
  })
  .meta({ id: "Cart" });
const toCart = ({ lines, changedAt }: Awaited<ReturnType<typeof loadCart>>) => ({
  lines,
  ...(changedAt > 0 && { changedAt: toIso(changedAt) }),
});

const wanted = {
  lines: cartLines
    .min(1, "at least one article")
    .meta({ description: "Each article once, 20 at most; originId: the recipe or show that made you want it" }),
  fulfilment: slotKind.default("pickup").meta({ description: "pickup: 到店自提; delivery: 配送到家" }),
  place: place.optional().meta({
    description: "Of a pickup: where the member is, a point with its datum or an address to be located",
  }),
  addressId: idOf("AD").optional().meta({ description: "Of a delivery: an entry of your address book" }),
  storeId: idOf("ST").optional().meta({ description: "One of the stores offered; the nearest able one where absent" }),
  slotId: slotId.optional().meta({ description: "A slot of that store; needed to order where it has slots" }),
  couponGrantId,
};
const served = {
  storeId: z.string(),
  why: z.string().meta({ description: "Why this store, in words" }),
  payableFen: z.int().meta({ description: "Fen" }),
  price: priceView,
  pickupFrom: isoOutput.meta({ description: "Handed over, or brought, from then on" }),
  pickupUntil: isoOutput,
  weightNotice: z.string().optional().meta({ description: "Where an article is sold by weight" }),
  perishableNotice: z.string().optional().meta({ description: "Where an article is perishable" }),
  afterSaleNotice: z.string().meta({ description: "Who answers for goods that are not right, and until when" }),
  uncollectedNotice: z
    .string()
    .optional()
    .meta({ description: "Of a pickup: what becomes of goods that nobody collects" }),
};
const notices = ({
  lines,
  perishable,
  delivery,
}: {
  lines: readonly { grams?: number | undefined }[];
  perishable: boolean;
  delivery: object | undefined;
}) => ({
  ...(!delivery && { uncollectedNotice: uncollectedText }),
  ...(lines.some(({ grams }) => grams !== undefined) && {
    weightNotice: "按重量出售的商品先按标称重量付款,提货前按实称结算,多退少不补。",
  }),
  ...(perishable && { perishableNotice: perishableText }),
  afterSaleNotice: afterSaleText(perishable),
});

const cartQuoteView = z
  .object({
    ...served,
    stores: z
      .array(z.object({ storeId: z.string(), distanceM: z.int().meta({ description: "Metres" }) }))
      .meta({ description: "Stores that have everything, the best first: any of them may be picked" }),
    slots: z.array(slotView).meta({ description: "When this store hands over or delivers; none: at any opening time" }),
  })
  .meta({ id: "CartQuote" });
const toQuote = ({ route: { storeId, why, options }, ...quote }: CartQuote) => ({
  storeId,
  why,
  payableFen: quote.payableFen,
  price: cartPriceOf({ ...quote.priced, delivery: quote.delivery }),
  pickupFrom: toIso(quote.pickupFrom),
  pickupUntil: toIso(quote.pickupUntil),
  ...notices({ ...quote.priced, delivery: quote.delivery }),
  slots: quote.slots.map(toSlot),
  stores: options.map((one) => ({ storeId: one.storeId, distanceM: one.distanceM })),
});

const placedView = z
  .object({
    orderId: z.string(),
    seat: z.enum(seatLifecycle.states).meta({ description: "HELD until it is paid" }),
    ...boughtView,
    ...served,
    holdUntil: isoOutput.meta({ description: "Unpaid, the units are given up after this" }),
  })
  .meta({ id: "PlacedOrder" });
const toPlaced = ({ order, why, perishable }: Placed) => ({
  orderId: order.orderId,
  seat: order.seat,
  ...toBought(order),
  storeId: order.storeId,
  why,
  payableFen: order.payableFen,
  price: cartPriceOf(order),
  pickupFrom: toIso(order.pickupFrom),
  pickupUntil: toIso(order.pickupUntil),
  ...notices({ lines: order.lines, perishable, delivery: order.delivery }),
  holdUntil: toIso(order.holdUntil),
});

const cartProblems = [
  ...routingProblems,
  ...couponProblems,
  "MEMBER_NOT_FOUND",
  "ADDRESS_ENTRY_NOT_FOUND",
  "DELIVERY_TOO_FAR",
  "DELIVERY_TOO_HEAVY",
  "SLOT_NOT_OFFERED",
  "SLOT_PAST",
  "SLOT_FULL",
] as const;
const orderPath = z.strictObject({ orderId: idOf("OR") });
const storeOrderPath = z.strictObject({ storeId: idOf("ST"), orderId: idOf("OR") });

export const cartShop: Route[] = [
  route({
    method: "get",
    path: "/v1/me/cart",
    summary: "我的购物车",
    actor: "member",
    owns: "self",
    ok: cartView,
    problems: [],
    run: (deps, { actor }) => loadCart(deps, actor.memberId),
    view: (result) => toCart(result),
  }),
  route({
    method: "put",
    path: "/v1/me/cart",
    summary: "保存购物车",
    description:
      "Puts these lines in the place of the cart. Prices and stock are looked at when it is quoted or ordered.",
    actor: "member",
    owns: "self",
    body: z.strictObject({ lines: cartLines }),
    ok: cartView,
    problems: [],
    run: (deps, { body, actor }) => keepCart(deps, { ...body, memberId: actor.memberId }),
    view: (result) => toCart(result),
  }),
  route({
    method: "post",
    path: "/v1/cart/quotes",
    summary: "购物车试算",
    description:
      "What the lines would come to now, and the store that would serve all of them: one order is never split over stores.",
    actor: "member",
    owns: "none",
    body: z.strictObject(wanted),
    ok: cartQuoteView,
    problems: cartProblems,
    run: (deps, { body, actor }) => quoteCart(deps, { ...body, memberId: actor.memberId }),
    view: (result) => toQuote(result),
  }),
  route({
    method: "post",
    path: "/v1/orders",
    summary: "下单",
    description:
      "Orders several articles, to be collected or brought, and holds them for 15 minutes until they are paid (POST /v1/orders/{orderId}/payment). What was ordered leaves the cart.",
    actor: "member",
    owns: "none",
    idempotent: true,
    limit: "order",
    body: z.strictObject({
      ...wanted,
      shareToken: text(0, 32).optional().meta({ description: "Of the link the member came by" }),
    }),
    status: 201,
    ok: placedView,
    problems: [...cartProblems, "SHARE_NOT_FOUND"],
    run: (deps, { body, actor, once }) => placeOrder(deps, { ...body, memberId: actor.memberId, once }),
    view: (result) => toPlaced(result),
  }),
  route({
    method: "post",
    path: "/v1/orders/{orderId}/cancellation",
    summary: "取消订单",
    description:
      "Cancels an order from the cart until its store has made it ready: all that was paid goes back. A seat in a team is left instead (departure).",
    actor: "member",
    owns: "order",
    idempotent: true,
    params: orderPath,
    ok: orderLine,
    problems: ["ORDER_STATE", "SEAT_STATE", "PAYMENT_UNKNOWN"],
    run: async (deps, { params, once }) => {
      await freeHold(deps, params.orderId);
      return cancelOrder(deps, { ...params, by: { kind: "member" }, once });
    },
    view: (result) => toOrderLine(result),
  }),
];

export const cartOps: Route[] = [
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/cancellation",
    summary: "门店取消订单",
    description:
      "Cancels a paid order from the cart that this store can't serve, until it is handed over: all that was paid goes back and the member is told.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "customer_service", "store_manager"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: storeOrderPath,
    body: z.strictObject({ reason: typedText(2, 200).meta({ example: "缺货,已电话告知" }) }),
    ok: orderLine,
    problems: ["ORDER_NOT_FOUND", "ORDER_STATE", "SEAT_STATE"],
    run: (deps, { params: { storeId, orderId }, body: { reason }, actor: { staffId }, once }) =>
      cancelOrder(deps, { orderId, by: { kind: "staff", staffId, storeId, reason }, once }),
    view: (result) => toOrderLine(result),
  }),
];
