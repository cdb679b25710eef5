import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AwsAnswer, AwsService } from "./parts.ts";
import { ACCOUNT, REGION } from "./template.ts";

/** SSM's limits: names in one GetParameters, parameters on one page of GetParametersByPath. */
const NAMES_LIMIT = 10;
const PAGE_LIMIT = 10;

/** What the sandboxes give. */
interface Given {
  wechat: unknown;
  invoice: unknown;
  carriers: unknown;
}

/**
 * Fresh values of the six parameters, by their name below the configuration prefix. `wechat`, `invoice` and `carriers` are what the
 * sandboxes give: their JSON goes into the parameters as it is.
 */
export function makeSecrets({ wechat, invoice, carriers }: Given): Record<string, string> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "ES256", use: "sig" };
  return {
    "member-token-keys": JSON.stringify([jwk]),
    "cursor-key": randomBytes(32).toString("base64"),
    "blind-index-key": randomBytes(32).toString("base64"),
    wechat: JSON.stringify(wechat),
    invoice: JSON.stringify(invoice),
    carriers: JSON.stringify(carriers),
  };
}

/**
 * The parameters of a data folder by full name (`/commensal/dev/cursor-key`): made at the first start, kept in
 * `<dataDir>/secrets.json` (readable by the owner only). `wechat`, `invoice` and `carriers` always are what was given last.
 */
export function openSecrets(options: { dataDir: string; prefix: string } & Given): Record<string, string> {
  const { dataDir, prefix, ...given } = options;
  const file = join(dataDir, "secrets.json");
  let stored: Record<string, string> | undefined;
  try {
    stored = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const secrets = {
    ...makeSecrets(given),
    ...stored,
    wechat: JSON.stringify(given.wechat),
    invoice: JSON.stringify(given.invoice),
    carriers: JSON.stringify(given.carriers),
  };
  if (JSON.stringify(secrets) !== JSON.stringify(stored)) {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return Object.fromEntries(Object.entries(secrets).map(([name, value]) => [`${prefix}/${name}`, value]));
}

/** Speaks SSM for SecureString parameters: GetParameter, GetParameters, GetParametersByPath. */
export function createSsm({ parameters }: { parameters: Record<string, string> }): AwsService {
  const describe = (name: string, decrypted: boolean) => ({
    Name: name,
    Type: "SecureString",
    // Undecrypted, AWS answers a ciphertext; it must not be usable by mistake.
    Value: decrypted ? parameters[name] : Buffer.from(`sealed:${name}`).toString("base64"),
    Version: 1,
    LastModifiedDate: 0,
    ARN: `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/${name.replace(/^\//, "")}`,
    DataType: "text",
  });
  const has = (name: string) => Object.hasOwn(parameters, name);

  const actions: Record<string, (input: SsmInput) => AwsAnswer> = {
    GetParameter({ Name = "", WithDecryption = false }) {
      if (!has(Name)) return refusal("ParameterNotFound", `Parameter ${Name} not found.`);
      return answer({ Parameter: describe(Name, WithDecryption) });
    },
    GetParameters({ Names = [], WithDecryption = false }) {
      if (Names.length < 1 || Names.length > NAMES_LIMIT) {
        return refusal("ValidationException", `Names must have 1 to ${NAMES_LIMIT} members.`);
      }
      const [found, missing] = [Names.filter(has), Names.filter((name) => !has(name))];
      return answer({ Parameters: found.map((name) => describe(name, WithDecryption)), InvalidParameters: missing });
    },
    GetParametersByPath({ Path = "", Recursive = false, WithDecryption = false, MaxResults = PAGE_LIMIT, NextToken }) {
      if (!Path.startsWith("/")) return refusal("ValidationException", "The path must begin with a slash.");
      const base = Path.endsWith("/") ? Path : `${Path}/`;
      const below = Object.keys(parameters)
        .filter((name) => name.startsWith(base) && (Recursive || !name.slice(base.length).includes("/")))
        .sort();
      const from = Number(NextToken ?? 0);
      const size = Math.min(MaxResults, PAGE_LIMIT);
      const page = below.slice(from, from + size).map((name) => describe(name, WithDecryption));
      const more = from + size < below.length ? { NextToken: String(from + size) } : {};
      return answer({ Parameters: page, ...more });
    },
  };

  return async (call) => {
    const action = actions[call.action];
    if (!action) return refusal("UnknownOperationException", `SSM ${call.action} has no stand-in (local/ssm.ts).`);
    return action(JSON.parse(call.body.toString()) as SsmInput);
  };
}

interface SsmInput {
  Name?: string;
  Names?: string[];
  Path?: string;
  Recursive?: boolean;
  WithDecryption?: boolean;
  MaxResults?: number;
  NextToken?: string;
}

const headers = { "content-type": "application/x-amz-json-1.1" };
const answer = (body: unknown): AwsAnswer => ({ status: 200, headers, body: JSON.stringify(body) });
const refusal = (type: string, message: string): AwsAnswer => ({
  status: 400,
  headers,
  body: JSON.stringify({ __type: type, message }),
});
