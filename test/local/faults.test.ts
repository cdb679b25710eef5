import { expect, test } from "vitest";
import { createFaults, type Faults } from "../../local/faults.ts";
import type { GatewayCall } from "../../local/gateway.ts";

const call = (action: string, json: Record<string, unknown> = {}, service = "dynamodb") =>
  ({ service, action, json }) as unknown as GatewayCall;
const key = (pk: string) => ({ pk: { S: pk }, sk: { S: "#" } });
const answer = (body: unknown) => ({ status: 200, headers: { "x-amz-crc32": "1" }, body: JSON.stringify(body) });
const kinds = (faults: Faults) =>
  Array.from({ length: 200 }, () => faults.call(call("TransactWriteItems")) ?? "").join();
/** The first seed whose storm has each of these kinds at the rate or above. */
const stormOf = (...wanted: [keyof Faults["rates"], number][]): Faults => {
  for (let seed = 1; ; seed++) {
    const faults = createFaults({ level: "storm", seed });
    if (wanted.every(([name, rate]) => faults.rates[name] >= rate)) return faults;
  }
};

test("a seed gives the same chances and the same dice, another seed another bad day", () => {
  const [one, same, other] = [7, 7, 8].map((seed) => createFaults({ level: "swarm", seed }));
  expect(one!.rates).toEqual(same!.rates);
  expect(kinds(one!)).toBe(kinds(same!));
  expect(one!.rates).not.toEqual(other!.rates);
  const storm = createFaults({ level: "storm", seed: 7 });
  for (const [name, rate] of Object.entries(one!.rates))
    expect(storm.rates[name as keyof Faults["rates"]]).toBeGreaterThanOrEqual(rate);
});

test("nothing strikes when it is off, nor after the stop; what struck stays counted", () => {
  const faults = createFaults({ seed: 3 });
  const quiet = ",".repeat(199);
  expect(kinds(faults)).toBe(quiet);
  faults.set("storm");
  expect(kinds(faults)).not.toBe(quiet);
  const counts = faults.counts();
  expect(counts["table.lost-after"] + counts["table.conflict"]).toBeGreaterThan(0);
  faults.stop();
  expect(kinds(faults)).toBe(quiet);
  expect(faults.counts()).toEqual(counts);
  expect([faults.notification(), faults.kill("stream Effects"), faults.skew()]).toEqual([[], undefined, 0]);
});

test("records change places across keys, never within one", () => {
  const faults = stormOf(["stream.reordered", 0.8]);
  const records = Array.from({ length: 12 }, (_, i) => ({ key: `k${i % 3}`, i }));
  let moved = 0;
  for (let round = 0; round < 20; round++) {
    const shuffled = faults.reorder(records, (record) => record.key);
    expect(shuffled.toSorted((a, b) => a.i - b.i)).toEqual(records);
    for (const lane of ["k0", "k1", "k2"])
      expect(shuffled.filter((r) => r.key === lane)).toEqual(records.filter((r) => r.key === lane));
    if (shuffled.some((record, at) => record !== records[at])) moved++;
  }
  expect(moved).toBeGreaterThan(5);
});

test("a query asks for fewer items than it was told, so that the engine says where to go on", () => {
  const faults = stormOf(["table.short-page", 0.5]);
  const limits = Array.from({ length: 50 }, () => faults.shrink(call("Query", { Limit: 20 })).json.Limit as number);
  expect(limits.some((limit) => limit < 20)).toBe(true);
  expect(Math.min(...limits)).toBeGreaterThanOrEqual(1);
  expect(faults.shrink(call("Query", { Limit: 1 })).json.Limit).toBe(1);
});

test("keys left unread come back as UnprocessedKeys, each key once", () => {
  const faults = stormOf(["table.unprocessed-keys", 0.4]);
  const Keys = ["a", "b", "c"].map(key);
  const asked = call("BatchGetItem", { RequestItems: { T: { Keys, ConsistentRead: true } } });
  let { json, kept } = faults.shrink(asked);
  for (let i = 0; !kept && i < 100; i++) ({ json, kept } = faults.shrink(asked));
  const read = (json.RequestItems as { T: { Keys: unknown[] } }).T;
  const told = JSON.parse(faults.reshape(asked, kept, answer({ Responses: { T: [] } })).body.toString());
  expect(told.UnprocessedKeys.T.ConsistentRead).toBe(true);
  expect([...read.Keys, ...told.UnprocessedKeys.T.Keys]).toEqual(Keys);
});

test("a row just put is missing from an index query now and then; an older one and the table itself show it", () => {
  const faults = stormOf(["table.stale-index", 0.6]);
  const put = { Put: { Item: key("new"), ConditionExpression: "attribute_not_exists(pk)" } };
  faults.reshape(call("TransactWriteItems", { TransactItems: [put] }), undefined, answer({}));
  const hits = answer({ Items: [key("old"), key("new")], Count: 2, ScannedCount: 2, LastEvaluatedKey: key("new") });
  const seen = Array.from({ length: 60 }, () => {
    const shown = faults.reshape(call("Query", { IndexName: "gsi1" }), undefined, hits);
    return JSON.parse(shown.body.toString());
  });
  expect(seen.map(({ Count }) => Count).some((count) => count === 1)).toBe(true);
  for (const { Items, Count, LastEvaluatedKey } of seen) {
    expect(Items).toHaveLength(Count);
    expect(Items[0]).toEqual(key("old"));
    expect(LastEvaluatedKey).toEqual(key("new"));
  }
  expect(faults.reshape(call("Query"), undefined, hits)).toBe(hits);
});
