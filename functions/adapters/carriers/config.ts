import * as z from "zod";

/** The SSM value `carriers`: who we are to each carrier; one that is left out is not asked. */
export const carrierConfig = z.strictObject({
  /** WeChat's 同城配送. It knows our stores by our own ids (out_store_id), each made there once. */
  wechat: z
    .strictObject({
      /** Token of the mini-program's message push: signs callbacks. */
      messageToken: z.string().min(1),
      /** Codes by which it says that it has no such order: its documentation lists none. */
      absentCodes: z.array(z.int()).default([]),
    })
    .optional(),
  /** Dada (达达). It knows our stores by our own ids (门店编号 of the merchant's choice). */
  dada: z
    .strictObject({
      /** Base, without a trailing slash. */
      url: z.url(),
      appKey: z.string().min(1),
      appSecret: z.string().min(1),
      sourceId: z.string().min(1),
    })
    .optional(),
});
export type CarrierConfig = z.infer<typeof carrierConfig>;
export type IntracityConfig = NonNullable<CarrierConfig["wechat"]>;
export type DadaConfig = Omit<NonNullable<CarrierConfig["dada"]>, "url">;

/** Integer fen of an amount in yuan as Dada writes it, read as text: 8.5 is 850, and more than two decimals are none. */
export const yuanAsFen = z.union([z.number(), z.string()]).transform((value, context) => {
  const match = /^(\d{1,8})(?:\.(\d{1,2})0*)?$/.exec(String(value));
  if (match) return Number(match[1]! + (match[2] ?? "").padEnd(2, "0"));
  context.addIssue({ code: "custom", message: "no amount in yuan" });
  return z.NEVER;
});
