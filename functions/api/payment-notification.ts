import * as z from "zod";
import { applyRefund, settlePayment } from "../../shared/groupbuy/index.ts";
import { readProviderNumber } from "../../shared/kernel/ids.ts";
import { type Notification, openCase } from "../../shared/payment/index.ts";
import { notificationPath } from "../../shared/payment/ports.ts";
import { refunds } from "../../shared/table/keys.ts";
import type { Deps } from "../runtime/deps.ts";
import { logger } from "../runtime/logger.ts";
import { type Route, route } from "../runtime/route.ts";

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
