import * as z from "zod";
import {
  actOnJob,
  carrierName,
  type Dispatch,
  decideDispatch,
  dispatchLifecycle,
  readRound,
  readTrail,
  setShift,
  type Trail,
} from "../../shared/dispatch/index.ts";
import { readRecipient, verifyPickup } from "../../shared/fulfilment/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { dispatches, dispatchesOfStore, orders, transfersOfParty } from "../../shared/table/keys.ts";
import type { Deps } from "../runtime/deps.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { month } from "./ledger-routes.ts";
import { listPage } from "./list-page.ts";

/** What an entry of a trail is called. */
const called: Record<string, string> = {
  PLACED: "已下单",
  PAID: "已支付",
  READY: "门店已备好",
  WAITING: "正在安排配送",
  ASKED: "正在呼叫运力",
  CREATED: "运力已受理,等待骑手接单",
  ACCEPTED: "骑手已接单",
  ARRIVED_STORE: "骑手已到店",
  RIDER_DROPPED: "骑手取消,重新安排",
  PICKED_UP: "骑手已取货",
  UNREACHABLE: "骑手联系不上收货人",
  LEFT: "已放在指定位置",
  DELIVERED: "已送达",
  HANDED_OVER: "已签收",
  CANCELLED: "本次配送已取消",
  CALLED_OFF: "更换运力",
  RETURNING: "商品退回途中",
  RETURNED: "商品已退回门店",
  FAILED: "未能送达",
  REFUNDED: "已退款",
  UNKNOWN: "配送更新",
};
const place = z.object({ lat: z.number(), lng: z.number() }).meta({ description: "WGS-84, rounded to some 100 m" });
const trailView = z
  .object({
    orderId: z.string(),
    state: z.enum(dispatchLifecycle.states).optional().meta({ description: "Of a delivery that has begun" }),
    rider: z.string().optional().meta({ description: "As a member may see him", example: "王师傅 138****1234" }),
    promisedUntil: isoOutput.optional(),
    lateMs: z.int().optional().meta({ description: "So late is it, or was it brought" }),
    entries: z.array(
      z.object({
        at: isoOutput,
        state: z.string().meta({ example: "PICKED_UP" }),
        text: z.string().meta({ example: "骑手已取货" }),
        by: z.enum(["member", "staff", "carrier", "system"]),
        carrier: z.string().optional(),
        place: place.optional(),
        reason: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "OrderTrail" });

async function trailOf(deps: Deps, orderId: string, storeId?: string) {
  const order = await deps.table.load(orders, { orderId });
  if (!order || (storeId !== undefined && order.storeId !== storeId)) throw new DomainError("ORDER_NOT_FOUND");
  const trail = await readTrail(deps, order);
  const until = order.delivery?.until;
  const over = order.handedOverAt ?? deps.env.clock.now();
  return { orderId, trail, until, lateMs: until === undefined ? undefined : Math.max(0, over - until) };
}
type Found = Awaited<ReturnType<typeof trailOf>>;
/** What a carrier says of its reasons is for staff. */
const showTrail = ({ orderId, trail, until, lateMs }: Found, forStaff: boolean): z.input<typeof trailView> => ({
  orderId,
  ...(trail.dispatch && { state: trail.dispatch.state }),
  ...(trail.dispatch?.rider && { rider: trail.dispatch.rider }),
  ...(until !== undefined && { promisedUntil: toIso(until), lateMs }),
  entries: (trail as Trail).entries.map(({ at, state, by, carrier, place: where, reason }) => ({
    at: toIso(at),
    state,
    text: called[state] ?? state,
    by,
    ...(where && { place: where }),
    ...(forStaff && carrier !== undefined && { carrier }),
    ...(forStaff && reason !== undefined && { reason }),
  })),
});

const orderPath = z.strictObject({ orderId: idOf("OR") });
const storePath = z.strictObject({ storeId: idOf("ST") });
const atStore = {
  actor: "staff",
  owns: "none",
  scope: "store",
  storeOf: (_deps: unknown, { params }: { params: { storeId: string } }) => params.storeId,
} as const;

export const dispatchShop: Route[] = [
  route({
    method: "get",
    path: "/v1/orders/{orderId}/trail",
    summary: "配送跟踪",
    description: "Everything that happened to an order, the earliest first; where it is, while it is on its way.",
    actor: "member",
    owns: "order",
    params: orderPath,
    ok: trailView,
    problems: [],
    run: (deps, { params }) => trailOf(deps, params.orderId),
    view: (found) => showTrail(found, false),
  }),
];

const deliveryView = z
  .object({
    orderId: z.string(),
    state: z.enum(dispatchLifecycle.states),
    attempt: z.int(),
    carrier: carrierName.optional(),
    riderId: z.string().optional(),
    rider: z.string().optional(),
    feeFen: z.int().optional().meta({ description: "What the carrier wants for it, fen" }),
    readyAt: isoOutput,
    promisedUntil: isoOutput,
    offerFrom: isoOutput.meta({ description: "From then on somebody is sought" }),
    offerUntil: isoOutput.meta({ description: "Until then it is left to the store's own people" }),
    needsAttention: z.boolean().meta({ description: "A person must see to it" }),
  })
  .meta({ id: "Delivery" });
const showDelivery = (row: Dispatch): z.input<typeof deliveryView> => ({
  orderId: row.orderId,
  state: row.state,
  attempt: row.attempt,
  ...(row.carrier && { carrier: row.carrier }),
  ...(row.riderId !== undefined && { riderId: row.riderId }),
  ...(row.rider && { rider: row.rider }),
  ...(row.feeFen !== undefined && { feeFen: row.feeFen }),
  readyAt: toIso(row.readyAt),
  promisedUntil: toIso(row.promisedUntil),
  offerFrom: toIso(row.offerFrom),
  offerUntil: toIso(row.offerUntil),
  needsAttention: row.attentionAt !== undefined || row.state === "FAILED" || row.state === "RETURNED",
});

const metres = z.int().min(0).meta({ description: "Metres" });
const stopView = deliveryView
  .pick({ orderId: true, state: true, promisedUntil: true })
  .extend({
    arrivesAt: isoOutput.meta({ description: "When he is there, if he leaves the store now" }),
    shelfNo: z.int().optional().meta({ description: "Where it waits on the store's shelf" }),
    legM: metres.meta({ description: "Metres from the stop before" }),
    toward: place.optional(),
    backFrom: isoOutput.optional().meta({ description: "The member can't be reached: from then on it may go back" }),
  })
  .meta({ id: "RiderStop" });
const roundView = z
  .object({
    shift: z
      .object({ storeId: z.string(), on: z.boolean(), since: isoOutput, room: z.int(), orders: z.int() })
      .optional()
      .meta({ description: "Absent before the first shift" }),
    stops: z.array(stopView),
    offers: z.array(
      deliveryView.pick({ orderId: true, promisedUntil: true, offerUntil: true }).extend({ toward: place.optional() }),
    ),
  })
  .meta({ id: "RiderRound" });
const shiftView = z
  .object({ storeId: z.string(), on: z.boolean(), since: isoOutput, room: z.int() })
  .meta({ id: "RiderShift" });
const rider = { actor: "staff", owns: "self", roles: ["rider"], scope: "chain" } as const;
const reason = typedText(1, 200);
const act = z.discriminatedUnion("act", [
  z.strictObject({ act: z.literal("accept") }),
  z.strictObject({ act: z.literal("giveUp"), reason }),
  z.strictObject({ act: z.literal("pickUp") }),
  z.strictObject({ act: z.literal("cannotReach") }),
  z.strictObject({ act: z.literal("leave"), note: reason.meta({ description: "Where, as the member asked for" }) }),
  z.strictObject({ act: z.literal("bringBack"), reason }),
]);

export const dispatchOps: Route[] = [
  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/trail",
    summary: "订单轨迹",
    description: "As the member sees it, with carriers and reasons.",
    ...atStore,
    roles: ["store_staff", "store_manager", "customer_service", "ops", "admin"],
    params: storePath.extend(orderPath.shape),
    ok: trailView,
    problems: ["ORDER_NOT_FOUND"],
    run: (deps, { params }) => trailOf(deps, params.orderId, params.storeId),
    view: (found) => showTrail(found, true),
  }),
  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/deliveries",
    summary: "门店配送单",
    description: "Deliveries of a store, of the newest orders first.",
    ...atStore,
    roles: ["store_staff", "store_manager", "customer_service", "ops", "admin"],
    params: storePath,
    query: listQuery,
    ok: listOf(deliveryView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { params: { storeId }, query }) =>
      listPage(deps, dispatchesOfStore(storeId), `deliveries#${storeId}`, query),
    view: ({ items, nextCursor }) => ({ items: items.map(showDelivery), nextCursor }),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/delivery",
    summary: "配送处置",
    description:
      "What a person decides: sendAgain, callOff (another carrier shall have it), goodsBack (they are in the store again), nobodyHasIt (a carrier that never answered was asked by telephone).",
    ...atStore,
    roles: ["store_manager", "customer_service", "ops", "admin"],
    idempotent: true,
    params: storePath.extend(orderPath.shape),
    body: z.strictObject({
      decision: z.enum(["sendAgain", "callOff", "goodsBack", "nobodyHasIt"]),
      reason: reason.meta({ description: "Why, for the audit; no personal data" }),
    }),
    ok: deliveryView,
    problems: ["ORDER_NOT_FOUND", "ORDER_STATE"],
    run: (deps, { params, body, actor, once }) =>
      decideDispatch(deps, { ...params, ...body, staffId: actor.staffId, once }),
    view: (row) => showDelivery(row),
  }),

  route({
    method: "put",
    path: "/ops/v1/riders/me/shift",
    summary: "骑手上下班",
    description: "At one of his stores, with room for so many orders at once. It ends once he has none with him.",
    ...rider,
    body: z.strictObject({
      storeId: idOf("ST"),
      on: z.boolean(),
      room: z.int().min(1).max(5).default(3).meta({ description: "Orders at once", example: 3 }),
    }),
    ok: shiftView,
    problems: ["STORE_OUT_OF_SCOPE", "RIDER_BUSY"],
    run: (deps, { actor, body }) => setShift(deps, { staff: actor.staff, ...body }),
    view: ({ storeId, on, since, room }) => ({ storeId, on, since: toIso(since), room }),
  }),
  route({
    method: "get",
    path: "/ops/v1/riders/me/round",
    summary: "我的配送",
    description: "What he has with him in the order that is best, and what is offered to him besides.",
    ...rider,
    ok: roundView,
    problems: [],
    run: (deps, { actor }) => readRound(deps, actor.staffId),
    view: ({ shift, stops, offers }) => ({
      ...(shift && {
        shift: {
          storeId: shift.storeId,
          on: shift.on,
          since: toIso(shift.since),
          room: shift.room,
          orders: shift.orderIds.length,
        },
      }),
      stops: stops.map((stop) => ({
        orderId: stop.orderId,
        state: stop.state,
        promisedUntil: toIso(stop.promisedUntil),
        arrivesAt: toIso(stop.arrivesAt),
        ...(stop.shelfNo !== undefined && { shelfNo: stop.shelfNo }),
        legM: stop.legM,
        ...(stop.toward && { toward: stop.toward }),
        ...(stop.backFrom !== undefined && { backFrom: toIso(stop.backFrom) }),
      })),
      offers: offers.map(({ orderId, promisedUntil, offerUntil, toward }) => ({
        orderId,
        promisedUntil: toIso(promisedUntil),
        offerUntil: toIso(offerUntil),
        ...(toward && { toward }),
      })),
    }),
  }),
  route({
    method: "post",
    path: "/ops/v1/riders/me/jobs/{orderId}/acts",
    summary: "骑手操作",
    description:
      "accept: the first one has it. giveUp: before he has the goods. pickUp. cannotReach: the member is told, and after ten minutes the goods may go back (bringBack). leave: at the place the member named.",
    ...rider,
    idempotent: true,
    params: orderPath,
    body: act,
    ok: deliveryView,
    problems: ["ORDER_NOT_FOUND", "RIDER_OFF_SHIFT", "OFFER_TAKEN", "RIDER_BUSY", "NOT_YOUR_JOB", "ORDER_STATE"],
    run: (deps, { params, body, actor, once }) => actOnJob(deps, { ...params, staffId: actor.staffId, once, ...body }),
    view: (row) => showDelivery(row),
  }),
  route({
    method: "post",
    path: "/ops/v1/riders/me/jobs/{orderId}/handover",
    summary: "凭码签收",
    description: "At the door, for the member's code. Five wrong codes within ten minutes lock this rider.",
    ...rider,
    idempotent: true,
    params: orderPath,
    body: z.strictObject({ code: z.string().regex(/^\d{12}$/, "12 digits") }),
    ok: z.object({ orderId: z.string(), handedOverAt: isoOutput }).meta({ id: "RiderHandover" }),
    problems: [
      "NOT_YOUR_JOB",
      "PICKUP_CODE_INVALID",
      "PICKUP_CODE_USED",
      "PICKUP_LOCKED",
      "PICKUP_NOT_READY",
      "PICKUP_RECALLED",
      "PACKING_REQUIRED",
      "SEAT_STATE",
      "ORDER_STATE",
    ],
    run: async (deps, { params: { orderId }, body, actor: { staffId }, once }) => {
      const { storeId } = await jobOf(deps, orderId, staffId);
      return verifyPickup(deps, { staffId, storeId, orderId, code: body.code, once });
    },
    view: ({ orderId, handedOverAt }) => ({ orderId, handedOverAt: toIso(handedOverAt) }),
  }),
  route({
    method: "get",
    path: "/ops/v1/riders/me/jobs/{orderId}/recipient",
    summary: "收件人",
    description: "To whom and where he brings an order that is his. Each look is on record.",
    ...rider,
    params: orderPath,
    ok: z
      .object({
        name: z.string(),
        phone: z.string(),
        address: z.string(),
        wgs84: z.object({ lat: z.number(), lng: z.number() }),
      })
      .meta({ id: "RiderRecipient" }),
    problems: ["NOT_YOUR_JOB", "ORDER_STATE"],
    run: async (deps, { params: { orderId }, actor: { staffId } }) => {
      const { storeId } = await jobOf(deps, orderId, staffId);
      return readRecipient(deps, { storeId, orderId, staffId });
    },
    view: (recipient) => recipient,
  }),
  route({
    method: "get",
    path: "/ops/v1/riders/me/statement",
    summary: "骑手对账单",
    description: "What he is owed for the drops of a month, line by line.",
    ...rider,
    query: listQuery.extend({ month }),
    ok: listOf(
      z
        .object({ orderId: z.string(), amountFen: z.int(), at: isoOutput, day: z.string() })
        .meta({ id: "RiderStatementLine" }),
    ),
    problems: ["CURSOR_INVALID"],
    run: (deps, { actor: { staffId }, query: { month: on, ...asked } }) =>
      listPage(deps, transfersOfParty(`rider:${staffId}`, on), `rider#${staffId}#${on}`, asked),
    view: ({ items, nextCursor }) => ({
      items: items.map(({ subject, amountFen, at, bookedOn }) => ({
        orderId: subject,
        amountFen,
        at: toIso(at),
        day: bookedOn,
      })),
      nextCursor,
    }),
  }),
];

/** The delivery that a rider has with him. */
async function jobOf({ table }: Deps, orderId: string, staffId: string): Promise<Dispatch> {
  const row = await table.load(dispatches, { orderId });
  if (row?.riderId !== staffId) throw new DomainError("NOT_YOUR_JOB");
  return row;
}
