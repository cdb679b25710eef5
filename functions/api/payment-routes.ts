import * as z from "zod";
import { applyRefund, resolveRefund, settlePayment } from "../../shared/groupbuy/index.ts";
import { idOf, readProviderNumber } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { type Notification, openCase, type PaymentCase, resolveCase } from "../../shared/payment/index.ts";
import { notificationPath } from "../../shared/payment/ports.ts";
import { allCases, orders, refunds, refundsOf, transfersOf } from "../../shared/table/keys.ts";
import type { Deps } from "../runtime/deps.ts";
import { logger } from "../runtime/logger.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { toRefund } from "./groupbuy-views.ts";
import { listPage } from "./list-page.ts";

/** Puts what the channel tells into our rows. A refund we do not know is a case; its answer is still "received". */
async function take(deps: Deps, told: Notification): Promise<string> {
  if (told.kind === "payment") return settlePayment(deps, told.transaction);
  const orderId = readProviderNumber(told.refund.paymentNo)?.id;
  const refundId = readProviderNumber(told.refund.refundNo)?.id;
  const refund = orderId && refundId ? await deps.table.load(refunds, { orderId, refundId }) : undefined;
  if (!refund) {
    await openCase(deps, {
      reason: "unknown_number",
      number: told.refund.refundNo,
      detail: "news of a refund that we never asked for",
    });
    return "case";
  }
  await applyRefund(deps, refund, told.refund);
  return told.refund.status;
}

export const paymentHooks: Route[] = [
  route({
    method: "post",
    path: notificationPath,
    summary: "微信支付通知",
    description:
      "Signed and encrypted by WeChat Pay; verified to the byte. 204 once it is committed, however often it comes.",
    actor: "channel",
    owns: "none",
    status: 204,
    ok: z.undefined(),
    problems: ["NOTIFICATION_UNSIGNED", "NOTIFICATION_STALE", "NOTIFICATION_MALFORMED", "NOTIFICATION_FOREIGN"],
    run: async (deps, { raw }) => {
      const told = await deps.channel.readNotification(raw.headers, raw.body);
      const outcome = await take(deps, told);
      logger.info("NOTIFICATION", {
        notificationId: told.id,
        number: told.kind === "payment" ? told.transaction.paymentNo : told.refund.refundNo,
        outcome,
      });
    },
  }),
];

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
      refunds: refunds.map(toRefund),
      transfers: transfers.map((t) => ({ ...t, at: toIso(t.at) })),
      balanceFen: transfers.reduce((sum, t) => sum + (t.credit.startsWith("order:") ? t.amountFen : -t.amountFen), 0),
    }),
  }),
  route({
    ...money,
    method: "post",
    path: "/ops/v1/orders/{orderId}/refunds/{refundId}/resolution",
    roles: ["finance", "admin"], // it books money: customer service agrees with the member, finance records it
    summary: "登记人工退款",
    description: "For an ABNORMAL refund that was given back another way.",
    idempotent: true,
    params: z.strictObject({ orderId: idOf("OR"), refundId: idOf("RF") }),
    body: z.strictObject({ resolution }),
    ok: z.object({ refundId: z.string(), state: z.string(), settledAt: isoOutput.optional() }),
    problems: ["REFUND_NOT_FOUND", "REFUND_STATE"],
    run: (deps, { params, body, actor, once }) =>
      resolveRefund(deps, { ...params, note: body.resolution, staffId: actor.staffId, once }),
    view: (result) => toRefund(result),
  }),
];
