import * as z from "zod";
import type { WeChatLogin } from "../../../shared/identity/ports.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";
import type { ApiReply, WeChatApi } from "./api.ts";
import type { WeChatConfig } from "./config.ts";

const sessionAnswer = z.object({ openid: z.string().min(1), unionid: z.string().min(1).optional() });
const phoneAnswer = z.object({
  phone_info: z.object({
    purePhoneNumber: z.string().regex(/^\d{4,15}$/),
    countryCode: z.coerce.string().regex(/^\d{1,4}$/),
    watermark: z.object({ appid: z.string() }),
  }),
});

/** WeChat's codes that mean something to the member; every other one means that WeChat can't serve us now. */
type Problems = Record<number, "LOGIN_CODE_INVALID" | "LOGIN_BUSY" | "USER_BLOCKED">;
const problems: Problems = {
  40029: "LOGIN_CODE_INVALID",
  40163: "LOGIN_CODE_INVALID", // used before
  45009: "LOGIN_BUSY",
  45011: "LOGIN_BUSY",
};

/** Users at risk are held back at the login alone. */
const loginProblems: Problems = { ...problems, 40226: "USER_BLOCKED" };

function bodyOf(reply: ApiReply, meaning: Problems): unknown {
  if (reply.kind === "ok") return reply.body;
  if (reply.kind === "error")
    throw new DomainError(meaning[reply.errcode] ?? "WECHAT_UNAVAILABLE", `WeChat answers ${reply.errcode}`);
  throw new DomainError("WECHAT_UNAVAILABLE", reply.reason);
}

/** Login and phone number of a mini-program's user. Retry count 0: a code is good for one use. */
export function createWeChatLogin(config: Pick<WeChatConfig, "appid" | "appSecret">, api: WeChatApi): WeChatLogin {
  return {
    async exchangeCode(code) {
      const query = new URLSearchParams({
        appid: config.appid,
        secret: config.appSecret,
        js_code: code,
        grant_type: "authorization_code",
      });
      const session = sessionAnswer.safeParse(
        bodyOf(await api.call("GET", `/sns/jscode2session?${query}`), loginProblems),
      );
      if (!session.success) throw new DomainError("WECHAT_UNAVAILABLE", "the session's answer can't be read");
      const { openid, unionid } = session.data;
      return unionid === undefined ? { openid } : { openid, unionid };
    },

    async phoneNumber(code) {
      const phone = phoneAnswer.safeParse(
        bodyOf(await api.callWithToken("/wxa/business/getuserphonenumber", { code }), problems),
      );
      if (!phone.success) throw new DomainError("WECHAT_UNAVAILABLE", "the phone's answer can't be read");
      const { purePhoneNumber, countryCode, watermark } = phone.data.phone_info;
      if (watermark.appid !== config.appid)
        throw new DomainError("LOGIN_CODE_INVALID", "the phone code is of another app");
      return `+${countryCode}${purePhoneNumber}`;
    },
  };
}
