import * as z from "zod";
import { idOf } from "../../shared/kernel/ids.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import {
  deliveryFeeRules,
  keepFees,
  keepSlotPlan,
  readFees,
  readSlotPlan,
  type Slot,
  slotKind,
  slotsOffered,
  slotWindows,
} from "../../shared/slot/index.ts";
import { type Route, route } from "../runtime/route.ts";

const storePath = z.strictObject({ storeId: idOf("ST") });
export const slotView = z
  .object({
    slotId: z.string(),
    from: isoOutput,
    until: isoOutput,
    orderUntil: isoOutput.meta({ description: "Orders are taken until then" }),
    left: z.int().meta({ description: "Free places; 0: 约满" }),
  })
  .meta({ id: "Slot" });
export const toSlot = ({ slotId, from, until, orderUntil, left }: Slot) => ({
  slotId,
  from: toIso(from),
  until: toIso(until),
  orderUntil: toIso(orderUntil),
  left,
});

export const slotShop: Route[] = [
  route({
    method: "get",
    path: "/v1/stores/{storeId}/slots",
    summary: "可选时段",
    description:
      "When this store hands over or delivers, the earliest first; none: it has no slots of this kind, or takes no orders for any at present.",
    actor: "member",
    owns: "none",
    params: storePath,
    query: z.strictObject({
      kind: slotKind.default("delivery"),
      day: z.iso.date().optional().meta({ description: "Of one day, Asia/Shanghai", example: "2026-11-27" }),
    }),
    ok: z.object({ items: z.array(slotView) }).meta({ id: "Slots" }),
    problems: ["STORE_NOT_FOUND"],
    run: (deps, { params, query }) => slotsOffered(deps, { ...params, kind: query.kind, on: query.day }),
    view: (slots = []) => ({ items: slots.map(toSlot) }),
  }),
];

const version = z.int().min(0).meta({ description: "Of the answer that the change was made from, 0 at first" });
const because = { version, reason: typedText(1, 200) };
const planView = z
  .object({ storeId: z.string(), pickup: slotWindows.optional(), delivery: slotWindows.optional(), version: z.int() })
  .meta({ id: "SlotPlan" });
const feesView = z
  .object({
    scope: z.string().meta({ description: "chain, or the store" }),
    rules: deliveryFeeRules.optional(),
    version: z.int(),
  })
  .meta({ id: "DeliveryFees" });
const keepers = { actor: "staff", owns: "none", roles: ["admin", "ops"], scope: "chain" } as const;

export const slotOps: Route[] = [
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/stores/{storeId}/slot-plan",
    summary: "门店时段",
    params: storePath,
    ok: planView,
    problems: [],
    run: (deps, { params }) => readSlotPlan(deps, params.storeId),
    view: (plan) => plan,
  }),
  route({
    ...keepers,
    method: "put",
    path: "/ops/v1/stores/{storeId}/slot-plan",
    summary: "设置门店时段",
    description:
      "Slots with capacity, by weekday. Without pickup slots orders are collected at any opening time; without delivery slots nothing is delivered.",
    params: storePath,
    body: z.strictObject({ pickup: slotWindows.optional(), delivery: slotWindows.optional(), ...because }),
    ok: planView,
    problems: ["STORE_NOT_FOUND", "VERSION_CONFLICT"],
    run: (deps, { params, body: { version: from, reason, pickup, delivery }, actor }) =>
      keepSlotPlan(
        deps,
        { ...params, ...(pickup && { pickup }), ...(delivery && { delivery }) },
        { version: from, reason, staffId: actor.staffId },
      ),
    view: (plan) => plan,
  }),
  ...(["/ops/v1/delivery-fees", "/ops/v1/stores/{storeId}/delivery-fees"] as const).flatMap((path) => {
    const params = path.includes("{storeId}") ? storePath : z.strictObject({});
    const scopeOf = (given: { storeId?: string }) => given.storeId ?? "chain";
    return [
      route({
        ...keepers,
        method: "get",
        path,
        summary: path.includes("stores") ? "门店配送费" : "配送费",
        params,
        ok: feesView,
        problems: [],
        run: async (deps, { params: given }) =>
          (await readFees(deps, scopeOf(given))) ?? { scope: scopeOf(given), version: 0 },
        view: (fees) => fees,
      }),
      route({
        ...keepers,
        method: "put",
        path,
        summary: path.includes("stores") ? "设置门店配送费" : "设置配送费",
        description:
          "By distance, weight, night and peak, free over an amount. A store's own rules hold in place of the chain's.",
        params,
        body: z.strictObject({ rules: deliveryFeeRules, ...because }),
        ok: feesView,
        problems: ["VERSION_CONFLICT", ...(path.includes("stores") ? (["STORE_NOT_FOUND"] as const) : [])],
        run: (deps, { params: given, body: { version: from, reason, rules }, actor }) =>
          keepFees(deps, { scope: scopeOf(given), rules }, { version: from, reason, staffId: actor.staffId }),
        view: (fees) => fees,
      }),
    ];
  }),
];
