import * as z from "zod";
import type { ChannelShare } from "../../../shared/payment/ports.ts";
import type { ProfitSharing } from "../../../shared/payout/ports.ts";
import type { WeChatConfig, WeChatEndpoints, WeChatEnv } from "./config.ts";
import { createPayCalls, isAbsent, misfit, type PayReply, refused, time } from "./pay-call.ts";

const name = z.string().min(1);
const sharing = z.object({
  transaction_id: name,
  out_order_no: name,
  state: z.enum(["PROCESSING", "FINISHED"]),
  receivers: z.array(
    z.object({
      type: z.enum(["MERCHANT_ID", "PERSONAL_OPENID", "PERSONAL_SUB_OPENID"]),
      account: name,
      amount: z.int().min(0),
      result: z.enum(["PENDING", "SUCCESS", "CLOSED"]),
      fail_reason: z.string().optional(),
      finish_time: time.optional(),
    }),
  ),
});

const cut = (text: string) => Array.from(text).slice(0, 80).join("");

/** 分账 of WeChat Pay: people are paid out of a payment that the channel keeps. See `createPayCalls` for how it is asked. */
export function createWeChatProfitSharing(
  config: WeChatConfig,
  endpoints: Pick<WeChatEndpoints, "payUrl" | "timeoutMs">,
  env: WeChatEnv,
): ProfitSharing {
  const { call } = createPayCalls(config, endpoints, env);

  function read(reply: PayReply, { shareNo, transactionId }: { shareNo: string; transactionId: string }) {
    if (reply.kind === "problem") return refused(reply);
    if (reply.kind !== "ok") return reply;
    const answer = sharing.safeParse(reply.body);
    if (!answer.success) return misfit("is no share");
    const { data } = answer;
    if (data.out_order_no !== shareNo || data.transaction_id !== transactionId) return misfit("is of another share");
    const share: ChannelShare = {
      shareNo,
      transactionId,
      state: data.state,
      receivers: data.receivers
        .filter(({ type }) => type === "PERSONAL_OPENID")
        .map((one) => ({
          openid: one.account,
          amountFen: one.amount,
          result: one.result,
          ...(one.fail_reason && { failReason: one.fail_reason }),
          ...(one.finish_time !== undefined && { finishedAt: one.finish_time }),
        })),
    };
    return { kind: "share" as const, share };
  }

  return {
    async addReceiver(openid) {
      const reply = await call("POST", "/v3/profitsharing/receivers/add", {
        appid: config.appid,
        type: "PERSONAL_OPENID",
        account: openid,
        relation_type: "DISTRIBUTOR",
      });
      if (reply.kind === "ok") return { kind: "ok" };
      return reply.kind === "problem" ? refused(reply) : reply;
    },

    async share({ shareNo, transactionId, receivers, description }) {
      const reply = await call("POST", "/v3/profitsharing/orders", {
        appid: config.appid,
        transaction_id: transactionId,
        out_order_no: shareNo,
        receivers: receivers.map(({ openid, amountFen }) => ({
          type: "PERSONAL_OPENID",
          account: openid,
          amount: amountFen,
          description: cut(description),
        })),
        unfreeze_unsplit: true,
      });
      return read(reply, { shareNo, transactionId });
    },

    async unfreeze({ shareNo, transactionId, description }) {
      const reply = await call("POST", "/v3/profitsharing/orders/unfreeze", {
        transaction_id: transactionId,
        out_order_no: shareNo,
        description: cut(description),
      });
      return read(reply, { shareNo, transactionId });
    },

    async queryShare(asked) {
      const reply = await call(
        "GET",
        `/v3/profitsharing/orders/${encodeURIComponent(asked.shareNo)}?transaction_id=${encodeURIComponent(asked.transactionId)}`,
      );
      return reply.kind === "problem" && isAbsent(reply) ? { kind: "absent" } : read(reply, asked);
    },
  };
}
