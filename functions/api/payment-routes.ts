import * as z from "zod";
import { approveResolution, lookAtRefund, proposeResolution } from "../../shared/groupbuy/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import type { Order } from "../../shared/order/index.ts";
import { caseOwners, caseReason, type PaymentCase, type Refund, resolveCase } from "../../shared/payment/index.ts";
import { allCases, orders, refundsOf, transfersOf } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { toRefund } from "./groupbuy-views.ts";
import { listPage } from "./list-page.ts";

const caseView = z
  .object({
    caseKey: z.string(),
    reason: caseReason,
    owner: z.string().meta({ description: "The role that must act", example: "finance" }),
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
  owner: caseOwners[row.reason],
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

/** Where an order's money is stuck on its way to the merchant, and who moves it on. */
function settlementOf({ disposition, paymentState, shipping, handedOverAt }: Order) {
  if (disposition !== "SEATED" || paymentState === "REFUNDED") return { state: "none" as const };
  if (shipping === "SETTLED") return { state: "released" as const };
  if (shipping === "LATE") return { state: "late" as const, mustAct: "finance" as const };
  const mustAct = shipping === "SENT" ? "channel" : handedOverAt === undefined ? "store" : "system";
  return { state: "frozen" as const, mustAct } as const;
}

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
        settlement: z
          .object({
            state: z.enum(["none", "frozen", "late", "released"]),
            mustAct: z.enum(["store", "system", "channel", "finance"]).optional(),
          })
          .meta({
            description:
              "Whether the channel has let the order's money go: frozen until the goods are handed over (store), it was told so (system), and its two days are over (channel); late: finance asks the channel why",
          }),
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
      settlement: settlementOf(order),
      refunds: refunds.map(toStaffRefund),
      transfers: transfers.map((t) => ({ ...t, at: toIso(t.at) })),
      balanceFen: transfers.reduce((sum, t) => sum + (t.credit.startsWith("order:") ? t.amountFen : -t.amountFen), 0),
    }),
  }),
  route({
    ...money,
    method: "post",
    path: "/ops/v1/orders/{orderId}/refunds/{refundId}/another-look",
    summary: "重新查询退款",
    description:
      "Has a refund that has not arrived looked at within ten minutes, under its number: asked for once more, say after the merchant account was topped up, or asked about, where it was ABNORMAL and somebody had it done in the merchant platform.",
    idempotent: true,
    status: 204,
    params: z.strictObject({ orderId: idOf("OR"), refundId: idOf("RF") }),
    body: z.strictObject({ reason: typedText(1, 200) }),
    ok: z.undefined(),
    problems: ["REFUND_NOT_FOUND", "REFUND_STATE"],
    run: (deps, { params, body, actor, once }) =>
      lookAtRefund(deps, { ...params, ...body, staffId: actor.staffId, once }),
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
