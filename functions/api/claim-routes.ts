import * as z from "zod";
import {
  type Claim,
  claimLifecycle,
  claimLine,
  type RecallCompensation,
  recallRule,
} from "../../shared/aftersale/index.ts";
import type { EvidenceStore } from "../../shared/aftersale/ports.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { type PictureType, pictureTypes } from "../../shared/kernel/pictures.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import type { Recall } from "../../shared/supply/index.ts";
import { claims, claimsOfStore } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { bearerOf } from "./bearer.ts";
import { listPage } from "./list-page.ts";

const work = () => import("../../shared/aftersale/work.ts");
const orderPath = z.strictObject({ orderId: idOf("OR") });
const storePath = z.strictObject({ storeId: idOf("ST") });
const storeOrderPath = z.strictObject({ storeId: idOf("ST"), orderId: idOf("OR") });
const communityOrderPath = z.strictObject({ communityId: idOf("CM"), orderId: idOf("OR") });

const reason = typedText(4, 200);
const claimed = {
  lines: z.array(claimLine.extend({ reason: z.string() })),
  photos: z.array(
    z.object({
      key: z.string(),
      url: z.string().optional().meta({ description: "Where it can be seen, for ten minutes; only in answers to GET" }),
    }),
  ),
  wantedFen: z.int(),
};
const fields = z.object({
  orderId: z.string(),
  state: z.enum(claimLifecycle.states),
  ...claimed,
  openedAt: isoOutput,
  answerBy: isoOutput.meta({ description: "15 working days later" }),
  paid: z
    .object({ refundId: z.string(), amountFen: z.int(), at: isoOutput })
    .optional()
    .meta({ description: "What was paid back first" }),
  rejected: z.object({ reason: z.string(), at: isoOutput }).optional(),
});
const claimView = fields.meta({ id: "Claim" });
/** An address that runs out is no part of an answer that is kept for repetitions. */
const toPhotos = (keys: readonly string[], evidence?: EvidenceStore) =>
  keys.map((key) => ({ key, ...(evidence && { url: evidence.view(key) }) }));
const toClaim = (claim: Claim, evidence?: EvidenceStore): z.input<typeof claimView> => ({
  ...claim,
  photos: toPhotos(claim.photos, evidence),
  openedAt: toIso(claim.openedAt),
  answerBy: toIso(claim.answerBy),
  paid: claim.paid && { ...claim.paid, at: toIso(claim.paid.at) },
  rejected: claim.rejected && { ...claim.rejected, at: toIso(claim.rejected.at) },
});
const who = { by: z.string(), at: isoOutput };
const staffClaimView = fields
  .extend({
    memberId: z.string(),
    storeId: z.string(),
    paid: z
      .object({ ...who, refundId: z.string(), amountFen: z.int(), float: z.string() })
      .optional()
      .meta({ description: "By whom, and out of whose float: `store:` or `member:` and an id" }),
    rejected: z.object({ ...who, reason: z.string() }).optional(),
    recovery: z
      .object({ ...who, account: z.string(), reason: z.string() })
      .optional()
      .meta({ description: "The ledger's account that bears it" }),
  })
  .meta({ id: "StaffClaim" });
const toStaffClaim = (claim: Claim, evidence?: EvidenceStore): z.input<typeof staffClaimView> => ({
  ...claim,
  photos: toPhotos(claim.photos, evidence),
  openedAt: toIso(claim.openedAt),
  answerBy: toIso(claim.answerBy),
  paid: claim.paid && { ...claim.paid, at: toIso(claim.paid.at) },
  rejected: claim.rejected && { ...claim.rejected, at: toIso(claim.rejected.at) },
  recovery: claim.recovery && { ...claim.recovery, at: toIso(claim.recovery.at) },
});

const paying = {
  idempotent: true,
  body: z.strictObject({
    amountFen: z
      .int()
      .min(1)
      .max(10_000_000)
      .meta({ description: "Fen: no more than is claimed, nor than your float allows", example: 600 }),
  }),
} as const;
const payProblems = [
  "ORDER_NOT_FOUND",
  "CLAIM_NOT_FOUND",
  "CLAIM_STATE",
  "FLOAT_LIMIT",
  "FLOAT_EXHAUSTED",
  "COMPENSATION_LIMIT",
  "ORDER_STATE",
] as const;

const led = { actor: "member", owns: "community" } as const;

export const claimShop: Route[] = [
  route({
    method: "post",
    path: "/v1/orders/{orderId}/evidence",
    summary: "上传售后照片",
    description:
      "Gives out a form for one picture: POST it to `url` as multipart/form-data with `fields` first and the picture as `file` last, within ten minutes; then name `key` in the claim's photos.",
    actor: "member",
    owns: "order",
    limit: "evidence",
    params: orderPath,
    body: z.strictObject({
      contentType: z.enum(Object.keys(pictureTypes) as [PictureType, ...PictureType[]]),
    }),
    status: 201,
    ok: z
      .object({
        key: z.string(),
        url: z.string(),
        fields: z.record(z.string(), z.string()),
        maxBytes: z.int(),
        expiresAt: isoOutput,
      })
      .meta({ id: "Evidence" }),
    problems: [],
    run: async (deps, { params: { orderId }, body: { contentType } }) => {
      const key = (await work()).pictureKey(deps.env, deps.blindIndex, orderId, contentType);
      return { key, ...deps.evidence.upload(key, contentType) };
    },
    view: ({ expiresAt, ...form }) => ({ ...form, expiresAt: toIso(expiresAt) }),
  }),
  route({
    method: "post",
    path: "/v1/orders/{orderId}/claim",
    summary: "申请售后",
    description:
      "Within seven days of the hand-over, with one to six pictures; one claim an order, naming every line that was not right. It is answered within 15 working days; store or leader may pay it back first, at once.",
    actor: "member",
    owns: "order",
    idempotent: true,
    params: orderPath,
    body: z.strictObject({
      lines: z
        .array(z.strictObject({ ...claimLine.shape, reason: reason.meta({ example: "三分之一压坏" }) }))
        .min(1)
        .max(20),
      photos: z.array(text(1, 200)).min(1).max(6).meta({ description: "Keys given out by …/evidence" }),
      wantedFen: z.int().min(1).max(10_000_000).meta({ description: "Fen", example: 600 }),
    }),
    status: 201,
    ok: claimView,
    problems: ["ORDER_STATE", "CLAIM_EXISTS", "EVIDENCE_NOT_FOUND", "COMPENSATION_LIMIT"],
    run: async (deps, { params, body, once }) => (await work()).openClaim(deps, { ...params, ...body, once }),
    view: (claim) => toClaim(claim),
  }),
  route({
    method: "get",
    path: "/v1/orders/{orderId}/claim",
    summary: "查询售后申请",
    actor: "member",
    owns: "order",
    params: orderPath,
    ok: claimView,
    problems: ["CLAIM_NOT_FOUND"],
    run: async (deps, { params }) => {
      const claim = await deps.table.load(claims, params);
      if (!claim) throw new DomainError("CLAIM_NOT_FOUND");
      return claim;
    },
    view: (claim, { evidence }) => toClaim(claim, evidence),
  }),
  route({
    ...led,
    method: "get",
    path: "/v1/leader/communities/{communityId}/orders/{orderId}/claim",
    summary: "查看售后申请(团长)",
    description: "Of an order in a team of the community, with its pictures.",
    params: communityOrderPath,
    ok: claimView,
    problems: ["ORDER_NOT_FOUND", "CLAIM_NOT_FOUND"],
    run: async (deps, { params: { communityId, orderId } }) =>
      (await (await work()).claimServedBy(deps.table, orderId, { communityId })).claim,
    view: (claim, { evidence }) => toClaim(claim, evidence),
  }),
  route({
    ...led,
    ...paying,
    method: "post",
    path: "/v1/leader/communities/{communityId}/orders/{orderId}/claim/pay",
    summary: "先行赔付(团长)",
    description:
      "Pays a claim of an order in a team of the community back at once: out of the chain's advance, never the leader's own money, at most 50 yuan of an order and 200 yuan a leader and day. Once a claim, and never one's own.",
    params: communityOrderPath,
    ok: claimView,
    problems: [...payProblems, "CLAIM_OWN"],
    run: async (deps, { params: { communityId, orderId }, body, actor, once }) =>
      (await work()).payClaim(deps, {
        ...{ orderId, ...body, once },
        payer: { kind: "member", communityId, memberId: actor.memberId },
      }),
    view: (claim) => toClaim(claim),
  }),
];

const recallPath = z.strictObject({ recallId: idOf("RC") });
const recallCompensationView = z
  .object({
    recallId: z.string(),
    rule: recallRule,
    bearer: z.string(),
    reason: z.string(),
    by: z.string(),
    at: isoOutput,
    of: z.int().meta({ description: "Buyers found so far; all of them once `listedAt` of the recall is set" }),
    done: z.int().meta({ description: "Orders looked at: given + passed" }),
    given: z.int(),
    givenFen: z.int(),
    passed: z.int().meta({ description: "Orders that got nothing: see why in the recall's buyers" }),
    doneAt: isoOutput.optional(),
  })
  .meta({ id: "RecallCompensation" });
const toRecallCompensation = ({ compensation, recall }: { compensation: RecallCompensation; recall: Recall }) => ({
  ...compensation,
  at: toIso(compensation.at),
  of: recall.buyers,
  done: compensation.given + compensation.passed,
  ...{ doneAt: compensation.doneAt === undefined ? undefined : toIso(compensation.doneAt) },
});
const ofRecall = {
  actor: "staff",
  owns: "none",
  scope: "chain",
  path: "/ops/v1/recalls/{recallId}/compensations",
} as const;

const atStore = { actor: "staff", owns: "none", scope: "store" } as const;
const servers = ["admin", "ops", "customer_service", "store_manager"] as const;

export const claimOps: Route[] = [
  route({
    ...ofRecall,
    method: "post",
    summary: "问题批次赔付",
    description:
      "Compensates everybody who has goods that are called back, by one rule and each order once, whenever they were collected; out of what each paid. Once a recall; worked off in the background.",
    roles: ["admin", "ops"],
    idempotent: true,
    params: recallPath,
    body: z.strictObject({
      rule: recallRule.meta({
        description: "percent of what was paid for the recalled article, or fen an order",
        example: { by: "percent", percent: 50 },
      }),
      bearer: bearerOf(["platform", "store"]),
      reason: reason.meta({ example: "整批胀包" }),
    }),
    status: 201,
    ok: recallCompensationView,
    problems: ["RECALL_NOT_FOUND", "RECALL_COMPENSATED", "SUPPLIER_NOT_FOUND"],
    run: async (deps, { params, body, actor, once }) =>
      (await work()).compensateRecall(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (result) => toRecallCompensation(result),
  }),
  route({
    ...ofRecall,
    method: "get",
    summary: "问题批次赔付进度",
    roles: ["admin", "ops", "customer_service", "finance"],
    params: recallPath,
    ok: recallCompensationView,
    problems: ["RECALL_NOT_FOUND", "COMPENSATION_NOT_FOUND"],
    run: async (deps, { params }) => (await work()).recallCompensated(deps.table, params.recallId),
    view: (result) => toRecallCompensation(result),
  }),
  route({
    ...atStore,
    method: "get",
    path: "/ops/v1/stores/{storeId}/claims",
    summary: "门店售后申请",
    description: "Those in a state, OPEN unless said otherwise, the oldest first.",
    roles: [...servers, "finance", "analyst", "executive", "store_staff"],
    storeOf: (_deps, { params }) => params.storeId,
    params: storePath,
    query: listQuery.extend({ state: z.enum(claimLifecycle.states).default("OPEN") }),
    ok: listOf(staffClaimView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { params: { storeId }, query: { state, ...query } }) =>
      listPage(deps, claimsOfStore(storeId, state), `claims ${storeId} ${state}`, query),
    view: ({ items, nextCursor }, { evidence }) => ({
      items: items.map((claim) => toStaffClaim(claim, evidence)),
      nextCursor,
    }),
  }),
  route({
    ...atStore,
    ...paying,
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/claim/pay",
    summary: "先行赔付(门店)",
    description:
      "Pays a claim back at once, whoever is to bear it: out of the chain's advance, at most 200 yuan of an order and 2,000 yuan a store and day. Once a claim.",
    roles: servers,
    storeOf: (_deps, { params }) => params.storeId,
    params: storeOrderPath,
    ok: staffClaimView,
    problems: payProblems,
    run: async (deps, { params: { storeId, orderId }, body, actor, once }) =>
      (await work()).payClaim(deps, {
        ...{ orderId, ...body, once },
        payer: { kind: "store", storeId, staffId: actor.staffId },
      }),
    view: (claim) => toStaffClaim(claim),
  }),
  route({
    ...atStore,
    method: "post",
    path: "/ops/v1/stores/{storeId}/orders/{orderId}/claim/rejection",
    summary: "驳回售后申请",
    roles: servers,
    storeOf: (_deps, { params }) => params.storeId,
    idempotent: true,
    params: storeOrderPath,
    body: z.strictObject({ reason: reason.meta({ description: "The member reads it", example: "照片不是本单商品" }) }),
    ok: staffClaimView,
    problems: ["ORDER_NOT_FOUND", "CLAIM_NOT_FOUND", "CLAIM_STATE"],
    run: async (deps, { params, body, actor, once }) =>
      (await work()).rejectClaim(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (claim) => toStaffClaim(claim),
  }),
  route({
    method: "post",
    path: "/ops/v1/orders/{orderId}/claim/recovery",
    summary: "追偿认定",
    description:
      "Says who bears what was paid first of a claim: the advance is booked back from that account, once. A carrier only where the order was brought.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "customer_service", "finance"],
    scope: "chain",
    idempotent: true,
    params: orderPath,
    body: z.strictObject({
      bearer: bearerOf(["platform", "store", "carrier"]),
      reason: reason.meta({ example: "到货时已压坏,供应商认可" }),
    }),
    ok: staffClaimView,
    problems: ["ORDER_NOT_FOUND", "CLAIM_NOT_FOUND", "CLAIM_STATE", "SUPPLIER_NOT_FOUND", "ORDER_STATE"],
    run: async (deps, { params, body, actor, once }) =>
      (await work()).decideRecovery(deps, { by: actor.staffId, ...params, ...body, once }),
    view: (claim) => toStaffClaim(claim),
  }),
];
