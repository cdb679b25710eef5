import fc from "fast-check";
import { expect, test } from "vitest";
import { makeId } from "../../shared/kernel/ids.ts";
import { day, dayOf, hour } from "../../shared/kernel/time.ts";
import { booked, closeDays, type Transfer } from "../../shared/ledger/index.ts";
import type { Table } from "../../shared/table/entity.ts";
import { accountDaysOf, allAccounts, dayBooks, ledgerAccounts, storeDays } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

/** Midnight in Shanghai. */
const FIRST = Date.UTC(2026, 10, 22, 16);

const line = fc.record({
  kind: fc.constantFrom("payment", "refund", "subsidy", "coupon", "coupon_return", "goods"),
  party: fc.constantFrom("platform:coupon", "supplier:A", "store:B"),
  store: fc.nat(2),
  amountFen: fc.integer({ min: 1, max: 100_000 }),
  day: fc.nat(3),
});

/** The table of somebody whose commits end for good after so many, the last of them written without his knowing. */
const dying = (table: Table, after: number): Table => {
  let left = after;
  return {
    ...table,
    commit: async (writes) => {
      if (left < 0) throw new Error("died");
      left -= 1;
      await table.commit(writes);
      if (left < 0) throw new Error("died");
    },
  };
};

test("whoever closes, breaks off or comes beside another one: each day's books hold each line once, and the balances sum to nothing", async () => {
  const { table, env, clock } = await openTestTable(FIRST);
  const storeIds = [0, 1, 2].map(() => env.ids.next("ST"));
  const balances = new Map<string, number>();
  let start = FIRST;
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 60 }),
      fc.array(fc.nat(4), { maxLength: 4 }),
      async (given, deaths) => {
        start += 6 * day;
        const lines = given.map((one) => ({ ...one, subject: makeId("OR", start, env.rng.bytes(14)) }));
        for (const { kind, party, store, amountFen, day: on, subject } of lines) {
          clock.set(start + on * day + 5 * hour);
          const opened = kind === "coupon" || kind === "coupon_return" || kind === "goods";
          await table.commit([
            booked(env, {
              kind: kind as Transfer["kind"],
              subject,
              reference: "1",
              amountFen,
              at: start,
              storeId: storeIds[store]!,
              ...(opened && { party }),
            }),
          ]);
        }
        clock.set(start + 5 * day);
        const drifted: string[] = [];
        const close = (of: Table) => closeDays({ table: of, env }, clock.now() + hour, (on) => drifted.push(on));
        for (const after of deaths)
          await close(dying(table, after)).catch((error) => expect(String(error)).toMatch(/died/));
        await Promise.all([close(table), close(table)]);
        await close(table);
        expect(drifted).toEqual([]);

        for (let on = 0; on < 4; on++) {
          const mine = lines.filter((one) => one.day === on);
          const name = dayOf(start + on * day);
          const book = await table.load(dayBooks, { day: name });
          // before the very first line there are no books
          if (!book) expect(lines.some((one) => one.day <= on)).toBe(false);
          else
            expect({ lines: book.lines, amountFen: book.amountFen }).toEqual({
              lines: mine.length,
              amountFen: mine.reduce((sum, one) => sum + one.amountFen, 0),
            });
          for (const [i, storeId] of storeIds.entries()) {
            const ofStore = await table.load(storeDays, { storeId, day: name });
            const fen = Object.values(ofStore?.bookings ?? {}).reduce((sum, { amountFen }) => sum + amountFen, 0);
            expect(fen).toBe(mine.reduce((sum, one) => sum + (one.store === i ? one.amountFen : 0), 0));
          }
        }
        const sides: Record<string, (party: string) => [string, string]> = {
          payment: () => ["channel:wechat", "orders"],
          refund: () => ["orders", "channel:wechat"],
          subsidy: () => ["platform:subsidy", "orders"],
          coupon: (party) => [party, "orders"],
          coupon_return: (party) => ["orders", party],
          goods: (party) => ["platform:goods", party],
        };
        for (const { kind, party, amountFen } of lines) {
          const [debit, credit] = sides[kind]!(party);
          balances.set(debit, (balances.get(debit) ?? 0) + amountFen);
          balances.set(credit, (balances.get(credit) ?? 0) - amountFen);
        }
        const accounts = (await table.page(allAccounts(), { limit: 50 })).items;
        expect(Object.fromEntries(accounts.map((one) => [one.account, one.balanceFen]))).toEqual(
          Object.fromEntries(balances),
        );
        for (const { account, balanceFen } of accounts) {
          const days = (await table.page(accountDaysOf(account), { limit: 100 })).items;
          expect(days[0]?.balanceFen).toBe(balanceFen);
          expect(days.reduce((sum, one) => sum + one.debitFen - one.creditFen, 0)).toBe(balanceFen);
        }
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
}, 120_000);

test("a day is left to itself for two hours; a line that turns up in a closed one is told of, and changes nothing", async () => {
  const start = FIRST;
  const { table, env, clock } = await openTestTable(start);
  const drifted: unknown[] = [];
  const close = () => closeDays({ table, env }, clock.now() + hour, (on, found) => drifted.push([on, found]));
  const pay = (amountFen: number) =>
    table.commit([
      booked(env, { subject: env.ids.next("OR"), kind: "payment", reference: "1", amountFen, at: clock.now() }),
    ]);
  await pay(800);
  clock.set(start + day + 2 * hour - 1);
  expect(await close()).toBe(0);
  clock.set(start + day + 2 * hour);
  expect(await close()).toBe(1);
  expect(await close()).toBe(0);
  expect(drifted).toEqual([]);

  clock.set(start + 10 * hour); // a clock that is wrong by a day
  await pay(300);
  clock.set(start + day + 3 * hour);
  expect(await close()).toBe(0);
  expect(drifted).toEqual([[dayOf(start), { lines: 2, amountFen: 1100 }]]);
  expect(await table.load(dayBooks, { day: dayOf(start) })).toMatchObject({ lines: 1, amountFen: 800 });
  expect(await table.load(ledgerAccounts, { account: "channel:wechat" })).toMatchObject({ balanceFen: 800 });
});
