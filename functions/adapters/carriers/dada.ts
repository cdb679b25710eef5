import { createHash } from "node:crypto";
import * as z from "zod";
import type { Asked, CancelReason, Carrier, CarrierJob, CarrierNews } from "../../../shared/dispatch/index.ts";
import type { Env } from "../../../shared/kernel/env.ts";
import { toGcj02 } from "../../../shared/kernel/geo.ts";
import { yuan } from "../../../shared/kernel/money.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";
import { minute, parseIso, second } from "../../../shared/kernel/time.ts";
import { readJson, send } from "../wechat/send.ts";
import { type DadaConfig, yuanAsFen } from "./config.ts";
import { dadaCancelledBy, dadaStates, meaningOf } from "./states.ts";

const envelope = z.object({
  status: z.enum(["success", "fail"]),
  code: z.int(),
  msg: z.string().default(""),
  result: z.unknown().optional(),
});
type Reply =
  | { kind: "ok"; result: unknown }
  | { kind: "refused"; code: string; message: string }
  | { kind: "unknown"; reason: string }
  | { kind: "busy" };

/** A quote holds three minutes; half a minute less is sure to. */
const quoteHolds = 2.5 * minute;
const quoteTimeoutMs = 1_500;
/** 订单不存在. */
const absentCode = "2005";

const quoted = z.object({ fee: yuanAsFen, distance: z.number().min(0), deliveryNo: z.string().min(1) });
/** "2026-11-23 20:00:05" of Shanghai; empty where it has not come to it. */
const moment = z
  .string()
  .transform((text) =>
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text) ? parseIso(`${text.replace(" ", "T")}+08:00`) : 0,
  )
  .catch(0);
const degrees = z.coerce.number().optional().catch(undefined);
const job = z.object({
  orderId: z.string().min(1),
  statusCode: z.int(),
  transporterName: z.string().nullish(),
  transporterPhone: z.string().nullish(),
  transporterLng: degrees,
  transporterLat: degrees,
  actualFee: yuanAsFen.optional(),
  createTime: moment,
  acceptTime: moment,
  fetchTime: moment,
  finishTime: moment,
  cancelTime: moment,
});
const cancelled = z.object({ deduct_fee: yuanAsFen });

/** cancel_reason_id: 没有配送员接单, 配送员没来取货, 顾客取消订单, 订单填写错误, 其他. */
const reasons: Record<CancelReason, number> = {
  notAccepted: 1,
  tooLate: 2,
  customer: 4,
  wrongDetails: 5,
  other: 10000,
};

/** Upper-case MD5 of the envelope's keys and values by the keys' order, between the secret. */
export function dadaSign(fields: Record<string, string | number>, appSecret: string): string {
  const text = Object.keys(fields)
    .sort()
    .map((key) => `${key}${fields[key]}`)
    .join("");
  return createHash("md5").update(`${appSecret}${text}${appSecret}`).digest("hex").toUpperCase();
}

/** Dada (达达), in yuan and GCJ-02. Each call is sent once; a job is made out of its quote, so that it costs what was quoted. */
export function createDada(
  config: DadaConfig,
  endpoints: { url: string; callbackUrl: string; timeoutMs?: number },
  env: Pick<Env, "clock">,
): Carrier {
  async function call(path: string, content: object, timeoutMs = endpoints.timeoutMs): Promise<Reply> {
    const fields = {
      app_key: config.appKey,
      body: JSON.stringify(content),
      format: "json",
      source_id: config.sourceId,
      timestamp: Math.floor(env.clock.now() / second),
      v: "1.0",
    };
    const answer = await send(
      endpoints.url + path,
      {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "application/json" },
        body: JSON.stringify({ ...fields, signature: dadaSign(fields, config.appSecret) }),
      },
      timeoutMs,
    );
    if (answer.kind === "unknown") return answer;
    if (answer.status === 429) return { kind: "busy" };
    if (answer.status !== 200) return { kind: "unknown", reason: `HTTP ${answer.status}` };
    const told = envelope.safeParse(readJson(answer.body));
    if (!told.success) return { kind: "unknown", reason: "the answer is not Dada's" };
    const { status, code, msg, result } = told.data;
    if (status === "success" && code === 0) return { kind: "ok", result };
    // -1: 系统异常, done or not
    if (code === -1) return { kind: "unknown", reason: "a system error" };
    return { kind: "refused", code: String(code), message: msg };
  }
  const misfit = (what: string) => ({ kind: "unknown" as const, reason: `the answer ${what}` });

  const order = ({ jobNo, storeId, recipient, goods, tipFen }: CarrierJob) => {
    const { lng, lat } = toGcj02(recipient.point);
    return {
      shop_no: storeId,
      origin_id: jobNo,
      cargo_price: Number(yuan(goods.valueFen)),
      is_prepay: 0,
      receiver_name: recipient.name,
      receiver_address: recipient.address,
      receiver_phone: recipient.phone,
      receiver_lat: lat,
      receiver_lng: lng,
      callback: endpoints.callbackUrl,
      cargo_weight: goods.grams / 1000,
      // 水果生鲜
      cargo_type: 13,
      cargo_num: 1,
      ...(tipFen && { tips: Number(yuan(tipFen)) }),
    };
  };

  return {
    name: "dada",

    async quote(wanted) {
      const timeoutMs = Math.min(endpoints.timeoutMs ?? quoteTimeoutMs, quoteTimeoutMs);
      const reply = await call("/api/order/queryDeliverFee", order(wanted), timeoutMs);
      if (reply.kind !== "ok") return reply;
      const answer = quoted.safeParse(reply.result);
      if (!answer.success) return misfit("is no quote");
      const { fee: feeFen, distance: distanceM, deliveryNo: quoteNo } = answer.data;
      return { kind: "quote", quote: { feeFen, distanceM, quoteNo, expiresAt: env.clock.now() + quoteHolds } };
    },

    async create(_job, quote) {
      if (quote.quoteNo === undefined || (quote.expiresAt ?? 0) <= env.clock.now())
        return { kind: "refused", code: "QUOTE_EXPIRED", message: "ask for another quote" };
      const reply = await call("/api/order/addAfterQuery", { deliveryNo: quote.quoteNo });
      return reply.kind === "ok" ? { kind: "created", feeFen: quote.feeFen } : reply;
    },

    async query(jobNo): Promise<Asked> {
      const reply = await call("/api/order/status/query", { order_id: jobNo });
      if (reply.kind === "refused" && reply.code === absentCode) return { kind: "absent" };
      if (reply.kind !== "ok") return reply;
      const answer = job.safeParse(reply.result);
      if (!answer.success) return misfit("is no job");
      const { data } = answer;
      if (data.orderId !== jobNo) return misfit("is of another job");
      const { transporterName: rider, transporterPhone: phone, transporterLng: lng, transporterLat: lat } = data;
      return {
        kind: "job",
        news: {
          jobNo,
          carrier: "dada",
          ...meaningOf(dadaStates, data.statusCode),
          at:
            Math.max(data.createTime, data.acceptTime, data.fetchTime, data.finishTime, data.cancelTime) ||
            env.clock.now(),
          raw: String(data.statusCode),
          ...(rider && { rider: { name: rider, ...(phone && { phone }) } }),
          ...(lng && lat && { position: { lng, lat, datum: "gcj02" as const } }),
          ...(data.actualFee !== undefined && { feeFen: data.actualFee }),
        },
      };
    },

    async cancel(jobNo, reason) {
      const id = reasons[reason];
      const reply = await call("/api/order/formalCancel", {
        order_id: jobNo,
        cancel_reason_id: id,
        ...(reason === "other" && { cancel_reason: "商家取消" }),
      });
      if (reply.kind === "refused" && reply.code === absentCode) return { kind: "absent" };
      if (reply.kind !== "ok") return reply;
      const answer = cancelled.safeParse(reply.result);
      return answer.success ? { kind: "cancelled", deductFen: answer.data.deduct_fee } : misfit("is no cancellation");
    },
  };
}

const callback = z.object({
  client_id: z.coerce.string(),
  order_id: z.string().min(1).max(29),
  order_status: z.int(),
  update_time: z.coerce.number().int().min(1),
  signature: z.string(),
  cancel_from: z.int().optional(),
  cancel_reason: z.string().nullish(),
  repeat_reason_type: z.int().nullish(),
});

/**
 * What a callback says. Its signature has no secret in it, so anybody can make one: it is a hint, and only confirmed by asking does it say anything. Throws NOTIFICATION_MALFORMED or NOTIFICATION_UNSIGNED.
 */
export function readDadaHint(rawBody: string): CarrierNews {
  const told = callback.safeParse(readJson(rawBody));
  if (!told.success) throw new DomainError("NOTIFICATION_MALFORMED", "it is no callback of a job");
  const { data } = told;
  const wanted = createHash("md5")
    .update([data.client_id, data.order_id, String(data.update_time)].sort().join(""))
    .digest("hex");
  if (data.signature !== wanted) throw new DomainError("NOTIFICATION_UNSIGNED", "its signature is not Dada's");
  const meaning = meaningOf(dadaStates, data.order_status);
  const dropped = data.order_status === 1 && (data.repeat_reason_type === 1 || data.repeat_reason_type === 2);
  const cancelledBy = data.order_status === 5 ? dadaCancelledBy[String(data.cancel_from)] : undefined;
  return {
    jobNo: data.order_id,
    carrier: "dada",
    state: dropped ? "RIDER_DROPPED" : meaning.state,
    // ms where the order could not be made, s otherwise
    at: data.update_time > 100_000_000_000 ? data.update_time : data.update_time * second,
    raw: dropped ? `1:${data.repeat_reason_type}` : String(data.order_status),
    ...(cancelledBy && { cancelledBy }),
    ...(data.cancel_reason && { reason: Array.from(data.cancel_reason).slice(0, 200).join("") }),
  };
}
