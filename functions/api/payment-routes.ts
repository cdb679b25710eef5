import * as z from "zod";
import { approveResolution, proposeResolution } from "../../shared/groupbuy/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { type PaymentCase, type Refund, resolveCase } from "../../shared/payment/index.ts";
import { allCases, orders, refundsOf, transfersOf } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { toRefund } from "./groupbuy-views.ts";
import { listPage } from "./list-page.ts";

const caseView = z
  .object({
    caseKey: z.string(),
    reason: z.enum([
      "mismatch",
      "unknown_number",
      "undecided",
      "refund_abnormal",
      "refund_slow",
      "refund_refused",
      "shipping_refused",
      "invoice_refused",
      "red_letter_refused",
      "payout_not_enough",
    ]),
    number: z.string(),
    orderId: z.string().optional(),
    detail: z.string(),
    at: isoOutput,
    resolvedAt: isoOutput.optional(),
    resolvedBy: z.string().optional(),
    resolution: z.string().optional(),
  })
  .meta({ id: "PaymentCase" });
const toCase = (row: PaymentCase) => ({
  ...row,
  at: toIso(row.at),
  resolvedAt: row.resolvedAt === undefined ? undefined : toIso(row.resolvedAt),
});

const proposalView = z
  .object({ proposalId: z.string(), by: z.string(), at: isoOutput, resolution: z.string() })
  .meta({ description: "How it went back, as one of the staff says; booked once another one approves it" });
const refundResolution = z.object({
  refundId: z.string(),
  state: z.string(),
  settledAt: isoOutput.optional(),
  proposal: proposalView.optional(),
});
const toStaffRefund = (refund: Refund) => ({
  ...toRefund(refund),
  ...(refund.proposal && {
    proposal: { ...refund.proposal, at: toIso(refund.proposal.at), resolution: refund.proposal.note },
  }),
});

const money = {
  actor: "staff",
  owns: "none",
  roles: ["finance", "customer_service", "admin"],
  scope: "chain",
} as const;
const resolution = typedText(4, 300).meta({
  description: "What was done, for the record",
  example: "已电话联系会员,线下转账退回",
});

export const paymentOps: Route[] = [
  route({
    ...money,
    method: "get",
    path: "/ops/v1/payment-cases",
    summary: "支付异常单",
    description: "What the system may not decide by itself, newest first.",
    query: listQuery,
    ok: listOf(caseView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allCases(), "cases", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toCase), nextCursor }),
  }),
  route({
    ...money,
    method: "post",
    path: "/ops/v1/payment-cases/resolution",
    summary: "处理支付异常单",
    idempotent: true,
    body: z.strictObject({ caseKey: text(0, 120), resolution }),
    ok: caseView,
    problems: ["CASE_NOT_FOUND"],
    run: (deps, { body, actor, once }) => resolveCase(deps, { ...body, staffId: actor.staffId, once }),
    view: (result) => toCase(result),
  }),
  route({
    ...money,
    method: "get",
    path: "/ops/v1/orders/{orderId}/money",
    summary: "订单资金流水",
    description: "Payments and refunds of an order with their ledger lines.",
    params: z.strictObject({ orderId: idOf("OR") }),
    ok: z
      .object({
        orderId: z.string(),
        payableFen: z.int(),
        refunds: z.array(
          z.object({
            refundId: z.string(),
            refundNo: z.string(),
            state: z.string(),
            cause: z.string(),
            refundFen: z.int(),
            requestedAt: isoOutput,
            settledAt: isoOutput.optional(),
            proposal: proposalView.optional(),
          }),
        ),
        transfers: z.array(
          z.object({
            kind: z.string(),
            reference: z.string(),
            debit: z.string(),
            credit: z.string(),
            amountFen: z.int(),
            at: isoOutput,
          }),
        ),
        balanceFen: z.int().meta({ description: "Captured and not given back, and what the platform bears of it" }),
      })
      .meta({ id: "OrderMoney" }),
    problems: ["ORDER_NOT_FOUND"],
    run: async (deps, { params }) => {
      const order = await deps.table.load(orders, params);
      if (!order) throw new DomainError("ORDER_NOT_FOUND");
      const [back, transfers] = await Promise.all([
        deps.table.page(refundsOf(params.orderId), { limit: 50 }),
        deps.table.page(transfersOf(params.orderId), { limit: 100 }),
      ]);
      return { order, refunds: back.items, transfers: transfers.items };
    },
    view: ({ order, refunds, transfers }) => ({
      orderId: order.orderId,
      payableFen: order.payableFen,
      refunds: refunds.map(toStaffRefund),
      transfers: transfers.map((t) => ({ ...t, at: toIso(t.at) })),
      balanceFen: transfers.reduce((sum, t) => sum + (t.credit.startsWith("order:") ? t.amountFen : -t.amountFen), 0),
    }),
  }),
  route({
    ...money,
    method: "post",
    path: "/ops/v1/orders/{orderId}/refunds/{refundId}/resolution",
    roles: ["finance", "admin"], // it books money: customer service agrees with the member, finance records it
    summary: "提出人工退款",
    description:
      "For an ABNORMAL refund that was given back another way: says how. Nothing is booked until somebody else approves it.",
    idempotent: true,
    params: z.strictObject({ orderId: idOf("OR"), refundId: idOf("RF") }),
    body: z.strictObject({ resolution }),
    ok: refundResolution,
    problems: ["REFUND_NOT_FOUND", "REFUND_STATE"],
    run: (deps, { params, body, actor, once }) =>
      proposeResolution(deps, { ...params, note: body.resolution, staffId: actor.staffId, once }),
    view: (result) => toStaffRefund(result),
  }),
  route({
    ...money,
    method: "post",
    path: "/ops/v1/orders/{orderId}/refunds/{refundId}/resolution/approval",
    roles: ["finance", "admin"],
    summary: "批准人工退款",
    description: "Books what a colleague proposed. Nobody approves his own proposal.",
    idempotent: true,
    params: z.strictObject({ orderId: idOf("OR"), refundId: idOf("RF") }),
    body: z.strictObject({ proposalId: idOf("RP") }),
    ok: refundResolution,
    problems: ["REFUND_NOT_FOUND", "REFUND_STATE", "FOUR_EYES"],
    run: (deps, { params, body, actor, once }) =>
      approveResolution(deps, { ...params, ...body, staffId: actor.staffId, once }),
    view: (result) => toStaffRefund(result),
  }),
];
