import * as z from "zod";

/** Who we are to WeChat's 同城配送. */
export interface IntracityConfig {
  appid: string;
  /** Token of the mini-program's message push: signs callbacks. */
  messageToken: string;
  /** WeChat's store ids by ours. */
  stores: Record<string, string>;
  /** Codes by which it says that it has no such order: its documentation lists none. */
  absentCodes: number[];
}

/** Who we are to Dada; it knows our stores by our own ids (门店编号 of the merchant's choice). */
export interface DadaConfig {
  appKey: string;
  appSecret: string;
  sourceId: string;
}

/** Integer fen of an amount in yuan as Dada writes it, read as text: 8.5 is 850, and more than two decimals are none. */
export const yuanAsFen = z.union([z.number(), z.string()]).transform((value, context) => {
  const match = /^(\d{1,8})(?:\.(\d{1,2})0*)?$/.exec(String(value));
  if (match) return Number(match[1]! + (match[2] ?? "").padEnd(2, "0"));
  context.addIssue({ code: "custom", message: "no amount in yuan" });
  return z.NEVER;
});
