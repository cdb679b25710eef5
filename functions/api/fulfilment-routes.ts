import * as z from "zod";
import {
  dispatchOrder,
  disposeOrder,
  issuePickupCode,
  labelsOf,
  makeReady,
  pickList,
  pickupCodePattern,
  rateGoods,
  readRecipient,
  rerouteOrder,
  verifyPickup,
} from "../../shared/fulfilment/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { byZone, temperatureZones, zoneNames } from "../../shared/kernel/zone.ts";
import { orderLifecycle, seatLifecycle, seatState, shippingLifecycle } from "../../shared/order/index.ts";
import { loadStore } from "../../shared/store/index.ts";
import { orders, ordersOfStore, teams } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { bearerOf } from "./bearer.ts";
import { listPage } from "./list-page.ts";

const metres = z.int().min(0).meta({ description: "Metres" });
const packedGrams = z
  .int()
  .optional()
  .meta({ description: "Of goods by weight: grams of all units, as packed", example: 930 });
const zone = z.enum(temperatureZones).meta({ description: "常温 ambient, 冷藏 chilled, 冷冻 frozen" });
const shelf = {
  shelfNo: z.int().optional().meta({ description: "货架号: where it waits once it is ready, 1 to 999", example: 12 }),
  shelfDay: z.string().optional().meta({ description: "The day the number is of", example: "2026-11-23" }),
};
const onShelf = ({ shelfNo, shelfDay }: { shelfNo?: number | undefined; shelfDay?: string | undefined }) => ({
  ...(shelfNo !== undefined && { shelfNo }),
  ...(shelfDay !== undefined && { shelfDay }),
});
const handedLine = z.object({ articleId: z.string(), name: z.string(), units: z.int(), packedGrams });
const work = () => import("../../shared/groupbuy/work.ts");

const pickupCodeView = z
  .object({
    orderId: z.string(),
    code: z
      .string()
      .regex(pickupCodePattern)
      .meta({ description: "12 digits, good for one pickup", example: "052718349960" }),
    store: z.object({ storeId: z.string(), name: z.string(), address: z.string(), hours: z.string() }),
    pickupFrom: isoOutput,
    pickupUntil: isoOutput,
    ...shelf,
  })
  .meta({ id: "PickupCode" });

const handedOverView = z
  .object({
    orderId: z.string(),
    day: z.string().meta({ description: "Day the order was placed", example: "2026-11-23" }),
    ...shelf,
    units: z.int(),
    lines: z.array(handedLine),
    zones: z
      .array(z.object({ zone, name: z.string(), lines: z.array(handedLine) }))
      .meta({ description: "The same lines by where they are kept: leave none in the fridge" }),
    card: z
      .object({
        bought: z.array(z.string()).meta({ description: "What the member collected last, at most three" }),
        ask: z.string().meta({ description: "One question to ask" }),
      })
      .meta({ description: "自提社交: what to talk about; it does not say who the member is" }),
    handedOverAt: isoOutput,
  })
  .meta({ id: "HandedOver" });

const routedView = z.object({
  by: z.enum(["nearest", "picked"]),
  method: z.enum(["matrix", "cache", "great_circle"]),
  distanceM: metres,
  durationS: z.int().optional().meta({ description: "Seconds of travel" }),
  passed: z.array(z.object({ storeId: z.string(), why: z.string() })),
});

const reroutedView = z
  .object({ orderId: z.string(), fromStoreId: z.string(), storeId: z.string(), routed: routedView })
  .meta({ id: "Rerouted" });

const storeOrderView = z
  .object({
    orderId: z.string(),
    teamId: z.string().optional(),
    day: z.string(),
    seat: z.enum(seatLifecycle.states),
    stage: z.enum(orderLifecycle.states),
    shipping: z.enum(shippingLifecycle.states),
    units: z.int(),
    lines: z.array(
      handedLine.extend({
        grams: z.int().optional().meta({ description: "Of goods by weight: of one unit nominally", example: 500 }),
      }),
    ),
    pickupFrom: isoOutput,
    pickupUntil: isoOutput,
    delivers: z.boolean().meta({ description: "It is brought to the member in this time" }),
    ...shelf,
    handedOverAt: isoOutput.optional(),
    disposedAt: isoOutput.optional(),
  })
  .meta({ id: "StoreOrder" });

const storePath = z.strictObject({ storeId: idOf("ST") });
const orderPath = z.strictObject({ orderId: idOf("OR") });

export const fulfilmentShop: Route[] = [
  route({
    method: "post",
    path: "/v1/orders/{orderId}/pickup-code",
    summary: "获取提货码",
    description: "The same code again while it is unused; a new one after the order moved to another store.",
    actor: "member",
    owns: "order",
    limit: "pickupCode",
    params: orderPath,
    ok: pickupCodeView,
    problems: ["PICKUP_NOT_READY", "PICKUP_CODE_USED", "ORDER_STATE"],
    run: (deps, { params }) => issuePickupCode(deps, params),
    view: (issued) => ({
      ...issued,
      pickupFrom: toIso(issued.pickupFrom),
      pickupUntil: toIso(issued.pickupUntil),
    }),
  }),
  route({
    method: "post",
    path: "/v1/orders/{orderId}/ratings",
    summary: "好吃吗?",
    description: "Says of an article of an order that was handed over whether it tasted good; once.",
    actor: "member",
    owns: "order",
    idempotent: true,
    params: orderPath,
    body: z.strictObject({ articleId: idOf("AR"), tasty: z.boolean().meta({ description: "true: 好吃" }) }),
    status: 201,
    ok: z
      .object({ orderId: z.string(), articleId: z.string(), tasty: z.boolean(), at: isoOutput })
      .meta({ id: "Rating" }),
    problems: ["ORDER_STATE", "RATED_ALREADY"],
    run: (deps, { params, body, once }) => rateGoods(deps, { ...params, ...body, once }),
    view: (rating) => ({ ...rating, at: toIso(rating.at) }),
  }),
];

const stageView = z
  .object({ orderId: z.string(), stage: z.enum(orderLifecycle.states), ...shelf })
  .meta({ id: "OrderStage" });
const pickupDay = z.iso
  .date()
  .meta({ description: "Day on which hand-over or delivery begins, Asia/Shanghai", example: "2026-11-23" });
const pickListView = z
  .object({
    storeId: z.string(),
    day: z.string(),
    orders: z.int().meta({ description: "On the list" }),
    ready: z.int().meta({ description: "Of them those that are ready" }),
    waiting: z
      .int()
      .meta({ description: "Beside them: paid, but the goods have not come, or their share is being settled" }),
    zones: z.array(
      z.object({
        zone,
        name: z.string(),
        articles: z.array(
          z.object({
            articleId: z.string(),
            name: z.string(),
            units: z.int().meta({ description: "Of all orders" }),
            left: z.int().meta({ description: "Of orders that are not ready" }),
            orders: z.array(
              z.object({
                orderId: z.string(),
                units: z.int(),
                grams: z.int().optional().meta({ description: "Of goods by weight: of one unit nominally" }),
                packedGrams,
                ready: z.boolean(),
                shelfNo: shelf.shelfNo,
                delivers: z.boolean(),
                from: isoOutput,
              }),
            ),
          }),
        ),
      }),
    ),
  })
  .meta({ id: "PickList" });
const labelView = z
  .object({
    orderId: z.string(),
    last4: z.string().meta({ description: "Of the order's id, to be told apart by", example: "XEH4" }),
    ...shelf,
    delivers: z.boolean(),
    pickupFrom: isoOutput,
    pickupUntil: isoOutput,
    zones: z
      .array(z.object({ zone, name: z.string(), lines: z.array(handedLine) }))
      .meta({ description: "One bag and one label each" }),
  })
  .meta({ id: "Label" });
const atStore = {
  actor: "staff",
  owns: "none",
  roles: ["admin", "ops", "store_manager", "store_staff"],
  scope: "store",
  storeOf: (_deps: unknown, { params }: { params: { storeId: string } }) => params.storeId,
} as const;

export const fulfilmentOps: Route[] = [
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/compensations",
    summary: "先行赔付",
    description:
      "Pays a customer back first for goods that were not right, out of what was paid for the order: the refund begins at once, and what it comes to is booked to who bears it. Once an order, within seven days of its hand-over.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "customer_service", "store_manager"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    status: 201,
    params: storePath.extend(orderPath.shape),
    body: z.strictObject({
      amountFen: z.int().min(1).max(10_000_000).meta({ description: "Fen, of what the member paid", example: 300 }),
      bearer: bearerOf(["platform", "store"]),
      reason: typedText(4, 200).meta({ example: "草莓压坏三分之一,顾客到店出示" }),
    }),
    ok: z
      .object({
        orderId: z.string(),
        refundId: z.string(),
        refundFen: z.int(),
        bearer: z.string().meta({ description: "The ledger's account that bears it" }),
      })
      .meta({ id: "Compensation" }),
    problems: ["ORDER_NOT_FOUND", "ORDER_STATE", "COMPENSATION_LIMIT", "SUPPLIER_NOT_FOUND"],
    run: async (deps, { params, body, actor, once }) =>
      (await work()).compensateOrder(deps, { by: actor.staffId, ...params, ...body, once }),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/ready",
    summary: "备货完成",
    description:
      "An order is picked and packed and waits for its member, or for whoever brings it; the member is told.",
    ...atStore,
    idempotent: true,
    params: storePath.extend(orderPath.shape),
    ok: stageView,
    problems: ["ORDER_NOT_FOUND", "ORDER_STATE", "SEAT_STATE"],
    run: (deps, { params, actor, once }) => makeReady(deps, { ...params, staffId: actor.staffId, once }),
    view: ({ orderId, stage, ...at }) => ({ orderId, stage, ...onShelf(at) }),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/dispatch",
    summary: "出发配送",
    description:
      "Somebody leaves the store with an order that is ready. At the door it is handed over for the member's code, as at the counter.",
    ...atStore,
    idempotent: true,
    params: storePath.extend(orderPath.shape),
    ok: stageView,
    problems: ["ORDER_NOT_FOUND", "ORDER_STATE", "SEAT_STATE"],
    run: (deps, { params, actor, once }) => dispatchOrder(deps, { ...params, staffId: actor.staffId, once }),
    view: ({ orderId, stage }) => ({ orderId, stage }),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/short-picks",
    summary: "缺货处理",
    description:
      "The store turned out not to have some units of an article: they are refunded in proportion to what was paid, or as many units of another article, of the same price or cheaper, take their place at no cost to the member. Until the order is handed over or leaves; the member is told.",
    ...atStore,
    idempotent: true,
    params: storePath.extend(orderPath.shape),
    body: z.strictObject({
      articleId: idOf("AR"),
      units: z.int().min(1).max(9_999).meta({ description: "Missing units" }),
      remedy: z
        .union([z.literal("refund"), z.strictObject({ substituteArticleId: idOf("AR") })])
        .meta({ description: "refund, or the article that takes their place", example: "refund" }),
    }),
    ok: z
      .object({
        orderId: z.string(),
        articleId: z.string(),
        units: z.int(),
        refundFen: z.int().meta({ description: "What goes back, fen; 0 where nothing does" }),
        substitute: z.object({ articleId: z.string(), name: z.string() }).optional(),
      })
      .meta({ id: "ShortPick" }),
    problems: [
      "ORDER_NOT_FOUND",
      "ORDER_STATE",
      "SEAT_STATE",
      "ARRIVAL_OUTSTANDING",
      "ARTICLE_NOT_FOUND",
      "SOLD_OUT",
      "COMPENSATION_LIMIT",
    ],
    run: async (deps, { params, body: { remedy, ...missing }, actor, once }) =>
      (await work()).shortPick(deps, {
        by: actor.staffId,
        ...params,
        ...missing,
        ...(remedy !== "refund" && remedy),
        once,
      }),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/disposal",
    summary: "逾期未提处理",
    description:
      "Disposes of goods that nobody collected, by the rule shown before buying: once they were kept for a day after the end of pickup. Nothing goes back; note and photo are on record.",
    ...atStore,
    idempotent: true,
    params: storePath.extend(orderPath.shape),
    body: z.strictObject({
      note: typedText(2, 200).meta({ example: "叶菜已黄,报损" }),
      photo: text(1, 300)
        .optional()
        .meta({ description: "Where the picture is kept", example: "disposals/20261125-1.jpg" }),
    }),
    ok: stageView,
    problems: ["ORDER_NOT_FOUND", "ORDER_STATE", "SEAT_STATE"],
    run: (deps, { params, body, actor, once }) =>
      disposeOrder(deps, { ...params, ...body, staffId: actor.staffId, once }),
    view: ({ orderId, stage, ...at }) => ({ orderId, stage, ...onShelf(at) }),
  }),
  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/recipient",
    summary: "收件人",
    description: "To whom and where an order is brought, for whoever brings it. Each look is on record.",
    ...atStore,
    params: storePath.extend(orderPath.shape),
    ok: z
      .object({
        name: z.string(),
        phone: z.string(),
        address: z.string(),
        wgs84: z.object({ lat: z.number(), lng: z.number() }),
      })
      .meta({ id: "Recipient" }),
    problems: ["ORDER_NOT_FOUND", "ORDER_STATE"],
    run: (deps, { params, actor }) => readRecipient(deps, { ...params, staffId: actor.staffId }),
    view: (recipient) => recipient,
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/packing",
    summary: "称重打包",
    description:
      "Confirms what an article by weight of an order weighs, once its team has succeeded and before it is handed over. What lacks of the nominal weight is refunded in proportion to what was paid, by a refund of its own; what is too much costs the member nothing. Confirmed once: the same grams again are answered the same, others are refused.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "store_manager", "store_staff"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: storePath.extend(orderPath.shape),
    body: z.strictObject({
      articleId: idOf("AR").optional().meta({ description: "Which, where an order has several articles by weight" }),
      grams: z.int().min(1).max(9_900_000).meta({ description: "Grams of all units together", example: 930 }),
    }),
    ok: z
      .object({
        orderId: z.string(),
        articleId: z.string(),
        grams: z.int(),
        nominalGrams: z.int().meta({ description: "What was sold" }),
        refundFen: z.int().meta({ description: "What goes back for what lacks, fen; 0 where nothing does" }),
        packedAt: isoOutput,
      })
      .meta({ id: "Packing" }),
    problems: ["ORDER_NOT_FOUND", "ORDER_STATE", "SEAT_STATE", "ARRIVAL_OUTSTANDING", "PACKING_CONFIRMED"],
    run: async (deps, { params, body, actor, once }) =>
      (await work()).packOrder(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (packing) => ({ ...packing, packedAt: toIso(packing.packedAt) }),
  }),
  route({
    method: "post",
    path: "/ops/v1/stores/{storeId}/pickups",
    summary: "核销提货码",
    description: "Hands the order over. Five wrong codes within ten minutes lock this staff member at this store.",
    actor: "staff",
    owns: "none",
    roles: ["store_staff", "store_manager", "admin"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: storePath,
    body: z.strictObject({
      code: z.string().regex(pickupCodePattern, "12 digits"),
      zones: z.array(zone).max(3).optional().meta({
        description: "Zones whose goods are on the counter: refused while one of the order's is not among them",
      }),
    }),
    ok: handedOverView,
    problems: [
      "PICKUP_CODE_INVALID",
      "PICKUP_CODE_USED",
      "PICKUP_OTHER_STORE",
      "PICKUP_NOT_READY",
      "PACKING_REQUIRED",
      "PICKUP_LOCKED",
      "PICKUP_RECALLED",
      "ZONES_MISSING",
      "ARRIVAL_OUTSTANDING",
      "SEAT_STATE",
      "ORDER_STATE",
    ],
    run: (deps, { params, body, actor, once }) =>
      verifyPickup(deps, { staffId: actor.staffId, storeId: params.storeId, ...body, once }),
    view: (handed) => ({
      ...handed,
      zones: handed.zones.map((one) => ({ ...one, name: zoneNames[one.zone] })),
      handedOverAt: toIso(handed.handedOverAt),
    }),
  }),

  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/orders",
    summary: "门店订单列表",
    description: "Orders of one day at this store, in the order they were placed.",
    actor: "staff",
    owns: "none",
    roles: ["store_staff", "store_manager", "customer_service", "ops", "admin"],
    scope: "store",
    storeOf: (_deps, { params }) => params.storeId,
    params: storePath,
    query: listQuery.extend({
      day: z.iso.date().meta({ description: "Day the orders were placed, Asia/Shanghai", example: "2026-11-23" }),
    }),
    ok: listOf(storeOrderView),
    problems: ["CURSOR_INVALID"],
    run: async (deps, { params: { storeId }, query: { day, ...asked } }) => {
      const page = await listPage(deps, ordersOfStore(storeId, day), `orders-of-store#${storeId}#${day}`, asked);
      // The index may still show an order here that has moved to another store.
      const here = page.items.filter((order) => order.storeId === storeId);
      const found = await deps.table.loadMany(
        teams,
        here.flatMap(({ teamId }) => (teamId === undefined ? [] : [{ teamId }])),
      );
      const teamOf = new Map(found.map((team) => [team.teamId, team]));
      return {
        items: here.map((order) => {
          const team = order.teamId === undefined ? undefined : teamOf.get(order.teamId);
          return {
            orderId: order.orderId,
            ...(order.teamId !== undefined && { teamId: order.teamId }),
            day: order.day,
            seat: team || order.teamId === undefined ? seatState(order, team) : order.seat,
            stage: order.stage,
            shipping: order.shipping,
            units: order.units,
            lines: order.lines,
            pickupFrom: toIso(order.pickupFrom),
            pickupUntil: toIso(order.pickupUntil),
            delivers: order.delivery !== undefined,
            ...onShelf(order),
            ...(order.handedOverAt !== undefined && { handedOverAt: toIso(order.handedOverAt) }),
            ...(order.disposedAt !== undefined && { disposedAt: toIso(order.disposedAt) }),
          };
        }),
        nextCursor: page.nextCursor,
      };
    },
  }),

  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/pick-list",
    summary: "拣货单",
    description:
      "What is to be picked for the orders whose hand-over or delivery begins on a day, by temperature zone and article.",
    ...atStore,
    params: storePath,
    query: z.strictObject({ day: pickupDay }),
    ok: pickListView,
    problems: ["STORE_NOT_FOUND"],
    run: async (deps, { params: { storeId }, query: { day } }) => {
      await loadStore(deps, storeId);
      return pickList(deps, { storeId, day });
    },
    view: (list) => ({
      ...list,
      zones: list.zones.map(({ zone: of, articles }) => ({
        zone: of,
        name: zoneNames[of],
        articles: articles.map((article) => ({
          ...article,
          orders: article.orders.map((one) => ({ ...one, from: toIso(one.from) })),
        })),
      })),
    }),
  }),
  route({
    method: "get",
    path: "/ops/v1/stores/{storeId}/labels",
    summary: "货架标签",
    description:
      "What the labels of a day's orders say that are ready: shelf number, zones and lines, and nobody's name.",
    ...atStore,
    params: storePath,
    query: z.strictObject({ day: pickupDay }),
    ok: z.object({ items: z.array(labelView) }).meta({ id: "Labels" }),
    problems: ["STORE_NOT_FOUND"],
    run: async (deps, { params: { storeId }, query: { day } }) => {
      await loadStore(deps, storeId);
      return labelsOf(deps, { storeId, day });
    },
    view: (labels) => ({
      items: labels.map(({ order, lines }) => ({
        orderId: order.orderId,
        last4: order.orderId.slice(-4),
        ...onShelf(order),
        delivers: order.delivery !== undefined,
        pickupFrom: toIso(order.pickupFrom),
        pickupUntil: toIso(order.pickupUntil),
        zones: byZone(lines).map((one) => ({ ...one, name: zoneNames[one.zone] })),
      })),
    }),
  }),

  route({
    method: "post",
    path: "/ops/v1/orders/{orderId}/reroute",
    summary: "订单改派门店",
    description:
      "Moves a paid order that is not handed over to another store: the given one, or the nearest able one in whose range the member is. Its pickup code becomes invalid; the member gets a new one.",
    actor: "staff",
    owns: "none",
    roles: ["store_manager", "ops", "admin"],
    scope: "store",
    storeOf: async ({ table }, { params }) => {
      const order = await table.load(orders, { orderId: params.orderId });
      if (!order) throw new DomainError("ORDER_NOT_FOUND");
      return order.storeId;
    },
    idempotent: true,
    params: orderPath,
    body: z.strictObject({
      storeId: idOf("ST").optional(),
      reason: typedText(1, 200).meta({ description: "Why, for the audit; no personal data" }),
    }),
    ok: reroutedView,
    problems: [
      "ORDER_NOT_FOUND",
      "ORDER_STATE",
      "SEAT_STATE",
      "STORE_NOT_FOUND",
      "STORE_NOT_ABLE",
      "SOLD_OUT",
      "NO_STORE_IN_RANGE",
    ],
    run: (deps, { params, body, actor, once }) =>
      rerouteOrder(deps, { orderId: params.orderId, ...body, staffId: actor.staffId, once }),
  }),
];
