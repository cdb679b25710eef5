import * as z from "zod";
import { type Invoice, invoiceLifecycle, invoiceLine, openBuyer, requestInvoice } from "../../shared/invoice/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { invoices, invoicesIn, redLettersOf } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const orderPath = z.strictObject({ orderId: idOf("OR") });
const title = typedText(1, 100).meta({ description: "发票抬头", example: "上海鲜邻餐饮有限公司" });
const body = z.discriminatedUnion("buyer", [
  z.strictObject({ buyer: z.literal("person"), title }),
  z.strictObject({
    buyer: z.literal("company"),
    title,
    taxId: z
      .string()
      .regex(/^[0-9A-Z]{15,20}$/)
      .meta({ description: "纳税人识别号", example: "91310101MA1FPX1234" }),
  }),
]);

const made = {
  officialNo: z.string().optional().meta({ description: "发票号码" }),
  url: z.string().optional().meta({ description: "Where the file can be had" }),
  issuedAt: isoOutput.optional(),
};
const fields = z.object({
  orderId: z.string(),
  invoiceNo: z.string(),
  state: z.enum(invoiceLifecycle.states),
  buyer: z.enum(["person", "company"]),
  requestedAt: isoOutput,
  amountFen: z.int().optional().meta({ description: "Paid and not refunded, tax included; fixed as it is asked for" }),
  lines: z.array(invoiceLine).optional(),
  redFen: z.int().meta({ description: "What red letters take from it for refunds that came later" }),
  refusal: z.string().optional().meta({ description: "Code of the provider" }),
  reason: z.string().optional().meta({ description: "Why it was refused, for the member" }),
  ...made,
});
const invoiceView = fields.meta({ id: "Invoice" });
const reasons: Record<string, string> = {
  TITLE_INVALID: "发票抬头有误,请核对后重新申请",
  TAX_ID_INVALID: "纳税人识别号有误,请核对后重新申请",
  TITLE_TAX_ID_MISMATCH: "抬头与纳税人识别号不一致,请核对后重新申请",
};
const time = (at: number | undefined) => (at === undefined ? undefined : toIso(at));
const toInvoice = (row: Invoice): z.input<typeof invoiceView> => ({
  ...row,
  requestedAt: toIso(row.requestedAt),
  issuedAt: time(row.issuedAt),
  lines: row.lines?.map(({ redFen: _, ...line }) => line),
  ...(row.refusal !== undefined && { reason: reasons[row.refusal] ?? "开票平台未能开具,可更换抬头重新申请或联系客服" }),
});

export const invoiceShop: Route[] = [
  route({
    method: "post",
    path: "/v1/orders/{orderId}/invoice",
    summary: "申请电子发票",
    description:
      "Once the order is handed over. Over what was paid and not refunded; a later refund makes a red letter. After a refusal it may be asked for again.",
    actor: "member",
    owns: "order",
    idempotent: true,
    params: orderPath,
    body,
    status: 201,
    ok: invoiceView,
    problems: ["ORDER_STATE", "INVOICE_EXISTS", "INVOICE_ATTEMPTS", "INVOICE_NOTHING"],
    run: (deps, { params, body, once }) => requestInvoice(deps, { ...params, to: body, once }),
    view: (row) => toInvoice(row),
  }),
  route({
    method: "get",
    path: "/v1/orders/{orderId}/invoice",
    summary: "查询电子发票",
    actor: "member",
    owns: "order",
    params: orderPath,
    ok: fields
      .extend({
        title: z.string(),
        redLetters: z.array(
          z.object({
            refundId: z.string(),
            state: z.string(),
            amountFen: z.int(),
            lines: z.array(invoiceLine),
            ...made,
          }),
        ),
      })
      .meta({ id: "InvoiceWithRedLetters" }),
    problems: ["INVOICE_NOT_FOUND"],
    run: async (deps, { params }) => {
      const invoice = await deps.table.load(invoices, params);
      if (!invoice) throw new DomainError("INVOICE_NOT_FOUND");
      const [{ title }, { items }] = await Promise.all([
        openBuyer(deps, invoice),
        deps.table.page(redLettersOf(params.orderId), { limit: 50 }),
      ]);
      return { invoice, title, red: items };
    },
    view: ({ invoice, title, red }) => ({
      ...toInvoice(invoice),
      title,
      redLetters: red.map((one) => ({ ...one, issuedAt: time(one.issuedAt) })),
    }),
  }),
];

export const invoiceOps: Route[] = [
  route({
    method: "get",
    path: "/ops/v1/invoices",
    summary: "电子发票列表",
    description:
      "Those in a state, REFUSED unless said otherwise, newest first, without titles. What was refused is a payment case as well.",
    actor: "staff",
    owns: "none",
    roles: ["finance", "admin"],
    scope: "chain",
    query: listQuery.extend({ state: z.enum(invoiceLifecycle.states).default("REFUSED") }),
    ok: listOf(invoiceView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, invoicesIn(query.state), `invoices ${query.state}`, query),
    view: ({ items, nextCursor }) => ({ items: items.map(toInvoice), nextCursor }),
  }),
];
