import * as z from "zod";
import type { ContentCheck } from "../../../shared/ugc/ports.ts";
import type { WeChatApi } from "./api.ts";

/** How WeChat numbers where a text stands: 1 profile, 2 comment, 3 forum, 4 journal. */
const scenes = { comment: 2, forum: 3 } as const;

const textAnswer = z.object({
  result: z.object({ suggest: z.enum(["pass", "review", "risky"]), label: z.coerce.string() }),
});

/** Busy, over a quota or out of order; the text was not looked at. */
const busy = new Set([-1, 45009, 45011]);

/** 文本内容安全识别 (msgSecCheck, version 2). Retry count 0 beyond the token's: whoever has the post's due row asks again. */
export function createContentCheck(api: WeChatApi): ContentCheck {
  return {
    async checkText({ openid, scene, text }) {
      const reply = await api.callWithToken("/wxa/msg_sec_check", {
        version: 2,
        openid,
        scene: scenes[scene],
        content: text,
      });
      if (reply.kind === "unknown") return reply;
      if (reply.kind === "error")
        return busy.has(reply.errcode) ? { kind: "busy" } : { kind: "refused", code: String(reply.errcode) };
      const answer = textAnswer.safeParse(reply.body);
      if (!answer.success) return { kind: "unknown", reason: "the answer holds no verdict" };
      const { suggest, label } = answer.data.result;
      return suggest === "pass" ? { kind: "pass" } : { kind: suggest, label };
    },
  };
}
