import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Env } from "../../../shared/kernel/env.ts";
import type { Sealed, Vault } from "../../../shared/kernel/vault.ts";
import type { AwsCall } from "../aws/json-client.ts";

/** Opened data keys kept in memory, at most; a function instance serves few members at a time. */
const KEPT = 200;

/**
 * Envelope encryption: a data key per member, itself encrypted by the KMS key with the member's id as encryption context;
 * AES-256-GCM with `<memberId>:<field>` as associated data. A sealed value is `v1.<base64url of iv(12) ‖ tag(16) ‖ text>`.
 */
export function kmsVault({ keyId, rng, call }: { keyId: string; rng: Env["rng"]; call: AwsCall }): Vault {
  const opened = new Map<string, Buffer>();

  async function dataKeyOf(memberId: string, dataKey: string): Promise<Buffer> {
    const known = opened.get(dataKey);
    if (known) return known;
    const { Plaintext } = await call<{ Plaintext: string }>("Decrypt", {
      KeyId: keyId,
      CiphertextBlob: dataKey,
      EncryptionContext: { member: memberId },
    });
    const key = Buffer.from(Plaintext, "base64");
    if (opened.size >= KEPT) opened.delete(opened.keys().next().value as string);
    opened.set(dataKey, key);
    return key;
  }

  return {
    async newKey(memberId) {
      const { CiphertextBlob } = await call<{ CiphertextBlob: string }>("GenerateDataKey", {
        KeyId: keyId,
        KeySpec: "AES_256",
        EncryptionContext: { member: memberId },
      });
      return CiphertextBlob;
    },
    async seal(memberId, dataKey, field, plaintext) {
      const iv = rng.bytes(12);
      const cipher = createCipheriv("aes-256-gcm", await dataKeyOf(memberId, dataKey), iv);
      cipher.setAAD(Buffer.from(`${memberId}:${field}`));
      const text = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
      return `v1.${Buffer.concat([iv, cipher.getAuthTag(), text]).toString("base64url")}` as Sealed;
    },
    async open(memberId, dataKey, field, sealed) {
      const bytes = Buffer.from(sealed.slice(3), "base64url");
      const decipher = createDecipheriv("aes-256-gcm", await dataKeyOf(memberId, dataKey), bytes.subarray(0, 12));
      decipher.setAAD(Buffer.from(`${memberId}:${field}`));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    },
  };
}
