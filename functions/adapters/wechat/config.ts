import * as z from "zod";
import type { Env } from "../../../shared/kernel/env.ts";

/** The value of the SSM parameter `wechat`. */
export const weChatConfig = z.object({
  appid: z.string().min(1),
  appSecret: z.string().min(1),
  mchid: z.string().min(1),
  /** Serial of the merchant's API certificate: tells WeChat Pay which of our keys signed. */
  merchantSerial: z.string().min(1),
  /** PEM, PKCS #8. */
  merchantPrivateKey: z.string().includes("PRIVATE KEY"),
  /** 32 ASCII characters: the AES-256 key of notifications. */
  apiV3Key: z.string().length(32),
  /** WeChat Pay's public keys (PEM) by `PUB_KEY_ID_…` (public key mode) or hex serial (platform certificate mode). */
  platformKeys: z
    .record(z.string(), z.string().includes("PUBLIC KEY"))
    .refine((keys) => Object.keys(keys).length > 0, "holds no key of WeChat Pay: add at least one"),
});
export type WeChatConfig = z.infer<typeof weChatConfig>;

/** Where the two halves of WeChat are, without a slash at the end, and how long one call may take (ms). */
export interface WeChatEndpoints {
  /** https://api.weixin.qq.com */
  apiUrl: string;
  /** https://api.mch.weixin.qq.com */
  payUrl: string;
  /** Our own public URL: notifications go to `notifyBase` + `notificationPath`. */
  notifyBase: string;
  timeoutMs?: number;
}

export type WeChatEnv = Pick<Env, "clock" | "rng">;
