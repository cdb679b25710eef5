import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AwsAnswer, AwsService, Template } from "./parts.ts";
import { arnOf, refOf } from "./template.ts";

// A ciphertext: a version prefix, the SHA-256 of the key's ARN, IV, tag, and the sealed bytes.
const PREFIX = Buffer.from([1, 2, 2, 0, 0x78]);
const SEAL = { key: 32, iv: 12, tag: 16 };
const KEY_SPEC_BYTES: Record<string, number> = { AES_256: 32, AES_128: 16 };
/** KMS's limits on what Encrypt takes and on NumberOfBytes. */
const PLAINTEXT_LIMIT = 4096;
const NUMBER_OF_BYTES_LIMIT = 1024;

export interface Kms {
  service: AwsService;
  /** ARN of the key that a KeyId (id, ARN, alias) names. */
  arnOfKey(keyId: string): string | undefined;
  /** ARN of the key that sealed a ciphertext (base64). */
  arnOfCiphertext(blob: string): string | undefined;
}

/**
 * Speaks KMS for the template's keys: GenerateDataKey, GenerateDataKeyWithoutPlaintext, Encrypt, Decrypt. AES-256-GCM with
 * the encryption context as additional data; the keys are in `<dataDir>/kms-keys.json`, readable by the owner only.
 */
export function createKms({ template, dataDir }: { template: Template; dataDir: string }): Kms {
  const keys = template.byType("AWS::KMS::Key").map((resource) => {
    const arn = arnOf(resource);
    return { arn, id: refOf(resource), mark: createHash("sha256").update(arn).digest() };
  });
  const material = openKeyFile(
    join(dataDir, "kms-keys.json"),
    keys.map((key) => key.id),
  );
  const aliases = new Map<string, string>();
  for (const alias of template.byType("AWS::KMS::Alias")) {
    aliases.set(String(alias.properties.AliasName), String(alias.properties.TargetKeyId));
  }

  const find = (keyId: string) => {
    const named = aliases.get(keyId.replace(/^arn:[^/]*:(?=alias\/)/, "")) ?? keyId;
    return keys.find((key) => key.arn === named || key.id === named);
  };
  const ofBlob = (blob: Buffer) => {
    if (!blob.subarray(0, PREFIX.length).equals(PREFIX)) return undefined;
    const mark = blob.subarray(PREFIX.length, PREFIX.length + SEAL.key);
    return keys.find((key) => key.mark.equals(mark));
  };
  const seal = (key: (typeof keys)[number], plaintext: Buffer, context: EncryptionContext) => {
    const iv = randomBytes(SEAL.iv);
    const cipher = createCipheriv("aes-256-gcm", material.get(key.id)!, iv).setAAD(canonical(context));
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return Buffer.concat([PREFIX, key.mark, iv, cipher.getAuthTag(), sealed]).toString("base64");
  };

  const actions: Record<string, (input: KmsInput) => AwsAnswer> = {
    GenerateDataKey(input) {
      const key = find(input.KeyId ?? "");
      if (!key) return notFound(input.KeyId);
      const bytes = input.NumberOfBytes ?? KEY_SPEC_BYTES[input.KeySpec ?? ""];
      if (!bytes || bytes < 1 || bytes > NUMBER_OF_BYTES_LIMIT || (input.NumberOfBytes && input.KeySpec)) {
        return refusal("ValidationException", "Please specify either number of bytes or key spec.");
      }
      const plaintext = randomBytes(bytes);
      const CiphertextBlob = seal(key, plaintext, input.EncryptionContext ?? {});
      return answer({ KeyId: key.arn, Plaintext: plaintext.toString("base64"), CiphertextBlob });
    },
    GenerateDataKeyWithoutPlaintext(input) {
      const made = actions.GenerateDataKey!(input);
      if (made.status !== 200) return made;
      const { Plaintext: _, ...rest } = JSON.parse(made.body.toString()) as Record<string, unknown>;
      return answer(rest);
    },
    Encrypt(input) {
      const key = find(input.KeyId ?? "");
      if (!key) return notFound(input.KeyId);
      const plaintext = Buffer.from(input.Plaintext ?? "", "base64");
      if (plaintext.length < 1 || plaintext.length > PLAINTEXT_LIMIT) {
        return refusal("ValidationException", `Plaintext must have 1 to ${PLAINTEXT_LIMIT} bytes.`);
      }
      const CiphertextBlob = seal(key, plaintext, input.EncryptionContext ?? {});
      return answer({ KeyId: key.arn, CiphertextBlob, EncryptionAlgorithm: "SYMMETRIC_DEFAULT" });
    },
    Decrypt(input) {
      const blob = Buffer.from(input.CiphertextBlob ?? "", "base64");
      const key = ofBlob(blob);
      if (input.KeyId !== undefined) {
        const asked = find(input.KeyId);
        if (!asked) return notFound(input.KeyId);
        if (key && key !== asked) return refusal("IncorrectKeyException", "The ciphertext was made by another key.");
      }
      if (!key) return refusal("InvalidCiphertextException", null);
      try {
        const iv = PREFIX.length + SEAL.key;
        const tag = iv + SEAL.iv;
        const sealed = tag + SEAL.tag;
        const decipher = createDecipheriv("aes-256-gcm", material.get(key.id)!, blob.subarray(iv, tag))
          .setAAD(canonical(input.EncryptionContext ?? {}))
          .setAuthTag(blob.subarray(tag, sealed));
        const plaintext = Buffer.concat([decipher.update(blob.subarray(sealed)), decipher.final()]);
        const EncryptionAlgorithm = "SYMMETRIC_DEFAULT";
        return answer({ KeyId: key.arn, Plaintext: plaintext.toString("base64"), EncryptionAlgorithm });
      } catch {
        // A wrong context, or bytes that were changed: KMS tells no more than this.
        return refusal("InvalidCiphertextException", null);
      }
    },
  };

  return {
    async service(call) {
      const action = actions[call.action];
      if (!action) return refusal("UnknownOperationException", `KMS ${call.action} has no stand-in (local/kms.ts).`);
      return action(JSON.parse(call.body.toString()) as KmsInput);
    },
    arnOfKey: (keyId) => find(keyId)?.arn,
    arnOfCiphertext: (blob) => ofBlob(Buffer.from(blob, "base64"))?.arn,
  };
}

type EncryptionContext = Record<string, string>;
interface KmsInput {
  KeyId?: string;
  KeySpec?: string;
  NumberOfBytes?: number;
  Plaintext?: string;
  CiphertextBlob?: string;
  EncryptionContext?: EncryptionContext;
}

const canonical = (context: EncryptionContext) =>
  Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));
const headers = { "content-type": "application/x-amz-json-1.1" };
const answer = (body: unknown): AwsAnswer => ({ status: 200, headers, body: JSON.stringify(body) });
const refusal = (type: string, message: string | null): AwsAnswer => ({
  status: 400,
  headers,
  body: JSON.stringify({ __type: type, message }),
});
const notFound = (keyId = "") => refusal("NotFoundException", `Key '${keyId}' does not exist`);

/** The keys' bytes by id; a key that the file lacks is made and kept. */
function openKeyFile(file: string, ids: string[]): Map<string, Buffer> {
  let stored: Record<string, string> = {};
  try {
    stored = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const missing = ids.filter((id) => !stored[id]);
  if (missing.length > 0) {
    for (const id of missing) stored[id] = randomBytes(32).toString("base64");
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(stored, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return new Map(ids.map((id) => [id, Buffer.from(stored[id]!, "base64")]));
}
