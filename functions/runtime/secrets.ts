import * as z from "zod";
import { awsJsonClient, orTryAgain } from "../adapters/aws/json-client.ts";
import { carrierConfig } from "../adapters/carriers/config.ts";
import { invoiceConfig } from "../adapters/invoice/config.ts";
import { systemEnv } from "./env.ts";

const key32 = z
  .string()
  .transform((text) => Buffer.from(text, "base64"))
  .refine((bytes) => bytes.length === 32, "must be 32 bytes in base64");
const json = <S extends z.ZodType>(schema: S) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: "custom", message: "must be JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);

/** The secrets a deployment is given, below its CONFIG_PREFIX in SSM. */
export const secretSchemas = {
  "member-token-keys": json(
    z
      .array(z.looseObject({ kty: z.literal("EC"), crv: z.literal("P-256"), kid: z.string(), d: z.string() }))
      .min(1)
      .max(2),
  ),
  "cursor-key": key32,
  "blind-index-key": key32,
  wechat: json(
    z.object({
      appid: z.string().min(1),
      appSecret: z.string().min(1),
      mchid: z.string().min(1),
      merchantSerial: z.string().min(1),
      merchantPrivateKey: z.string().includes("PRIVATE KEY"),
      apiV3Key: z.string().length(32),
      platformKeys: z.record(z.string(), z.string().includes("PUBLIC KEY")),
    }),
  ),
  invoice: json(invoiceConfig),
  carriers: json(carrierConfig),
};
export type SecretName = keyof typeof secretSchemas;
export type Secrets = { [N in SecretName]: z.infer<(typeof secretSchemas)[N]> };

/** Reads the named secrets; a missing or malformed one is an error that says which and what it must be, never its value. */
export async function readSecrets<N extends SecretName>(
  prefix: string,
  names: readonly N[],
): Promise<Pick<Secrets, N>> {
  if (names.length === 0) return {} as Pick<Secrets, N>;
  const call = orTryAgain(awsJsonClient("ssm", { env: systemEnv }));
  const { Parameters } = await call<{ Parameters: { Name: string; Value: string }[] }>("GetParameters", {
    Names: names.map((name) => `${prefix}/${name}`),
    WithDecryption: true,
  });
  const values = new Map(Parameters.map(({ Name, Value }) => [Name, Value]));
  return Object.fromEntries(
    names.map((name) => {
      const value = values.get(`${prefix}/${name}`);
      if (value === undefined) throw new Error(`set the SSM SecureString ${prefix}/${name}: it is missing`);
      const parsed = secretSchemas[name].safeParse(value);
      if (!parsed.success) {
        const what = parsed.error.issues.map((i) => `${i.path.join(".") || "value"} ${i.message}`).join("; ");
        throw new Error(`correct the SSM SecureString ${prefix}/${name}: ${what}`);
      }
      return [name, parsed.data];
    }),
  ) as Pick<Secrets, N>;
}
