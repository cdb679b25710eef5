import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { createClock } from "../../local/clock.ts";
import { readTimetable, startSchedules } from "../../local/schedules.ts";
import { arn, type Call, handPool, handTemplate, tempFolder, until } from "./fakes.ts";

const minute = 60_000;
const at = (text: string): number => Date.parse(text);
const next = (expression: string, after: string, zone = "Asia/Shanghai", anchor = after) =>
  new Date(readTimetable(expression, zone, at(anchor)).next(at(after))!).toISOString();

test("AWS's cron fields are read in their time zone, with SUN = 1", () => {
  const monday = "2026-11-23T00:00:00Z";
  expect(next("cron(0 20 ? * WED *)", monday)).toBe("2026-11-25T12:00:00.000Z");
  expect(next("cron(0 20 ? * 4 *)", monday)).toBe("2026-11-25T12:00:00.000Z");
  expect(next("cron(0 20 ? * 4 *)", monday, "UTC")).toBe("2026-11-25T20:00:00.000Z");
  expect(next("cron(0/15 * * * ? *)", "2026-11-23T00:14:59Z")).toBe("2026-11-23T00:15:00.000Z");
  expect(next("cron(0 9 L * ? *)", monday)).toBe("2026-11-30T01:00:00.000Z");
  expect(next("cron(0 0 1 1 ? 2030)", monday)).toBe("2029-12-31T16:00:00.000Z");
});

test("a rate counts from its anchor, and an at comes once", () => {
  expect(next("rate(5 minutes)", "2026-11-23T00:07:00Z", "UTC", "2026-11-23T00:01:00Z")).toBe(
    "2026-11-23T00:11:00.000Z",
  );
  const once = readTimetable("at(2026-12-01T08:00:30)", "Asia/Shanghai", 0);
  expect(once.next(at("2026-11-23T00:00:00Z"))).toBe(at("2026-12-01T00:00:30Z"));
  expect(once.next(at("2026-12-01T00:00:30Z"))).toBeUndefined();
  expect(once.last(at("2026-12-02T00:00:00Z"))).toBe(at("2026-12-01T00:00:30Z"));
});

test("anything else is refused", () => {
  for (const wrong of ["rate(5 weeks)", "cron(* * * * *)", "every minute", "rate(0 minutes)"]) {
    expect(() => readTimetable(wrong, "UTC", 0)).toThrow("is none of");
  }
});

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
function start(run: (call: Call, count: number) => unknown, folder = tempFolder(), expression = "rate(1 minute)") {
  const template = handTemplate({
    Job: { type: "AWS::Lambda::Function", properties: {} },
    Every: {
      type: "AWS::Scheduler::Schedule",
      properties: {
        ScheduleExpression: expression,
        Target: { Arn: arn("lambda", "function:Job"), RoleArn: "", Input: '{"due":"<aws.scheduler.scheduled-time>"}' },
      },
    },
  });
  const db = new DatabaseSync(join(folder, "runner.db"));
  const clock = createClock({ dataDir: folder, startAt: at("2026-11-23T00:00:00Z") });
  const pool = handPool(run);
  const schedules = startSchedules({ template, db, pool, clock, barred: () => undefined, log: () => {} });
  const stop = () => {
    schedules.stop();
    clock.stop();
    db.close();
  };
  ends.push(() => db.isOpen && stop());
  const dues = () => pool.calls.map(({ event }) => (event as { due: string }).due);
  return { clock, pool, schedules, dues, stop, folder };
}

test("a leap of the clock runs a schedule once, for its latest due time, and then goes on", async () => {
  const { clock, schedules, dues } = start(() => null);
  clock.advance(60 * minute + 1000);
  await until(() => dues().length === 1 && schedules.quiet());
  const latest = at(dues()[0]!);
  expect(clock.now() - latest).toBeLessThan(minute);
  clock.advance(minute);
  await until(() => dues().length === 2 && schedules.quiet());
  expect(at(dues()[1]!) - latest).toBe(minute);
});

test("a schedule never runs twice at once; what fell due meanwhile follows once", async () => {
  const waiting: (() => void)[] = [];
  const { clock, pool, schedules } = start(() => new Promise<void>((resolve) => waiting.push(resolve)));
  clock.advance(minute);
  await until(() => pool.calls.length === 1);
  clock.advance(10 * minute);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(pool.calls).toHaveLength(1);
  expect(schedules.quiet()).toBe(false);
  waiting[0]!();
  await until(() => pool.calls.length === 2);
  waiting[1]!();
  await until(() => schedules.quiet());
  expect(pool.calls).toHaveLength(2);
});

test("what fell due while the process was down runs once after a restart", async () => {
  const before = start(() => null);
  before.clock.advance(5 * minute);
  await until(() => before.dues().length === 1 && before.schedules.quiet());
  before.clock.advance(0);
  before.stop();
  const clock = createClock({ dataDir: before.folder });
  clock.advance(30 * minute);
  clock.stop();
  const after = start(() => null, before.folder);
  await until(() => after.dues().length === 1 && after.schedules.quiet());
  expect(at(after.dues()[0]!)).toBeGreaterThan(at(before.dues()[0]!) + 29 * minute);
});

test("a run that fails is followed by the next due one", async () => {
  const { clock, dues, schedules } = start((_, count) => {
    if (count === 1) throw new Error("broken");
  });
  clock.advance(minute);
  await until(() => dues().length === 1 && schedules.quiet());
  clock.advance(minute);
  await until(() => dues().length === 2 && schedules.quiet());
  expect(dues()[0]).not.toBe(dues()[1]);
});
