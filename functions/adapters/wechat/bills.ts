import { createHash } from "node:crypto";
import * as z from "zod";
import type { BillSource } from "../../../shared/bills/index.ts";
import type { WeChatConfig, WeChatEndpoints, WeChatEnv } from "./config.ts";
import { createPayCalls, misfit, refused } from "./pay-call.ts";

const billAnswer = z.object({
  hash_type: z.literal("SHA1"),
  hash_value: z.string().regex(/^[0-9a-f]{40}$/i),
  download_url: z.url(),
});

/**
 * Daily bills of WeChat Pay v3. The download is not signed: it counts only where its SHA-1 is the one that the signed answer before told,
 * and is asked of the channel's own host alone.
 */
export function createWeChatBills(
  config: WeChatConfig,
  endpoints: Pick<WeChatEndpoints, "payUrl" | "timeoutMs">,
  env: WeChatEnv,
): BillSource {
  const { call, download } = createPayCalls(config, endpoints, env);
  const paths = {
    trade: "/v3/bill/tradebill?bill_type=ALL",
    flow: "/v3/bill/fundflowbill?account_type=BASIC",
  } as const;
  return {
    mchid: config.mchid,
    async fetchBill(type, day) {
      const reply = await call("GET", `${paths[type]}&bill_date=${day}`);
      if (reply.kind === "problem") {
        if (reply.code === "STATEMENT_CREATING") return { kind: "busy" };
        return reply.code === "NO_STATEMENT_EXIST" ? { kind: "none" } : refused(reply);
      }
      if (reply.kind !== "ok") return reply;
      const answer = billAnswer.safeParse(reply.body);
      if (!answer.success) return misfit("is no bill");
      const { download_url: url, hash_value: hash } = answer.data;
      const here = new URL(url);
      if (here.origin !== new URL(endpoints.payUrl).origin) return misfit("names another host for the download");
      const file = await download(`${here.pathname}${here.search}`);
      if (file.kind !== "file") return file;
      const found = createHash("sha1").update(file.body).digest("hex");
      return found === hash.toLowerCase()
        ? { kind: "bill", text: file.body.toString() }
        : { kind: "altered", why: `the file's SHA-1 is ${found}, the channel said ${hash}` };
    },
  };
}
