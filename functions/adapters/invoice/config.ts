import * as z from "zod";

/** The value of the SSM parameter `invoice`: where the provider is and who we are to it. */
export const invoiceConfig = z.object({
  /** Base of its API, without a slash at the end. */
  url: z.url().refine((url) => !url.endsWith("/"), "must not end with a slash"),
  appKey: z.string().min(1),
  /** Key of the HMAC that signs each call. */
  appSecret: z.string().min(16),
  /** 统一社会信用代码 of the retailer, who issues. */
  sellerTaxId: z.string().regex(/^[0-9A-Z]{15,20}$/, "must be 15 to 20 digits and capital letters"),
});
export type InvoiceConfig = z.infer<typeof invoiceConfig>;
