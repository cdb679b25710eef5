import * as z from "zod";
import { applyRefund, settlePayment } from "../../shared/groupbuy/index.ts";
import { readProviderNumber } from "../../shared/kernel/ids.ts";
import { type Notification, openCase } from "../../shared/payment/index.ts";
import { notificationPath } from "../../shared/payment/ports.ts";
import { applyTransfer } from "../../shared/payout/index.ts";
import { payouts, refunds } from "../../shared/table/keys.ts";
import type { Deps } from "../runtime/deps.ts";
import { logger } from "../runtime/logger.ts";
import { type Route, route } from "../runtime/route.ts";

/** Puts what the channel tells into our rows. A refund or payout we do not know is a case; its answer is still "received". */
async function take(deps: Deps, told: Notification): Promise<string> {
  if (told.kind === "payment") return settlePayment(deps, told.transaction);
  if (told.kind === "payout") {
    const payoutId = readProviderNumber(told.transfer.payoutNo)?.id;
    const payout = payoutId === undefined ? undefined : await deps.table.load(payouts, { payoutId });
    if (!payout) return stranger(deps, told.transfer.payoutNo, "news of a transfer that we never asked for");
    await applyTransfer(deps, payout, told.transfer);
    return told.transfer.state;
  }
  const orderId = readProviderNumber(told.refund.paymentNo)?.id;
  const refundId = readProviderNumber(told.refund.refundNo)?.id;
  const refund = orderId && refundId ? await deps.table.load(refunds, { orderId, refundId }) : undefined;
  if (!refund) return stranger(deps, told.refund.refundNo, "news of a refund that we never asked for");
  await applyRefund(deps, refund, told.refund);
  return told.refund.status;
}

async function stranger(deps: Deps, number: string, detail: string): Promise<"case"> {
  await openCase(deps, { reason: "unknown_number", number, detail });
  return "case";
}

const numberOf = (told: Notification): string =>
  told.kind === "payment"
    ? told.transaction.paymentNo
    : told.kind === "refund"
      ? told.refund.refundNo
      : told.transfer.payoutNo;

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
        number: numberOf(told),
        outcome,
      });
    },
  }),
];
