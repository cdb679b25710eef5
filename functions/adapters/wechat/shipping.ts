import * as z from "zod";
import type { ShippingUpload } from "../../../shared/fulfilment/ports.ts";
import { toIso } from "../../../shared/kernel/time.ts";
import type { WeChatApi } from "./api.ts";
import type { WeChatConfig } from "./config.ts";

/** logistics_type; 1 is express, 3 virtual. */
const logisticsTypes = { delivery: 2, pickup: 4 } as const;

/** order_state: 1 to be shipped, 2 shipped, 3 receipt confirmed, 4 done, 5 refunded, 6 waits for settlement. */
const orderAnswer = z.object({
  order: z.object({ merchant_trade_no: z.string(), order_state: z.int().min(1).max(6) }),
});

/** Shipped before, corrected before, or nothing new in it: what we wanted is there. */
const alreadyUploaded = new Set([10060002, 10060003, 10060023]);
/** Busy or over a quota; nothing was kept. */
const busy = new Set([-1, 45009, 45011, 10060012]);

/** 发货信息录入. Retry count 0 beyond the token's: the job that owns the row calls again with the same values. */
export function createShippingUpload(config: Pick<WeChatConfig, "mchid">, api: WeChatApi): ShippingUpload {
  return {
    async uploadPickup({ paymentNo, openid, description, handedOverAt, way }) {
      const reply = await api.callWithToken("/wxa/sec/order/upload_shipping_info", {
        order_key: { order_number_type: 1, mchid: config.mchid, out_trade_no: paymentNo },
        logistics_type: logisticsTypes[way],
        delivery_mode: 1,
        shipping_list: [{ item_desc: Array.from(description).slice(0, 120).join("") }],
        upload_time: toIso(handedOverAt).replace("+", `.${String(handedOverAt % 1000).padStart(3, "0")}+`),
        payer: { openid },
      });
      if (reply.kind === "ok") return { kind: "uploaded" };
      if (reply.kind === "unknown") return reply;
      if (alreadyUploaded.has(reply.errcode)) return { kind: "uploaded" };
      if (busy.has(reply.errcode)) return { kind: "busy" };
      return { kind: "refused", code: String(reply.errcode), message: reply.errmsg };
    },

    async settlementOf(paymentNo) {
      const reply = await api.callWithToken("/wxa/sec/order/get_order", {
        merchant_id: config.mchid,
        merchant_trade_no: paymentNo,
      });
      if (reply.kind === "unknown") return reply;
      if (reply.kind === "error")
        return busy.has(reply.errcode)
          ? { kind: "busy" }
          : { kind: "refused", code: String(reply.errcode), message: reply.errmsg };
      const answer = orderAnswer.safeParse(reply.body);
      if (!answer.success || answer.data.order.merchant_trade_no !== paymentNo)
        return { kind: "unknown", reason: "the answer is not about this payment" };
      const { order_state: state } = answer.data.order;
      return { kind: state === 3 || state === 4 ? "settled" : state === 5 ? "closed" : "shipped" };
    },
  };
}
