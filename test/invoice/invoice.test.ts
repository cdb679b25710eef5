import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { createInvoiceProvider } from "../../functions/adapters/invoice/provider.ts";
import { startInvoiceProvider } from "../../local/invoice-provider.ts";
import { sweep } from "../../shared/groupbuy/index.ts";
import { billOf, reddened, taxBpsOf, taxIn } from "../../shared/invoice/bill.ts";
import { awaitRedLetter, requestInvoice, settleInvoice } from "../../shared/invoice/index.ts";
import { makeId, providerNumber, siblingId } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { hour, minute } from "../../shared/kernel/time.ts";
import type { Sealed, Vault } from "../../shared/kernel/vault.ts";
import type { Order } from "../../shared/order/index.ts";
import { dueBuckets, dueUntil, invoices, members, orders, redLettersOf, refunds } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";
import { paidOrder } from "../order/paid-order.ts";

const { table, env, clock } = await openTestTable();
const dataDir = mkdtempSync(join(tmpdir(), "commensal-invoices-"));
const provider = await startInvoiceProvider({ dataDir, clock });
afterAll(async () => {
  await provider.stop();
  rmSync(dataDir, { recursive: true, force: true });
});
const invoicing = createInvoiceProvider(provider.config, { clock }, 300);
/** Seals so that only the same member and field open it again. */
const vault: Pick<Vault, "seal" | "open"> = {
  seal: async (memberId, _, field, plain) => `v1.${memberId}|${field}|${btoa(encodeURI(plain))}` as Sealed,
  open: async (memberId, _, field, sealed) => {
    const [of, name, text] = sealed.slice(3).split("|");
    if (of !== memberId || name !== field) throw new Error("sealed for another member or field");
    return decodeURI(atob(text!));
  },
};
const deps = { table, env, vault, invoicing };
const knob = (path: string, body: object) => {
  const { status, body: said } = provider.control({ method: "POST", path, body });
  if (status !== 200) throw new Error(JSON.stringify(said));
};
interface Document {
  number: string;
  kind: "blue" | "red";
  status: string;
  original?: string;
  amountFen: number;
}
const documentsOf = (orderId: string) =>
  (provider.control({ method: "GET", path: "book" }).body as Document[]).filter((one) =>
    (one.original ?? one.number).startsWith(siblingId("IV", orderId)),
  );

/** An order that was handed over, with lines of so many fen, of which `payableFen` were paid. */
async function bought(amounts: readonly number[], payableFen: number): Promise<Order> {
  const [orderId, memberId, now] = [env.ids.next("OR"), env.ids.next("MB"), clock.now()];
  const order = paidOrder(env, {
    orderId,
    memberId,
    stage: "HANDED_OVER",
    handedOverAt: now,
    payableFen,
    lines: amounts.map((amountFen, i) => ({
      articleId: env.ids.next("AR"),
      name: `菜${i}`,
      units: 1,
      aloneFen: amountFen,
      unitFen: amountFen,
      amountFen,
    })),
  });
  const member = { memberId, openid: `o-${memberId}`, dataKey: "none", joinedAt: now };
  await table.commit([orders.create(order), members.create(member)]);
  return order;
}
/** A refund that arrives: its row and the order's total in one commit. */
async function refunded({ orderId }: Order, refundFen: number): Promise<string> {
  const order = (await table.load(orders, { orderId }))!;
  const refundId = makeId("RF", clock.now(), env.rng.bytes(14));
  const { memberId, paymentNo, payableFen, refundedFen = 0 } = order;
  await table.commit([
    refunds.create({
      refundId,
      orderId,
      memberId,
      paymentNo,
      cause: "short_arrival",
      refundFen,
      totalFen: payableFen,
      attempt: 1,
      refundNo: providerNumber(refundId, 1),
      state: "SUCCESS",
      requestedAt: clock.now(),
      settledAt: clock.now(),
    }),
    orders
      .patch({ orderId })
      .asRead(order)
      .set({ refundedFen: refundedFen + refundFen }),
  ]);
  return refundId;
}
const ask = ({ orderId }: Order) =>
  requestInvoice(deps, { orderId, to: { buyer: "person", title: "王秀英" }, once: () => [] });
const failures: unknown[] = [];
const look = () =>
  sweep(deps, "invoice", (due) => settleInvoice(deps, due.id.split("#")[0]!, due.since), {
    untilMs: Number.MAX_SAFE_INTEGER,
    late: () => {},
    failed: (_, error) => failures.push(error),
  });
const duesLeft = async (): Promise<number> => {
  let count = 0;
  for (let bucket = 0; bucket < dueBuckets.invoice; bucket++)
    count += (await table.page(dueUntil("invoice", bucket, Number.MAX_SAFE_INTEGER / 1024), { limit: 50 })).items
      .length;
  return count;
};
async function untilQuiet(): Promise<void> {
  knob("outage", { on: false });
  knob("plan", {});
  for (let i = 0; i < 40 && (await duesLeft()) > 0; i++) {
    await look();
    clock.advance(hour);
  }
  expect(await duesLeft()).toBe(0);
}

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("look" as const), twice: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("ask" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("refund" as const), share: fc.integer({ min: 1, max: 100 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("deliver" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("outage" as const), on: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fault" as const),
      op: fc.constantFrom("issue", "redLetter", "query"),
      fault: fc.constantFrom("429", "500-before", "500-after", "drop-answer", "timeout"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("plan" as const),
      delayMs: fc.constantFrom(0, minute, 2 * hour),
      refuse: fc.option(
        fc.record({
          op: fc.constantFrom("issue", "redLetter"),
          code: fc.constant("TAX_OFFICE_CLOSED"),
          later: fc.boolean(),
        }),
        { nil: undefined },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, minute, hour) }) },
);

test("whatever the order of refunds, looks and outages: once quiet, invoice less red letters is what was paid and not refunded", async () => {
  const outcomes: string[] = [];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 10_000 }),
      fc.array(action, { minLength: 4, maxLength: 24 }),
      async (amounts, payableFen, actions) => {
        const order = await bought(amounts, payableFen);
        const { orderId } = order;
        let back = 0;
        const undelivered: string[] = [];
        const deliver = async () => {
          for (const refundId of undelivered.splice(0)) await awaitRedLetter(deps, orderId, refundId);
        };
        const asking = () =>
          ask(order).then(
            () => true,
            (error: unknown) => {
              if (!(error instanceof DomainError)) throw error;
              return error.code;
            },
          );
        for (const one of actions) {
          if (one.kind === "look") await Promise.all(one.twice ? [look(), look()] : [look()]);
          else if (one.kind === "ask") expect([true, "INVOICE_EXISTS", "INVOICE_NOTHING"]).toContain(await asking());
          else if (one.kind === "refund" && back < payableFen) {
            const fen = Math.max(1, Math.floor(((payableFen - back) * one.share) / 100));
            back += fen;
            undelivered.push(await refunded(order, fen));
          } else if (one.kind === "deliver") await deliver();
          else if (one.kind === "outage") knob("outage", { on: one.on });
          else if (one.kind === "fault") knob("fault", { op: one.op, kind: one.fault });
          else if (one.kind === "plan")
            knob("plan", { delayMs: one.delayMs, ...(one.refuse && { refuse: one.refuse }) });
          else if (one.kind === "wait") clock.advance(one.ms);
          // at the provider nothing is ever made twice, and nothing goes below zero
          const there = documentsOf(orderId).filter(({ status }) => status === "issued");
          const sum = there.reduce((all, { kind, amountFen }) => all + (kind === "blue" ? amountFen : -amountFen), 0);
          expect(sum).toBeGreaterThanOrEqual(0);
          expect(there.filter(({ kind }) => kind === "blue").length).toBeLessThanOrEqual(1);
        }
        await deliver();
        await untilQuiet();
        if ((await table.load(invoices, { orderId }))?.state !== "ISSUED" && back < payableFen) {
          expect(await asking()).toBe(true); // not asked for yet, or refused
          await untilQuiet();
        }
        const invoice = await table.load(invoices, { orderId });
        const made = documentsOf(orderId).filter(({ status }) => status === "issued");
        const inForce = made.reduce((all, { kind, amountFen }) => all + (kind === "blue" ? amountFen : -amountFen), 0);
        expect({ inForce }).toEqual({ inForce: payableFen - back });
        if (invoice?.state === "ISSUED") {
          const { items } = await table.page(redLettersOf(orderId), { limit: 100 });
          expect(invoice.redFen).toBe(items.reduce((sum, red) => sum + red.amountFen, 0));
          expect(invoice.redFen).toBe(invoice.lines!.reduce((sum, line) => sum + line.redFen, 0));
        } else expect(made).toEqual([]);
        outcomes.push(`${invoice?.state ?? "none"}${made.length > 1 ? " with red letters" : ""}`);
        expect(failures).toEqual([]);
      },
    ),
    { numRuns: Number(process.env.INVOICE_RUNS ?? 60), endOnFailure: true },
  );
  knob("clear-faults", {});
  // the runs reached what they are about
  expect(new Set(outcomes)).toContain("ISSUED");
  expect(new Set(outcomes)).toContain("ISSUED with red letters");
});

test("lines sum to the amount, the delivery fee apart, and red letters take a line's tax with its last fen", () => {
  const goods = fc.array(
    fc.record({
      name: fc.constant("菜"),
      units: fc.integer({ min: 1, max: 9 }),
      amountFen: fc.integer({ min: 0, max: 100_000 }),
      taxBps: fc.constantFrom(0, 600, 900, 1300),
    }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(
      goods,
      fc.integer({ min: 1, max: 300_000 }),
      fc.integer({ min: 0, max: 900 }),
      fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 5 }),
      (of, amountFen, deliveryFen, shares) => {
        const bill = billOf(amountFen, of, deliveryFen);
        expect(bill.reduce((sum, line) => sum + line.amountFen, 0)).toBe(amountFen);
        const delivery = bill.filter(({ kind }) => kind === "delivery").map((line) => line.amountFen);
        expect(delivery).toEqual(deliveryFen === 0 ? [] : [Math.min(deliveryFen, amountFen)]);
        let lines = bill.map((line) => ({ ...line, redFen: 0 }));
        let [left, tax] = [amountFen, 0];
        for (const share of [...shares, 100]) {
          const fen = Math.max(1, Math.floor((left * share) / 100));
          if (left === 0) break;
          left -= fen;
          const { red, after } = reddened(lines, fen);
          expect(red.reduce((sum, line) => sum + line.amountFen, 0)).toBe(fen);
          expect(after.filter((line) => line.redFen > line.amountFen)).toEqual([]);
          expect(red.filter((line) => line.taxFen < 0)).toEqual([]);
          tax += red.reduce((sum, line) => sum + line.taxFen, 0);
          lines = after;
        }
        expect(tax).toBe(bill.reduce((sum, line) => sum + line.taxFen, 0));
      },
    ),
  );
  expect(taxIn(10_900, 900)).toBe(900);
  expect(taxIn(10_900, 0)).toBe(0);
});

test("an article's own rate comes first, then its category's, then that of everything else", () => {
  expect(taxBpsOf({ category: "蔬菜" })).toBe(0);
  expect(taxBpsOf({ category: "水果" })).toBe(900);
  expect(taxBpsOf({ category: "零食" })).toBe(1300);
  expect(taxBpsOf({ category: "零食", taxBps: 0 })).toBe(0);
  expect(taxBpsOf(undefined)).toBe(1300);
});

test("all of it refunded before the provider was asked: nothing is made, and nothing can be asked for", async () => {
  const order = await bought([900], 900);
  await ask(order);
  await refunded(order, 900);
  await untilQuiet();
  expect(await table.load(invoices, order)).toMatchObject({ state: "VOID" });
  expect(documentsOf(order.orderId)).toEqual([]);
  await expect(ask(order)).rejects.toMatchObject({ code: "INVOICE_EXISTS" });
  const another = await bought([900], 900);
  await refunded(another, 900);
  await expect(ask(another)).rejects.toMatchObject({ code: "INVOICE_NOTHING" });
});

test("a title that is refused may be corrected five times in all, each time under the next number", async () => {
  const order = await bought([900], 900);
  knob("plan", { refuse: { op: "issue", code: "TITLE_INVALID", later: true }, delayMs: minute });
  const numbers: string[] = [];
  for (let i = 0; i < 5; i++) {
    numbers.push((await ask(order)).invoiceNo);
    expect(await look()).toMatchObject({ decided: 0, again: 1 });
    expect(await table.load(invoices, order)).toMatchObject({ state: "ACCEPTED" });
    clock.advance(2 * minute);
    await look();
    expect(await table.load(invoices, order)).toMatchObject({ state: "REFUSED", refusal: "TITLE_INVALID" });
  }
  expect(numbers.map((number) => number.slice(-2))).toEqual(["01", "02", "03", "04", "05"]);
  await expect(ask(order)).rejects.toMatchObject({ code: "INVOICE_ATTEMPTS" });
  await untilQuiet();
});

test("the sandbox makes a number once, takes no more from an invoice than it says, and lists its knobs", async () => {
  const order = await bought([900], 900);
  const { invoiceNo } = await ask(order);
  await untilQuiet();
  const known = await invoicing.query(invoiceNo, 900);
  if (known.kind !== "issued") throw new Error(`it is ${known.kind}`);
  const lines = billOf(900, [{ name: "菜", units: 1, amountFen: 900, taxBps: 0 }], 0);
  const again = { invoiceNo, buyer: "person", title: "另一个人", amountFen: 900, lines } as const;
  expect(await invoicing.issue(again)).toEqual({ kind: "refused", code: "NUMBER_TAKEN" });
  expect(await invoicing.issue({ ...again, amountFen: 901 })).toEqual({ kind: "refused", code: "PARAMETERS_INVALID" });
  const red = (redNo: string, amountFen: number, officialNo = known.officialNo) =>
    invoicing.redLetter({
      redNo,
      invoiceNo,
      officialNo,
      amountFen,
      lines: billOf(amountFen, [{ name: "菜", units: 1, amountFen, taxBps: 0 }], 0),
    });
  expect(await red("RL-1", 901)).toEqual({ kind: "refused", code: "RED_LETTER_EXCEEDS" });
  expect(await red("RL-1", 500)).toMatchObject({ kind: "issued" });
  expect(await red("RL-1", 500)).toMatchObject({ kind: "issued" });
  expect(await red("RL-2", 401)).toEqual({ kind: "refused", code: "RED_LETTER_EXCEEDS" });
  expect(await red("RL-2", 1, "0")).toEqual({ kind: "refused", code: "ORIGINAL_NOT_IN_FORCE" });
  expect(documentsOf(order.orderId)).toMatchObject([{ kind: "blue" }, { kind: "red", amountFen: 500 }]);
  expect(provider.control({ method: "POST", path: "plans", body: {} })).toMatchObject({
    status: 404,
    body: { title: expect.stringContaining("POST plan, POST fault, POST clear-faults, POST outage, GET book") },
  });
  expect(provider.control({ method: "POST", path: "outage", body: {} })).toMatchObject({ status: 400 });
});

test("a key that the provider does not take refuses no invoice: nothing is known, and it goes on once the key is right", async () => {
  const wrong = createInvoiceProvider({ ...provider.config, appSecret: "another-secret-of-ours" }, { clock }, 300);
  const order = await bought([900], 900);
  await ask(order);
  expect(await settleInvoice({ ...deps, invoicing: wrong }, order.orderId, clock.now())).toBeGreaterThan(clock.now());
  expect(await table.load(invoices, order)).toMatchObject({ state: "ASKED" });
  expect(await wrong.query(providerNumber(siblingId("IV", order.orderId), 1), 900)).toEqual({
    kind: "unknown",
    reason: "the answer has status 401",
  });
  await untilQuiet();
  expect(await table.load(invoices, order)).toMatchObject({ state: "ISSUED" });
});

test("the adapter tells an answer about another amount, a limit, and silence from what they are not", async () => {
  const order = await bought([900], 900);
  const { invoiceNo } = await ask(order);
  expect(await invoicing.query(invoiceNo, 900)).toEqual({ kind: "absent" });
  await untilQuiet();
  expect(await invoicing.query(invoiceNo, 900)).toMatchObject({
    kind: "issued",
    officialNo: expect.stringMatching(/^\d{20}$/),
  });
  expect(await invoicing.query(invoiceNo, 899)).toMatchObject({ kind: "unknown" });
  for (const [kind, said] of [
    ["429", { kind: "busy" }],
    ["timeout", { kind: "unknown", reason: "no answer within 300 ms" }],
    ["drop-answer", { kind: "unknown", reason: "the connection failed" }],
  ] as const) {
    knob("fault", { op: "query", kind });
    expect(await invoicing.query(invoiceNo, 900)).toEqual(said);
  }
});
