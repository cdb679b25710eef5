import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { Cron } from "croner";
import type { FunctionPool, PlatformClock, Template } from "./parts.ts";

/** When a schedule is due, epoch ms. */
export interface Timetable {
  /** The first due time after `time`; undefined when there is none. */
  next(time: number): number | undefined;
  /** The last due time at or before `time`; undefined when there is none. */
  last(time: number): number | undefined;
}

export interface Schedules {
  /** True when no run is under way and none is due. */
  quiet(): boolean;
  stop(): void;
}

const unitMs: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * Reads `rate(5 minutes)`, `cron(0 20 ? * WED *)` and `at(2026-03-01T20:00:00)` as EventBridge Scheduler does.
 * A rate counts from `anchor` (epoch ms); cron and at are local times of `timeZone`. Throws on anything else.
 */
export function readTimetable(expression: string, timeZone: string, anchor: number): Timetable {
  const [, kind, inner = ""] = /^(rate|cron|at)\((.+)\)$/.exec(expression.trim()) ?? [];
  if (kind === "rate") {
    const [, count, unit = ""] = /^(\d+) (minute|hour|day)s?$/.exec(inner) ?? [];
    const period = Number(count) * (unitMs[unit] ?? Number.NaN);
    if (period > 0) {
      return {
        next: (time) => anchor + Math.max(1, Math.floor((time - anchor) / period) + 1) * period,
        last: (time) => (time < anchor + period ? undefined : anchor + Math.floor((time - anchor) / period) * period),
      };
    }
  }
  const fields = inner.trim().split(/\s+/);
  if (kind === "cron" && fields.length === 6) return cronTable(fields, timeZone);
  if (kind === "at" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(inner)) {
    const [year, month, day, hour, minute, second] = inner.split(/[-T:]/);
    return cronTable([`${minute}`, `${hour}`, `${day}`, `${month}`, "?", `${year}`], timeZone, second);
  }
  throw new Error(`The schedule expression ${expression} is none of rate(n units), cron(six fields), at(local time).`);
}

/** AWS's fields are minute hour day-of-month month day-of-week year, with SUN = 1. */
function cronTable(fields: string[], timezone: string, second = "0"): Timetable {
  const pattern = [second, ...fields.map((field) => (field === "?" ? "*" : field))].join(" ");
  const cron = new Cron(pattern, { timezone, paused: true, alternativeWeekdays: true, sloppyRanges: true });
  return {
    next: (time) => cron.nextRun(new Date(time))?.getTime(),
    last: (time) => cron.previousRuns(1, new Date(time + 1))[0]?.getTime(),
  };
}

/**
 * Runs the AWS::Scheduler::Schedules of the template by the platform clock. A leap of the clock, or a time when the
 * process was down, runs each schedule once for its latest due time. A schedule never runs twice at once: what falls due
 * during a run follows it, once. A failed run is logged; the next due time takes its place.
 */
export function startSchedules(parts: {
  template: Template;
  db: DatabaseSync;
  pool: FunctionPool;
  clock: PlatformClock;
  /** Why the role of a schedule may not invoke a function; undefined where it may. Both by ARN. */
  barred: (roleArn: string, functionArn: string) => string | undefined;
  log: (line: string) => void;
}): Schedules {
  const { template, db, pool, clock, barred, log } = parts;
  db.exec(
    "CREATE TABLE IF NOT EXISTS schedule (id TEXT PRIMARY KEY, expression TEXT, anchor INTEGER, last INTEGER) WITHOUT ROWID",
  );
  const read = db.prepare("SELECT anchor, last FROM schedule WHERE id = ? AND expression = ?");
  const save = db.prepare("INSERT OR REPLACE INTO schedule VALUES (?, ?, ?, ?)");
  const lines: { due: number | undefined; running: boolean; cancel(): void }[] = [];
  let stopped = false;

  for (const { id, properties } of template.byType("AWS::Scheduler::Schedule")) {
    if (properties.State === "DISABLED") continue;
    const target = properties.Target as { Arn: string; RoleArn: string; Input?: string };
    const functionId = template.idOfArn(target.Arn);
    if (functionId === undefined) throw new Error(`${id}: the target ${target.Arn} is no function of the template.`);
    const expression = String(properties.ScheduleExpression);
    const timeZone = String(properties.ScheduleExpressionTimezone ?? "UTC");
    const known = read.get(id, `${expression} ${timeZone}`) as { anchor: number; last: number } | undefined;
    const anchor = known?.anchor ?? clock.now();
    const table = readTimetable(expression, timeZone, anchor);
    const from = Date.parse(String(properties.StartDate ?? "")) || Number.NEGATIVE_INFINITY;
    const until = Date.parse(String(properties.EndDate ?? "")) || Number.POSITIVE_INFINITY;
    let last = known?.last ?? anchor;
    if (!known) save.run(id, `${expression} ${timeZone}`, anchor, last);

    const line = { due: undefined as number | undefined, running: false, cancel: () => {} };
    lines.push(line);
    const plan = (): void => {
      if (stopped) return;
      const due = table.next(Math.max(last, from === Number.NEGATIVE_INFINITY ? last : from - 1));
      line.due = due !== undefined && due <= until ? due : undefined;
      if (line.due !== undefined) line.cancel = clock.at(line.due, () => void fire()).cancel;
    };
    const fire = async (): Promise<void> => {
      if (stopped) return;
      line.running = true;
      const due = Math.max(line.due!, table.last(Math.min(clock.now(), until)) ?? 0);
      try {
        const barrier = barred(target.RoleArn, target.Arn);
        if (barrier !== undefined) throw new Error(barrier);
        const input = filledInput(target.Input ?? "{}", due, id);
        await pool.invoke(functionId, JSON.parse(input), `schedule ${id}`);
      } catch (error) {
        if (stopped) return;
        log(
          `schedule ${id}, due ${new Date(due).toISOString()}: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`,
        );
      }
      // Written after the run: a process that dies in it runs the due time again.
      last = due;
      if (!stopped) save.run(id, `${expression} ${timeZone}`, anchor, last);
      line.running = false;
      plan();
    };
    plan();
  }

  return {
    quiet: () => lines.every(({ due, running }) => !running && (due === undefined || due > clock.now())),
    stop: () => {
      stopped = true;
      for (const line of lines) line.cancel();
    },
  };
}

/** Scheduler's context words in a target's input. */
function filledInput(input: string, due: number, id: string): string {
  return input
    .replaceAll("<aws.scheduler.scheduled-time>", `${new Date(due).toISOString().slice(0, 19)}Z`)
    .replaceAll("<aws.scheduler.schedule-arn>", `arn:aws:scheduler:ap-northeast-1:000000000000:schedule/default/${id}`)
    .replaceAll("<aws.scheduler.execution-id>", randomUUID())
    .replaceAll("<aws.scheduler.attempt-number>", "1");
}
