import { createHash, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { CancelReason, Carrier, CarrierJob, CarrierNews } from "../../../shared/dispatch/index.ts";
import type { Env } from "../../../shared/kernel/env.ts";
import { toGcj02 } from "../../../shared/kernel/geo.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";
import { minute, second } from "../../../shared/kernel/time.ts";
import type { ApiReply, WeChatApi } from "../wechat/api.ts";
import { readJson } from "../wechat/send.ts";
import type { IntracityConfig } from "./config.ts";
import { intracityStates, meaningOf } from "./states.ts";

const base = "/cgi-bin/express/intracity";
const fen = z.int().min(0);
const name = z.string().min(1);
const quoted = z.object({
  est_fee: fen,
  distance: z.number().min(0),
  promise_delivery_time: z.number().min(0).optional(),
});
const added = z.object({ store_order_id: name, fee: fen });
const degrees = z.coerce.number();
const order = z.object({
  store_order_id: name,
  order_status: z.int(),
  create_time: z.int().min(0),
  status_change_time: z.int().min(0).optional(),
  actualfee: fen.optional(),
  transporter_info: z
    .object({
      transporter_name: z.string().default(""),
      transporter_phone: z.string().optional(),
      transporter_lng: degrees.optional(),
      transporter_lat: degrees.optional(),
    })
    .optional(),
});
const cancelled = z.object({ deductfee: fen.default(0) });
const found = z.object({ store_list: z.array(z.object({ wx_store_id: name, out_store_id: z.string().default("") })) });
/** A quote is one of several that are raced: it does not wait as long as a call that does something. */
const quoteWithinMs = 1_500;

/** cancel_reason_id: 不需要了, 信息填错, 无人接单, 其他. */
const reasons: Record<CancelReason, number> = { customer: 1, wrongDetails: 2, notAccepted: 3, tooLate: 99, other: 99 };
const busy = new Set([-1, 45009, 45011]);
const misfit = (what: string) => ({ kind: "unknown" as const, reason: `the answer ${what}` });

/**
 * 同城配送 of WeChat, which gives the job to Dada or SF as the store prefers. Fees are fen. Retry count 0 beyond the token's; the same
 * `store_order_id` re-enters.
 */
export function createWeChatIntracity(
  config: IntracityConfig,
  api: WeChatApi,
  callbackUrl: string,
  env: Pick<Env, "clock" | "sleep">,
): Carrier {
  const stores = new Map<string, string>();
  /** WeChat's id of a store of ours; undefined where it has none, or does not say so. */
  const storeAt = async (storeId: string): Promise<string | undefined> => {
    const known = stores.get(storeId);
    if (known !== undefined) return known;
    const reply = await api.callWithToken(`${base}/querystore`, { out_store_id: storeId });
    const answer = reply.kind === "ok" ? found.safeParse(reply.body) : undefined;
    const id = answer?.data?.store_list.find(({ out_store_id }) => out_store_id === storeId)?.wx_store_id;
    if (id !== undefined) stores.set(storeId, id);
    return id;
  };
  const content = (wx_store_id: string, { recipient, goods }: CarrierJob) => {
    const { lng, lat } = toGcj02(recipient.point);
    return {
      wx_store_id,
      user_name: recipient.name,
      user_phone: recipient.phone,
      user_lng: lng,
      user_lat: lat,
      user_address: recipient.address,
      // 生鲜
      cargo: {
        cargo_name: goods.name,
        cargo_type: 6,
        cargo_num: 1,
        cargo_price: goods.valueFen,
        cargo_weight: goods.grams,
      },
    };
  };
  const ofJob = async (jobNo: string, storeId: string) => {
    const wx_store_id = await storeAt(storeId);
    return { store_order_id: jobNo, ...(wx_store_id !== undefined && { wx_store_id }) };
  };
  const no = (reply: Exclude<ApiReply, { kind: "ok" }>) => {
    if (reply.kind === "unknown") return reply;
    if (busy.has(reply.errcode)) return { kind: "busy" as const };
    return { kind: "refused" as const, code: String(reply.errcode), message: reply.errmsg };
  };
  const noStore = { kind: "refused", code: "STORE_UNKNOWN", message: "the store has no id at WeChat" } as const;
  const isAbsent = (reply: ApiReply) => reply.kind === "error" && config.absentCodes.includes(reply.errcode);

  return {
    name: "wechat",

    async quote(job) {
      const asked = async () => {
        const store = await storeAt(job.storeId);
        return store === undefined ? undefined : api.callWithToken(`${base}/preaddorder`, content(store, job));
      };
      const late = env.sleep(quoteWithinMs).then(() => "late" as const);
      const reply = await Promise.race([asked(), late]);
      if (reply === "late") return { kind: "unknown", reason: `no quote within ${quoteWithinMs} ms` };
      if (reply === undefined) return noStore;
      if (reply.kind !== "ok") return no(reply);
      const answer = quoted.safeParse(reply.body);
      if (!answer.success) return misfit("is no quote");
      const { est_fee: feeFen, distance: distanceM, promise_delivery_time: minutes } = answer.data;
      return {
        kind: "quote",
        quote: {
          feeFen,
          distanceM,
          ...(minutes !== undefined && { arrivesAt: env.clock.now() + minutes * minute }),
        },
      };
    },

    async create(job) {
      const store = await storeAt(job.storeId);
      if (store === undefined) return noStore;
      const reply = await api.callWithToken(`${base}/addorder`, {
        ...content(store, job),
        store_order_id: job.jobNo,
        user_openid: job.recipient.openid,
        callback_url: callbackUrl,
      });
      if (reply.kind !== "ok") return no(reply);
      const answer = added.safeParse(reply.body);
      if (!answer.success) return misfit("is no order");
      if (answer.data.store_order_id !== job.jobNo) return misfit("is of another job");
      return { kind: "created", feeFen: answer.data.fee };
    },

    async query(jobNo, storeId) {
      const reply = await api.callWithToken(`${base}/queryorder`, await ofJob(jobNo, storeId));
      if (isAbsent(reply)) return { kind: "absent" };
      if (reply.kind !== "ok") return no(reply);
      const answer = order.safeParse(reply.body);
      if (!answer.success) return misfit("is no order");
      const { data } = answer;
      if (data.store_order_id !== jobNo) return misfit("is of another job");
      const { transporter_name, transporter_phone, transporter_lng, transporter_lat } = data.transporter_info ?? {};
      return {
        kind: "job",
        news: {
          jobNo,
          carrier: "wechat",
          ...meaningOf(intracityStates, data.order_status),
          // asked, it does not always say when the order came into its state
          at: data.status_change_time === undefined ? env.clock.now() : data.status_change_time * second,
          raw: String(data.order_status),
          ...(transporter_name && {
            rider: { name: transporter_name, ...(transporter_phone && { phone: transporter_phone }) },
          }),
          ...(transporter_lng !== undefined &&
            transporter_lat !== undefined && {
              position: { lng: transporter_lng, lat: transporter_lat, datum: "gcj02" as const },
            }),
          ...(data.actualfee !== undefined && { feeFen: data.actualfee }),
        },
      };
    },

    async cancel(jobNo, reason, storeId) {
      const reply = await api.callWithToken(`${base}/cancelorder`, {
        ...(await ofJob(jobNo, storeId)),
        cancel_reason_id: reasons[reason],
      });
      if (isAbsent(reply)) return { kind: "absent" };
      if (reply.kind !== "ok") return no(reply);
      const answer = cancelled.safeParse(reply.body);
      return answer.success ? { kind: "cancelled", deductFen: answer.data.deductfee } : misfit("is no cancellation");
    },
  };
}

const callback = z.looseObject({
  appid: name,
  store_order_id: name.max(29),
  order_status: z.int(),
  status_change_time: z.int().min(1),
  sign: z.string().regex(/^[0-9a-f]{32}$/),
});
const scalars = z.record(z.string(), z.union([z.string(), z.number()]));

/** Lower-case MD5 of `k=v&…` by the keys' ASCII order, without `sign`, with the token behind. */
export function intracitySign(fields: Record<string, string | number>, messageToken: string): string {
  const text = Object.keys(fields)
    .filter((key) => key !== "sign")
    .sort()
    .map((key) => `${key}=${fields[key]}`)
    .join("&");
  return createHash("md5").update(`${text}&token=${messageToken}`).digest("hex");
}

/** Verifies and reads a callback; throws NOTIFICATION_MALFORMED, NOTIFICATION_UNSIGNED or NOTIFICATION_FOREIGN (another app). */
export function readIntracityCallback(config: { appid: string; messageToken: string }, rawBody: string): CarrierNews {
  const content = readJson(rawBody);
  const fields = scalars.safeParse(content);
  const told = callback.safeParse(content);
  if (!fields.success || !told.success) throw new DomainError("NOTIFICATION_MALFORMED", "it is no callback of a job");
  const { data } = told;
  const wanted = intracitySign(fields.data, config.messageToken);
  if (!timingSafeEqual(Buffer.from(wanted), Buffer.from(data.sign)))
    throw new DomainError("NOTIFICATION_UNSIGNED", "its sign is not WeChat's");
  if (data.appid !== config.appid) throw new DomainError("NOTIFICATION_FOREIGN", "it is of another app");
  return {
    jobNo: data.store_order_id,
    carrier: "wechat",
    ...meaningOf(intracityStates, data.order_status),
    at: data.status_change_time * second,
    raw: String(data.order_status),
  };
}
