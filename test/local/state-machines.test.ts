import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { createClock } from "../../local/clock.ts";
import { FunctionError } from "../../local/parts.ts";
import { createStateMachines, type StateMachines } from "../../local/state-machines.ts";
import { arn, type Call, handPool, handTemplate, tempFolder, until } from "./fakes.ts";

const minute = 60_000;
const work = arn("lambda", "function:Work");
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A runner over `folder`; calling it again over the same folder is a restart after a crash. */
function start(states: object, run: (call: Call, count: number) => unknown, folder = tempFolder(), more: object = {}) {
  const definition = JSON.stringify({ StartAt: Object.keys(states)[0], States: states, ...more });
  const template = handTemplate({
    Work: { type: "AWS::Lambda::Function", properties: {} },
    Machine: {
      type: "AWS::StepFunctions::StateMachine",
      properties: { DefinitionString: definition, RoleArn: arn("iam", "role/R") },
    },
  });
  const db = new DatabaseSync(join(folder, "runner.db"));
  const clock = createClock({ dataDir: folder });
  const pool = handPool(run);
  const machines = createStateMachines({ template, db, pool, clock, barred: () => undefined, log: () => {} });
  const crash = (): void => {
    machines.stop();
    clock.stop();
    db.close();
  };
  ends.push(() => db.isOpen && crash());
  const call = async (action: string, input: object): Promise<{ status: number; body: Record<string, unknown> }> => {
    const answer = await machines.service({ action, body: Buffer.from(JSON.stringify(input)) } as Parameters<
      StateMachines["service"]
    >[0]);
    return { status: answer.status, body: JSON.parse(answer.body.toString()) as Record<string, unknown> };
  };
  const begin = (name: string, input: unknown) =>
    call("StartExecution", {
      stateMachineArn: arn("states", "stateMachine:Machine"),
      name,
      input: JSON.stringify(input),
    });
  const ended = async (name: string) => {
    const find = () => machines.executions({ name })[0];
    await until(() => find()?.status !== "RUNNING", `the end of ${name}`);
    return find()!;
  };
  return { machines, clock, pool, call, begin, ended, crash, folder };
}

const loop = {
  Wait: { Type: "Wait", SecondsPath: "$.wait", Next: "Check" },
  Check: { Type: "Task", Resource: work, Next: "Done?" },
  "Done?": { Type: "Choice", Choices: [{ Variable: "$.done", BooleanEquals: true, Next: "End" }], Default: "Wait" },
  End: { Type: "Succeed" },
};

test("a machine waits by the platform clock, however long, and loops until its task is done", async () => {
  const { machines, clock, pool, begin, ended } = start(loop, (_, count) => ({ wait: 40 * 86_400, done: count === 2 }));
  await begin("a", { wait: 60 });
  expect(machines.quiet()).toBe(true);
  clock.advance(61_000);
  await until(() => machines.executions({ name: "a" })[0]?.at[0]?.state === "Wait" && pool.calls.length === 1);
  clock.advance(39 * 86_400_000);
  await until(() => machines.quiet());
  expect(pool.calls).toHaveLength(1);
  clock.advance(2 * 86_400_000);
  expect(await ended("a")).toMatchObject({ status: "SUCCEEDED", output: '{"wait":3456000,"done":true}' });
});

test("starting again under the same name answers the same while it runs with that input, and is refused otherwise", async () => {
  const { clock, begin, ended, call } = start(loop, () => ({ done: true }));
  const first = await begin("a", { wait: 60 });
  expect(await begin("a", { wait: 60 })).toEqual(first);
  expect(await begin("a", { wait: 61 })).toMatchObject({ status: 400, body: { __type: "ExecutionAlreadyExists" } });
  clock.advance(minute);
  await ended("a");
  expect(await begin("a", { wait: 60 })).toMatchObject({ status: 400, body: { __type: "ExecutionAlreadyExists" } });
  expect(await call("DescribeExecution", first.body)).toMatchObject({
    body: { status: "SUCCEEDED", output: '{"done":true}' },
  });
  expect(await begin("b c", {})).toMatchObject({ status: 400, body: { __type: "InvalidName" } });
});

test("after a crash an execution goes on in the state it was in, and finished tasks do not run again", async () => {
  const chain = {
    One: { Type: "Task", Resource: work, ResultPath: "$.one", Next: "Pause" },
    Pause: { Type: "Wait", Seconds: 600, Next: "Two" },
    Two: { Type: "Task", Resource: work, ResultPath: "$.two", End: true },
  };
  const before = start(chain, () => "first");
  await before.begin("a", { id: 1 });
  await until(() => before.machines.executions()[0]?.at[0]?.state === "Pause");
  const wakesAt = before.machines.executions()[0]?.at[0]?.wakesAt;
  before.clock.advance(5 * minute);
  before.crash();

  const after = start(chain, () => "second", before.folder);
  after.machines.resume();
  expect(after.machines.executions()[0]?.at).toEqual([{ state: "Pause", wakesAt }]);
  after.clock.advance(5 * minute);
  expect(JSON.parse((await after.ended("a")).output!)).toEqual({ id: 1, one: "first", two: "second" });
  expect(after.pool.calls).toHaveLength(1);
});

test("a task that was under way at the crash runs again with the same input", async () => {
  const one = { One: { Type: "Task", Resource: work, End: true } };
  const before = start(one, () => new Promise(() => {}));
  await before.begin("a", { id: 7 });
  expect(before.machines.quiet()).toBe(false);
  before.crash();
  const after = start(one, ({ event }) => event, before.folder);
  after.machines.resume();
  expect((await after.ended("a")).output).toBe('{"id":7}');
});

test("branches that had ended before the crash keep their output, the others go on", async () => {
  const fan = {
    Fan: {
      Type: "Map",
      ItemsPath: "$.ids",
      MaxConcurrency: 2,
      ItemSelector: { "id.$": "$$.Map.Item.Value", "at.$": "$$.Map.Item.Index" },
      ItemProcessor: { StartAt: "Each", States: { Each: { Type: "Task", Resource: work, End: true } } },
      End: true,
    },
  };
  const before = start(fan, ({ event }) => ((event as { id: string }).id === "slow" ? new Promise(() => {}) : event));
  await before.begin("a", { ids: ["slow", "x", "y"] });
  await until(() => before.pool.calls.length === 3);
  await until(() => before.pool.busy === 1);
  await new Promise((resolve) => setImmediate(resolve));
  before.crash();
  const after = start(fan, ({ event }) => event, before.folder);
  after.machines.resume();
  expect(JSON.parse((await after.ended("a")).output!)).toEqual([
    { id: "slow", at: 0 },
    { id: "x", at: 1 },
    { id: "y", at: 2 },
  ]);
  expect(after.pool.calls.map(({ event }) => (event as { id: string }).id)).toEqual(["slow"]);
});

test("a failing task is retried by the platform clock, then caught by its name", async () => {
  const retrying = {
    Try: {
      Type: "Task",
      Resource: work,
      Retry: [{ ErrorEquals: ["Busy"], IntervalSeconds: 300, BackoffRate: 2, MaxAttempts: 2 }],
      Catch: [{ ErrorEquals: ["Busy"], ResultPath: "$.error", Next: "After" }],
      End: true,
    },
    After: { Type: "Pass", End: true },
  };
  const { machines, clock, pool, begin, ended } = start(retrying, () => {
    throw new FunctionError("Busy", "later");
  });
  await begin("a", { id: 1 });
  for (const [calls, wait] of [
    [1, 5 * minute],
    [2, 10 * minute],
  ] as const) {
    await until(() => pool.calls.length === calls && machines.quiet());
    clock.advance(wait - 5000);
    expect(pool.calls).toHaveLength(calls);
    clock.advance(5000);
  }
  expect(JSON.parse((await ended("a")).output!)).toEqual({
    id: 1,
    error: { Error: "Busy", Cause: '{"errorType":"Busy","errorMessage":"later"}' },
  });
  expect(pool.calls).toHaveLength(3);
});

test("an error nobody catches fails the execution with its name and cause", async () => {
  const { begin, ended } = start({ Give: { Type: "Fail", Error: "NoUse", Cause: "said so" } }, () => null);
  await begin("a", {});
  expect(await ended("a")).toMatchObject({ status: "FAILED", error: "NoUse", cause: "said so" });
});

test("the first failing branch of a Parallel ends the others", async () => {
  const branch = (state: object) => ({ StartAt: "B", States: { B: state } });
  const { machines, begin, ended } = start(
    {
      Both: {
        Type: "Parallel",
        Branches: [branch({ Type: "Wait", Seconds: 3600, End: true }), branch({ Type: "Fail", Error: "Broken" })],
        Catch: [{ ErrorEquals: ["Broken"], Next: "Caught" }],
        End: true,
      },
      Caught: { Type: "Pass", Result: "caught", End: true },
    },
    () => null,
  );
  await begin("a", {});
  expect(await ended("a")).toMatchObject({ status: "SUCCEEDED", output: '"caught"' });
  expect(machines.quiet()).toBe(true);
});

test("lambda:invoke hands on its Payload and wraps the answer as the service does", async () => {
  const invoke = {
    Call: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke",
      Parameters: { FunctionName: work, "Payload.$": "$.deep" },
      ResultSelector: { "answer.$": "$.Payload.ok" },
      End: true,
    },
  };
  const { pool, begin, ended } = start(invoke, () => ({ ok: 1 }));
  await begin("a", { deep: { x: 1 } });
  expect((await ended("a")).output).toBe('{"answer":1}');
  expect(pool.calls[0]).toMatchObject({ functionId: "Work", event: { x: 1 } });
});

test("a stopped execution does nothing more", async () => {
  const { machines, clock, pool, begin, call } = start(loop, () => ({ done: true }));
  const { body } = await begin("a", { wait: 60 });
  await call("StopExecution", { ...body, error: "Ops", cause: "by hand" });
  expect(machines.executions()[0]).toMatchObject({ status: "ABORTED", error: "Ops", at: [] });
  clock.advance(10 * minute);
  await until(() => machines.quiet());
  expect(pool.calls).toHaveLength(0);
});

test("an execution that takes longer than its machine allows times out", async () => {
  const { clock, begin, ended } = start(loop, () => ({}), tempFolder(), { TimeoutSeconds: 60 });
  await begin("a", { wait: 3600 });
  clock.advance(61_000);
  expect(await ended("a")).toMatchObject({ status: "TIMED_OUT", error: "States.Timeout" });
});
