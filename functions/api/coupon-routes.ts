import * as z from "zod";
import {
  type Coupon,
  type CouponGrant,
  couponFunder,
  couponGrantLifecycle,
  couponLifecycle,
  couponOff,
} from "../../shared/coupon/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { fen, yuan } from "../../shared/kernel/money.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoInput, isoOutput, toIso } from "../../shared/kernel/time.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { allCoupons, couponsOf } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const work = () => import("../../shared/coupon/work.ts");

const money = z.int().meta({ description: "Fen" });
const off = couponOff.meta({
  description: "amount: so many fen; percent: a share (basis points) of the team price, mostFen at most",
});
const validity = { validFrom: isoOutput, validUntil: isoOutput };
const termsView = {
  name: z.string(),
  off,
  text: z.string().meta({ description: "What it is good for, in words" }),
  thresholdFen: money.meta({ description: "Fen of the team price from which on it may be used" }),
  articleIds: z.array(z.string()).optional(),
  storeIds: z.array(z.string()).optional(),
  channels: z.array(z.enum(["mini", "batch"])).optional(),
  ...validity,
};
type Terms = CouponGrant["terms"];
function termsText({ off: what, thresholdFen, articleIds, storeIds }: Terms): string {
  const from = thresholdFen > 0 ? `满${yuan(thresholdFen)}元` : "";
  const less = what.by === "amount" ? `减${yuan(what.fen)}元` : `减${what.bps / 100}%,最多${yuan(what.mostFen)}元`;
  const only = [articleIds && "指定商品", storeIds && "指定门店"].filter((part) => part !== undefined).join("、");
  return `${from}${less}${only && `(限${only})`}`;
}
const toTerms = (terms: Terms) => ({
  name: terms.name,
  off: terms.off,
  text: termsText(terms),
  thresholdFen: terms.thresholdFen,
  ...(terms.articleIds && { articleIds: terms.articleIds }),
  ...(terms.storeIds && { storeIds: terms.storeIds }),
  ...(terms.channels && { channels: terms.channels }),
  validFrom: toIso(terms.validFrom),
  validUntil: toIso(terms.validUntil),
});

const couponView = z
  .object({
    couponId: z.string(),
    ...termsView,
    funder: couponFunder.meta({ description: "Who bears it" }),
    budgetFen: money,
    grantedFen: money.meta({ description: "What its grants may come to at most" }),
    state: z.enum(couponLifecycle.states),
    reason: z.string().optional(),
    createdAt: isoOutput,
  })
  .meta({ id: "Coupon" });
const toCoupon = (row: Stored<Coupon>) => ({
  ...toTerms(row),
  couponId: row.couponId,
  funder: row.funder,
  budgetFen: row.budgetFen,
  grantedFen: row.grantedFen,
  state: row.state,
  ...(row.reason !== undefined && { reason: row.reason }),
  createdAt: toIso(row.createdAt),
});

const grantView = z
  .object({
    grantId: z.string().meta({ description: "Give it as couponGrantId with a quote or a seat" }),
    ...termsView,
    state: z.enum([...couponGrantLifecycle.states, "EXPIRED"]),
    orderId: z.string().optional().meta({ description: "The order that holds or has used it" }),
  })
  .meta({ id: "CouponGrant" });
const toGrant = (grant: CouponGrant, now: number) => ({
  ...toTerms(grant.terms),
  grantId: grant.grantId,
  state: grant.state === "GRANTED" && now >= grant.terms.validUntil ? ("EXPIRED" as const) : grant.state,
  ...(grant.orderId !== undefined && { orderId: grant.orderId }),
});

export const couponShop: Route[] = [
  route({
    method: "get",
    path: "/v1/coupons",
    summary: "我的优惠券",
    actor: "member",
    owns: "self",
    query: listQuery,
    ok: listOf(grantView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { actor, query }) => listPage(deps, couponsOf(actor.memberId), `coupons ${actor.memberId}`, query),
    view: ({ items, nextCursor }, deps) => ({
      items: items.map((grant) => toGrant(grant, deps.env.clock.now())),
      nextCursor,
    }),
  }),
];

const keepers = { actor: "staff", owns: "none", roles: ["ops", "admin"], scope: "chain" } as const;
const couponPath = z.strictObject({ couponId: idOf("CT") });
const reason = typedText(1, 200);
const some = <S extends z.ZodType>(item: S) => z.array(item).min(1).max(50).optional();

export const couponOps: Route[] = [
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/coupons",
    summary: "新建优惠券",
    description: "Within the margin floor of what it is used for; nobody has it until it is granted.",
    idempotent: true,
    body: z.strictObject({
      name: typedText(1, 40).meta({ example: "新邻居立减券" }),
      off,
      thresholdFen: fen.default(0).meta({ description: "Fen of the team price from which on it may be used" }),
      articleIds: some(idOf("AR")),
      storeIds: some(idOf("ST")),
      channels: z
        .array(z.enum(["mini", "batch"]))
        .min(1)
        .max(2)
        .optional(),
      validFrom: isoInput,
      validUntil: isoInput,
      funder: couponFunder.meta({ description: "Who bears it: the platform, a supplier or a store" }),
      budgetFen: fen.min(1).meta({ description: "What all its grants together may come to" }),
    }),
    status: 201,
    ok: couponView,
    problems: [],
    run: async (deps, { actor, body: { budgetFen, ...terms }, once }) =>
      (await work()).createCoupon(deps, { by: actor.staffId, terms: withoutUndefined(terms), budgetFen, once }),
    view: (row) => toCoupon(row),
  }),
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/coupons",
    summary: "优惠券列表",
    roles: ["ops", "admin", "finance", "analyst", "executive"],
    query: listQuery,
    ok: listOf(couponView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allCoupons(), "ops coupons", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toCoupon), nextCursor }),
  }),
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/coupons/{couponId}/suspension",
    summary: "暂停或恢复发券",
    description:
      "A suspended coupon is not granted; what members have stays good. Saying what is so already changes nothing.",
    params: couponPath,
    body: z.strictObject({ suspended: z.boolean(), reason }),
    ok: couponView,
    problems: ["COUPON_NOT_FOUND"],
    run: async (deps, { actor, params, body }) =>
      (await work()).suspendCoupon(deps, { by: actor.staffId, ...params, ...body }),
    view: (row) => toCoupon(row),
  }),
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/coupons/{couponId}/grants",
    summary: "发券",
    description: "To each member once; who has it keeps it, and does not count.",
    idempotent: true,
    params: couponPath,
    body: z.strictObject({
      memberIds: z
        .array(idOf("MB"))
        .min(1)
        .max(40)
        .refine((ids) => new Set(ids).size === ids.length, "each member once"),
      reason,
    }),
    ok: z.object({ granted: z.int().meta({ description: "Members who did not have it" }) }),
    problems: ["COUPON_NOT_FOUND", "COUPON_STATE", "COUPON_BUDGET", "MEMBER_NOT_FOUND"],
    run: async (deps, { actor, params, body, once }) =>
      (await work()).grantCoupon(deps, { by: actor.staffId, ...params, ...body, once }),
  }),
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/coupon-grants/{grantId}/revocation",
    summary: "收回未使用的优惠券",
    params: z.strictObject({ grantId: idOf("CG") }),
    body: z.strictObject({ memberId: idOf("MB"), reason }),
    ok: grantView,
    problems: ["COUPON_NOT_FOUND", "COUPON_STATE"],
    run: async (deps, { actor, params, body }) =>
      (await work()).revokeCoupon(deps, { by: actor.staffId, ...params, ...body }),
    view: (grant, deps) => toGrant(grant, deps.env.clock.now()),
  }),
];

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };
const withoutUndefined = <T extends object>(fields: T): Defined<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
