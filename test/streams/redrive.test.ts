import { expect, test } from "vitest";
import type { Deps } from "../../functions/runtime/deps.ts";
import { type Redriven, redrive } from "../../functions/streams/redrive.ts";
import { type DomainEvent, makeEvent } from "../../shared/kernel/event.ts";
import { hour, minute, parseIso, second } from "../../shared/kernel/time.ts";
import { outbox } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

/** Five to eleven in Shanghai: a time that crosses an hour's partitions. */
const START = Date.UTC(2026, 10, 23, 2, 55);
const { table, env, clock } = await openTestTable(START);
const deps = { table, env } as Deps;

const told: DomainEvent[] = [];
for (let i = 0; i < 60; i++) {
  const event = makeEvent(env, { type: "seat.paid", actor: { kind: "system" }, data: { number: i } });
  told.push(event);
  await table.commit([outbox.create(event)]);
  clock.advance(10 * second);
}
const numbers = (events: DomainEvent[]) => events.map((event) => Number(event.data.number)).sort((a, b) => a - b);

async function run(
  from: number,
  until: number,
  more: { stopAt?: number; fail?: (event: DomainEvent) => boolean } = {},
) {
  const seen: DomainEvent[] = [];
  const done: Redriven = await redrive(
    deps,
    { from, until, stopAt: more.stopAt ?? Number.POSITIVE_INFINITY },
    async (_, event) => {
      seen.push(event);
      if (more.fail?.(event)) throw new Error("it fails again");
    },
  );
  return { ...done, seen };
}

test("every event of the time comes again, over the hour, each once", async () => {
  const { seen, ...done } = await run(START, START + hour);
  expect(numbers(seen)).toEqual(told.map((_, i) => i));
  expect(done).toEqual({ read: 60, failed: 0 });
});

test("events long before and after the time stay where they are", async () => {
  const { seen } = await run(START + 4 * minute, START + 6 * minute);
  const found = numbers(seen);
  expect(found).toEqual(expect.arrayContaining([24, 30, 36]));
  // whole minutes, and ten seconds of slack
  expect(found[0]).toBeGreaterThanOrEqual(18);
  expect(found.at(-1)).toBeLessThanOrEqual(47);
});

test("one event that fails is counted, and does not stop the others", async () => {
  const { seen, ...done } = await run(START, START + hour, { fail: (event) => event.data.number === 7 });
  expect(seen).toHaveLength(60);
  expect(done).toEqual({ read: 60, failed: 1 });
});

test("without time left it says where to go on, and from there the rest comes", async () => {
  const began = clock.now();
  const first = await redrive(deps, { from: START, until: began, stopAt: began + 1 }, async () => clock.advance(1));
  expect(first.read).toBeGreaterThan(0);
  expect(first.read).toBeLessThan(60);
  const resumed = await run(parseIso(first.resumeFrom!) + 10 * second, began);
  expect(first.read + resumed.read).toBe(60);
  expect(resumed.resumeFrom).toBeUndefined();
});
