import * as z from "zod";
import { type ChannelTransfer, notificationPath, transferStates } from "../../../shared/payment/ports.ts";
import type { PayoutChannel } from "../../../shared/payout/ports.ts";
import type { WeChatConfig, WeChatEndpoints, WeChatEnv } from "./config.ts";
import { createPayCalls, isAbsent, misfit, refused, time } from "./pay-call.ts";

const name = z.string().min(1);
const created = z.object({
  out_bill_no: name,
  transfer_bill_no: name,
  create_time: time,
  state: z.enum(transferStates),
  fail_reason: z.string().optional(),
  package_info: z.string().optional(),
});
const bill = z.object({
  mch_id: name,
  out_bill_no: name,
  transfer_bill_no: name,
  state: z.enum(transferStates),
  transfer_amount: z.int().min(1),
  fail_reason: z.string().optional(),
  update_time: time,
});

/** A transfer as the channel's query and notification tell it; undefined where it is none, or another merchant's. */
export function readTransfer(content: unknown, mchid: string): ChannelTransfer | undefined {
  const parsed = bill.safeParse(content);
  if (!parsed.success || parsed.data.mch_id !== mchid) return undefined;
  const { data } = parsed;
  return {
    payoutNo: data.out_bill_no,
    channelTransferId: data.transfer_bill_no,
    state: data.state,
    amountFen: data.transfer_amount,
    ...(data.fail_reason && { failReason: data.fail_reason }),
    updatedAt: data.update_time,
  };
}

/** Scene 1005, 佣金报酬: the channel shows both to the member and to its own checks. */
const scene = {
  transfer_scene_id: "1005",
  transfer_scene_report_infos: [
    { info_type: "岗位类型", info_content: "社区团长" },
    { info_type: "报酬说明", info_content: "社区团购推广佣金" },
  ],
} as const;

/**
 * Merchant transfers of WeChat Pay (商家转账) that the member confirms. A real name is sealed for the channel (RSAES-OAEP with SHA-1)
 * under the key of the configuration, and goes nowhere else.
 */
export function createWeChatTransfers(
  config: WeChatConfig,
  endpoints: Pick<WeChatEndpoints, "payUrl" | "notifyBase" | "timeoutMs">,
  env: WeChatEnv,
): PayoutChannel {
  const { call, sealFor } = createPayCalls(config, endpoints, env);
  return {
    async transfer({ payoutNo, amountFen, openid, remark, realName }) {
      const reply = await call("POST", "/v3/fund-app/mch-transfer/transfer-bills", {
        appid: config.appid,
        out_bill_no: payoutNo,
        ...scene,
        openid,
        ...(realName !== undefined && { user_name: sealFor(realName) }),
        transfer_amount: amountFen,
        transfer_remark: Array.from(remark).slice(0, 32).join(""),
        notify_url: `${endpoints.notifyBase}${notificationPath}`,
      });
      if (reply.kind === "ok") {
        const answer = created.safeParse(reply.body);
        if (!answer.success) return misfit("is no transfer");
        const { data } = answer;
        if (data.out_bill_no !== payoutNo) return misfit("has another number");
        return {
          kind: "transfer",
          transfer: {
            payoutNo,
            channelTransferId: data.transfer_bill_no,
            state: data.state,
            amountFen,
            ...(data.package_info && { packageInfo: data.package_info }),
            ...(data.fail_reason && { failReason: data.fail_reason }),
            updatedAt: data.create_time,
          },
        };
      }
      if (reply.kind !== "problem") return reply;
      return reply.code === "NOT_ENOUGH" ? { kind: "notEnough" } : refused(reply);
    },

    async queryTransfer(payoutNo) {
      const reply = await call(
        "GET",
        `/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/${encodeURIComponent(payoutNo)}`,
      );
      if (reply.kind === "ok") {
        const transfer = readTransfer(reply.body, config.mchid);
        if (!transfer) return misfit("is no transfer of ours");
        return transfer.payoutNo === payoutNo ? { kind: "transfer", transfer } : misfit("has another number");
      }
      if (reply.kind !== "problem") return reply;
      return isAbsent(reply) ? { kind: "absent" } : refused(reply);
    },
  };
}
