import {
  constants,
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSignedCertificate } from "./certificate.ts";

export type VerificationMode = "public-key" | "certificate";

interface PlatformKey {
  serial: string;
  mode: VerificationMode;
  privateKey: string;
  publicKey: string;
  /** PEM; certificate mode only. */
  certificate?: string;
  from: number;
  until: number;
}

interface Kept {
  appid: string;
  appSecret: string;
  mchid: string;
  merchantSerial: string;
  merchantPrivateKey: string;
  apiV3Key: string;
  /** All that were ever made; the newest of `mode` signs. */
  platform: PlatformKey[];
  mode: VerificationMode;
}

/** The value our side must be given (SSM parameter `wechat`). */
export interface MerchantConfig {
  appid: string;
  appSecret: string;
  mchid: string;
  merchantSerial: string;
  merchantPrivateKey: string;
  apiV3Key: string;
  platformKeys: Record<string, string>;
}

export interface SealHeaders extends Record<string, string> {
  "Wechatpay-Timestamp": string;
  "Wechatpay-Nonce": string;
  "Wechatpay-Serial": string;
  "Wechatpay-Signature": string;
  "Wechatpay-Signature-Type": string;
}

const digits = (count: number) => Array.from(randomBytes(count), (byte) => byte % 10).join("");
const hexSerial = () => `5${randomBytes(20).toString("hex").toUpperCase().slice(1)}`;
const fiveYears = 5 * 365 * 86_400_000;

function newPair() {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    pair,
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    publicKey: pair.publicKey.export({ type: "spki", format: "pem" }) as string,
  };
}

function newPlatformKey(mode: VerificationMode, mchid: string, now: number): PlatformKey {
  const { pair, privateKey, publicKey } = newPair();
  const from = now - 86_400_000;
  const until = now + fiveYears;
  if (mode === "public-key")
    return { serial: `PUB_KEY_ID_0${mchid}${digits(22)}`, mode, privateKey, publicKey, from, until };
  const serial = hexSerial();
  const certificate = selfSignedCertificate({ serial, name: "Tenpay.com sandbox", ...pair, from, until });
  return { serial, mode, privateKey, publicKey, certificate, from, until };
}

/**
 * Both sides' keys of the sandbox, made once and kept in `<dataDir>/wechat-keys.json` (0600). They open nothing outside
 * this machine.
 */
export function openKeys(dataDir: string, now: () => number) {
  const file = join(dataDir, "wechat-keys.json");
  const save = () => {
    writeFileSync(`${file}.new`, JSON.stringify(kept, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  let kept: Kept;
  if (existsSync(file)) kept = JSON.parse(readFileSync(file, "utf8")) as Kept;
  else {
    const mchid = `19${digits(8)}`;
    kept = {
      appid: `wx${randomBytes(8).toString("hex")}`,
      appSecret: randomBytes(16).toString("hex"),
      mchid,
      merchantSerial: hexSerial(),
      merchantPrivateKey: newPair().privateKey,
      apiV3Key: randomBytes(16).toString("hex"),
      platform: [newPlatformKey("certificate", mchid, now()), newPlatformKey("public-key", mchid, now())],
      mode: "public-key",
    };
    save();
  }

  const merchantKey = createPublicKey(kept.merchantPrivateKey);
  const parsed = new Map<string, KeyObject>();
  const privateKey = (key: PlatformKey) => {
    const known = parsed.get(key.serial) ?? createPrivateKey(key.privateKey);
    parsed.set(key.serial, known);
    return known;
  };
  const inForce = (mode = kept.mode) => kept.platform.findLast((key) => key.mode === mode) as PlatformKey;
  let strangers: { privateKey: KeyObject } | undefined;
  const stranger = () => {
    strangers ??= { privateKey: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey };
    return strangers.privateKey;
  };

  return {
    get config(): MerchantConfig {
      const { appid, appSecret, mchid, merchantSerial, merchantPrivateKey, apiV3Key } = kept;
      const platformKeys = Object.fromEntries(kept.platform.map((key) => [key.serial, key.publicKey]));
      return { appid, appSecret, mchid, merchantSerial, merchantPrivateKey, apiV3Key, platformKeys };
    },
    get mode(): VerificationMode {
      return kept.mode;
    },

    /** Does the merchant's key stand behind this message? */
    merchantSigned: (message: Buffer, signature: string) =>
      verify("sha256", message, merchantKey, Buffer.from(signature, "base64")),

    /** The Wechatpay headers over a body; `forge` makes them wrong in one way. */
    sealHeaders(body: string, forge?: "bad-signature" | "unknown-serial" | "signtest" | "stale"): SealHeaders {
      const key = inForce();
      const timestamp = String(Math.floor(now() / 1000) - (forge === "stale" ? 600 : 0));
      const nonce = randomBytes(16).toString("hex");
      const signer = forge === "bad-signature" || forge === "unknown-serial" ? stranger() : privateKey(key);
      const signature = sign("sha256", Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), signer).toString("base64");
      return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": forge === "unknown-serial" ? `PUB_KEY_ID_0${digits(32)}` : key.serial,
        "Wechatpay-Signature":
          forge === "signtest" ? `WECHATPAY/SIGNTEST/${signature.slice("WECHATPAY/SIGNTEST/".length)}` : signature,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
      };
    },

    /** AES-256-GCM under the merchant's APIv3 key, as notifications and certificates carry it. */
    encrypt(plain: string, associatedData: string) {
      const nonce = randomBytes(6).toString("hex");
      const cipher = createCipheriv("aes-256-gcm", Buffer.from(kept.apiV3Key), Buffer.from(nonce));
      cipher.setAAD(Buffer.from(associatedData));
      const ciphertext = Buffer.concat([cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return {
        algorithm: "AEAD_AES_256_GCM",
        ciphertext: ciphertext.toString("base64"),
        associated_data: associatedData,
        nonce,
      };
    },

    /** Opens a sensitive field (RSA-OAEP with SHA-1) sealed for the key named by `serial`; undefined when it does not open. */
    openField(serial: string | undefined, field: string): string | undefined {
      const key = kept.platform.find((candidate) => candidate.serial === serial);
      if (!key) return undefined;
      try {
        const options = { key: privateKey(key), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" };
        return privateDecrypt(options, Buffer.from(field, "base64")).toString();
      } catch {
        return undefined;
      }
    },

    /** Switches the mode; the mode in force already gets a new key. Answers what signs from now on. */
    rotate(mode: VerificationMode): { serial: string; publicKey: string } {
      if (kept.mode === mode) kept.platform.push(newPlatformKey(mode, kept.mchid, now()));
      kept.mode = mode;
      save();
      const { serial, publicKey } = inForce();
      return { serial, publicKey };
    },

    certificates: () => kept.platform.filter((key) => key.certificate !== undefined && key.until > now()),
  };
}

export type Keys = ReturnType<typeof openKeys>;
