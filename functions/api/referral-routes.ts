import * as z from "zod";
import { idOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import {
  type Acquisition,
  acquisitionLifecycle,
  type ReferralProgramme,
  referredBy,
} from "../../shared/referral/index.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { acquisitions, acquisitionsOf, referralsInReview } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const work = () => import("../../shared/referral/work.ts");

export const referralShop: Route[] = [
  route({
    method: "get",
    path: "/v1/referrals",
    summary: "我的邀请",
    description:
      "Who became a customer by the member, the newest first, without saying who it is. A reward comes when the after-sale time of the first order is over.",
    actor: "member",
    owns: "self",
    query: listQuery,
    ok: listOf(
      z
        .object({
          firstOrderAt: isoOutput,
          state: z.enum(["waiting", "rewarded", "offset", "none"]).meta({
            description: "offset: the reward was kept for an earlier one whose order went back",
          }),
          rewardedAt: isoOutput.optional(),
        })
        .meta({ id: "MyReferral" }),
    ),
    problems: ["CURSOR_INVALID"],
    run: (deps, { actor, query }) =>
      listPage(deps, acquisitionsOf(actor.memberId, 0, deps.env.clock.now()), `referrals ${actor.memberId}`, query),
    view: ({ items, nextCursor }) => ({
      items: items.map(({ paidAt, state, offset, rewardedAt }) => ({
        firstOrderAt: toIso(paidAt),
        state:
          state === "PENDING" || state === "IN_REVIEW"
            ? ("waiting" as const)
            : state !== "REWARDED"
              ? ("none" as const)
              : offset
                ? ("offset" as const)
                : ("rewarded" as const),
        ...(rewardedAt !== undefined && state === "REWARDED" && { rewardedAt: toIso(rewardedAt) }),
      })),
      nextCursor,
    }),
  }),
];

const keepers = { actor: "staff", owns: "none", roles: ["ops", "admin"], scope: "chain" } as const;
const readers = ["ops", "admin", "finance", "analyst", "executive"] as const;
const memberPath = z.strictObject({ memberId: idOf("MB") });
const reason = typedText(1, 200);

const programmeFields = {
  active: z.boolean().meta({ description: "Whether referrals are rewarded" }),
  inviterCouponId: idOf("CT").optional().meta({ description: "What who invited gets" }),
  inviteeCouponId: idOf("CT").optional().meta({ description: "What the new customer gets" }),
};
const programmeView = z
  .object({ ...programmeFields, version: z.int().meta({ description: "Send it with a change; 0: never set" }) })
  .meta({ id: "ReferralProgramme" });
const toProgramme = ({ active, inviterCouponId, inviteeCouponId, version }: Stored<ReferralProgramme>) => ({
  active,
  ...(inviterCouponId !== undefined && { inviterCouponId }),
  ...(inviteeCouponId !== undefined && { inviteeCouponId }),
  version,
});

const referralView = z
  .object({
    memberId: z.string().meta({ description: "Who became a customer" }),
    orderId: z.string().meta({ description: "The first order that was paid and stands" }),
    paidAt: isoOutput,
    state: z.enum(acquisitionLifecycle.states),
    by: referredBy.optional().meta({ description: "team_invite before share" }),
    inviterId: z.string().optional(),
    touchedAt: isoOutput.optional().meta({ description: "When the link was opened, or the team joined" }),
    passed: z
      .array(z.object({ inviterId: z.string(), by: referredBy, why: z.string() }))
      .meta({ description: "Who came before by precedence and does not count" }),
    why: z.string().optional().meta({ description: "Why it was held back or refused" }),
    rewards: z.array(z.object({ memberId: z.string(), grantId: z.string() })).optional(),
    rewardedAt: isoOutput.optional(),
    offset: z.boolean().optional(),
    owed: z.boolean().optional(),
  })
  .meta({ id: "Referral" });
const toReferral = ({ version: _, ...row }: Stored<Acquisition>) => ({
  ...row,
  paidAt: toIso(row.paidAt),
  touchedAt: row.touchedAt === undefined ? undefined : toIso(row.touchedAt),
  rewardedAt: row.rewardedAt === undefined ? undefined : toIso(row.rewardedAt),
});

export const referralOps: Route[] = [
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/referral-programme",
    summary: "老带新奖励设置",
    roles: [...readers],
    ok: programmeView,
    problems: [],
    run: async (deps) => (await work()).readProgramme(deps),
    view: (row) => toProgramme(row),
  }),
  route({
    ...keepers,
    method: "put",
    path: "/ops/v1/referral-programme",
    summary: "修改老带新奖励",
    description: "Holds for every reward that is granted from now on. A coupon that is left out is not granted.",
    body: z.strictObject({ ...programmeFields, version: z.int().min(0), reason }),
    ok: programmeView,
    problems: ["VERSION_CONFLICT", "COUPON_NOT_FOUND"],
    run: async (deps, { actor, body: { version, reason, ...programme } }) =>
      (await work()).setProgramme(deps, { programme, version, reason, staffId: actor.staffId }),
    view: (row) => toProgramme(row),
  }),
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/referrals",
    summary: "待人工判断的邀请",
    description: "Held back because both used one address, or one member brought many at once; the oldest first.",
    roles: [...readers],
    query: listQuery,
    ok: listOf(referralView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, referralsInReview(), "referrals in review", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toReferral), nextCursor }),
  }),
  route({
    ...keepers,
    method: "get",
    path: "/ops/v1/referrals/{memberId}",
    summary: "会员从何而来",
    roles: [...readers],
    params: memberPath,
    ok: referralView,
    problems: ["REFERRAL_NOT_FOUND"],
    run: async (deps, { params }) => {
      const found = await deps.table.load(acquisitions, params);
      if (!found) throw new DomainError("REFERRAL_NOT_FOUND");
      return found;
    },
    view: (row) => toReferral(row),
  }),
  route({
    ...keepers,
    method: "post",
    path: "/ops/v1/referrals/{memberId}/decision",
    summary: "判断邀请是否有效",
    description: "Approved, both are rewarded at once.",
    params: memberPath,
    body: z.strictObject({ approved: z.boolean(), reason }),
    ok: referralView,
    problems: ["REFERRAL_NOT_FOUND", "REFERRAL_STATE", "COUPON_BUDGET", "COUPON_STATE"],
    run: async (deps, { actor, params, body }) =>
      (await work()).decideReferral(deps, { ...params, ...body, staffId: actor.staffId }),
    view: (row) => toReferral(row),
  }),
];
