import {
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signWith,
  verify as verifyWith,
} from "node:crypto";
import type { WeChatConfig } from "./config.ts";

/** How WeChat Pay seals an encrypted part of a notification. */
export interface SealedResource {
  algorithm: string;
  ciphertext: string;
  nonce: string;
  associated_data?: string | undefined;
}

/** Probes of WeChat Pay begin so; they must fail verification. */
const probe = "WECHATPAY/SIGNTEST/";

/**
 * Signing, verifying and opening of WeChat Pay v3: RSASSA-PKCS1-v1_5 with SHA-256 in base64, AES-256-GCM. The keys are
 * read once: a parsed key signs six times as fast as its PEM.
 */
export function createSeal(config: Pick<WeChatConfig, "merchantPrivateKey" | "apiV3Key" | "platformKeys">) {
  const privateKey = readKey("merchantPrivateKey", () => createPrivateKey(config.merchantPrivateKey));
  const platformKeys = new Map(
    Object.entries(config.platformKeys).map(([serial, pem]) => [
      serial,
      readKey(`platformKeys["${serial}"]`, () => createPublicKey(pem)),
    ]),
  );
  const apiV3Key = Buffer.from(config.apiV3Key);

  return {
    /** Base64 signature over the lines, each closed by a line feed. */
    sign(...lines: string[]): string {
      return signWith("sha256", Buffer.from(`${lines.join("\n")}\n`), privateKey).toString("base64");
    },

    /** Undefined when the three Wechatpay headers and the exact body belong together; otherwise what is wrong with them. */
    flaw(headers: (name: string) => string | undefined, body: Buffer): string | undefined {
      const timestamp = headers("wechatpay-timestamp");
      const nonce = headers("wechatpay-nonce");
      const serial = headers("wechatpay-serial");
      const signature = headers("wechatpay-signature");
      if (!timestamp || !nonce || !serial || !signature) return "a Wechatpay header is missing";
      if (signature.startsWith(probe)) return "a signature probe";
      const type = headers("wechatpay-signature-type");
      if (type && type !== "WECHATPAY2-SHA256-RSA2048") return "a signature type we don't know";
      const key = platformKeys.get(serial);
      if (!key)
        return `signed by key ${serial.slice(0, 64)}, which is not in platformKeys: add it to the configuration`;
      const message = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from("\n")]);
      return verifyWith("sha256", message, key, Buffer.from(signature, "base64"))
        ? undefined
        : "the signature does not fit";
    },

    /** Seconds between the signed timestamp and `now` (epoch ms), without sign; NaN when it is no timestamp. */
    age(timestamp: string | undefined, now: number): number {
      return timestamp && /^\d{1,12}$/.test(timestamp)
        ? Math.abs(Math.floor(now / 1000) - Number(timestamp))
        : Number.NaN;
    },

    /** The plain text, or undefined when it does not open. */
    open(resource: SealedResource): string | undefined {
      if (resource.algorithm !== "AEAD_AES_256_GCM") return undefined;
      const sealed = Buffer.from(resource.ciphertext, "base64");
      if (sealed.length < 16) return undefined;
      try {
        const decipher = createDecipheriv("aes-256-gcm", apiV3Key, Buffer.from(resource.nonce), { authTagLength: 16 });
        decipher.setAAD(Buffer.from(resource.associated_data ?? ""));
        decipher.setAuthTag(sealed.subarray(-16));
        return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]).toString();
      } catch {
        return undefined;
      }
    },
  };
}

/** Crypto's own messages may quote the key: ours names the place and nothing more. */
function readKey(place: string, read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch {
    throw new Error(
      `The wechat configuration's ${place} is not a readable PEM key: store it again, with its line breaks.`,
    );
  }
}
