import { createHmac } from "node:crypto";
import * as z from "zod";
import type { InvoicePort, Said } from "../../../shared/invoice/ports.ts";
import type { Env } from "../../../shared/kernel/env.ts";
import { isoInput } from "../../../shared/kernel/time.ts";
import { readJson, send } from "../wechat/send.ts";
import type { InvoiceConfig } from "./config.ts";

const code = z.string().regex(/^[A-Z0-9_]{1,60}$/);
const document = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("issued"),
    number: z.string(),
    amountFen: z.int(),
    officialNo: z.string().min(1).max(40),
    url: z.url().max(500),
    issuedAt: isoInput,
  }),
  z.object({ status: z.literal("processing"), number: z.string(), amountFen: z.int() }),
  z.object({ status: z.literal("refused"), number: z.string(), amountFen: z.int(), code }),
]);
const problem = z.object({ code });

/**
 * The protocol of docs/adr/0030: JSON over HTTPS, each call signed with HMAC-SHA-256 and sent once, 5 s at most. An answer about another
 * number or amount, and one to a signature that is not taken, say nothing of the document: `unknown`.
 */
export function createInvoiceProvider(config: InvoiceConfig, env: Pick<Env, "clock">, timeoutMs?: number): InvoicePort {
  async function call(
    method: "GET" | "POST",
    path: string,
    wanted: { number: string; amountFen: number },
    content?: object,
  ): Promise<Said | { kind: "absent" }> {
    const body = content && JSON.stringify(content);
    const timestamp = String(Math.floor(env.clock.now() / 1000));
    const signature = createHmac("sha256", config.appSecret)
      .update(`${timestamp}\n${method}\n${path}\n${body ?? ""}`)
      .digest("hex");
    const answer = await send(
      config.url + path,
      {
        method,
        headers: {
          Accept: "application/json",
          "Invoice-Key": config.appKey,
          "Invoice-Timestamp": timestamp,
          "Invoice-Signature": signature,
          ...(body !== undefined && { "Content-Type": "application/json" }),
        },
        ...(body !== undefined && { body }),
      },
      timeoutMs,
    );
    if (answer.kind === "unknown") return answer;
    const { status } = answer;
    if (status === 429) return { kind: "busy" };
    if (status === 404 && method === "GET") return { kind: "absent" };
    const told = readJson(answer.body);
    if (status === 422) {
      const said = problem.safeParse(told);
      return said.success ? { kind: "refused", code: said.data.code } : unknown("refuses without a code");
    }
    if (status !== 200) return unknown(`has status ${status}`);
    const said = document.safeParse(told);
    if (!said.success) return unknown("is no document");
    if (said.data.number !== wanted.number || said.data.amountFen !== wanted.amountFen)
      return unknown("is of another number or amount");
    if (said.data.status === "processing") return { kind: "accepted" };
    if (said.data.status === "refused") return { kind: "refused", code: said.data.code };
    const { officialNo, url, issuedAt } = said.data;
    return { kind: "issued", officialNo, url, issuedAt };
  }
  const unknown = (what: string): Said => ({ kind: "unknown", reason: `the answer ${what}` });
  /** Of a call that makes something: that nobody is there says nothing of the document. */
  const make = async (...asked: Parameters<typeof call>): Promise<Said> => {
    const said = await call(...asked);
    return said.kind === "absent" ? unknown("has status 404") : said;
  };

  return {
    issue: ({ invoiceNo, buyer, title, taxId, amountFen, lines }) =>
      make(
        "POST",
        "/v1/invoices",
        { number: invoiceNo, amountFen },
        {
          number: invoiceNo,
          sellerTaxId: config.sellerTaxId,
          buyer: { kind: buyer, title, ...(taxId !== undefined && { taxId }) },
          amountFen,
          lines,
        },
      ),
    redLetter: ({ redNo, invoiceNo, officialNo, amountFen, lines }) =>
      make(
        "POST",
        "/v1/red-letters",
        { number: redNo, amountFen },
        { number: redNo, original: { number: invoiceNo, officialNo }, amountFen, lines },
      ),
    query: (number, amountFen) => call("GET", `/v1/documents/${encodeURIComponent(number)}`, { number, amountFen }),
  };
}
