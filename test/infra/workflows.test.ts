import { readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { createClock } from "../../local/clock.ts";
import { createStateMachines } from "../../local/state-machines.ts";
import { arn, handPool, handTemplate, tempFolder, until } from "../local/fakes.ts";

// The package ships no types.
const validate: (definition: unknown) => { isValid: boolean; errorsText(): string } = createRequire(import.meta.url)(
  "asl-validator",
);

function definition(workflow: string) {
  const path = join(import.meta.dirname, "../../functions/workflows", workflow, "definition.asl.json");
  return JSON.parse(readFileSync(path, "utf8").replaceAll(/\$\{\w+\}/g, arn("lambda", "function:Task")));
}

interface Level {
  States: Record<string, { Type: string; Retry: Record<string, never>[]; ItemProcessor?: Level }>;
}
const tasksOf = ({ States }: Level): Level["States"][string][] =>
  Object.values(States).flatMap((state) => [
    ...(state.Type === "Task" ? [state] : []),
    ...(state.ItemProcessor ? tasksOf(state.ItemProcessor) : []),
  ]);

const past = "2020-01-01T00:00:00.000Z";
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Runs a machine on the embedded default's interpreter, its task by `task`; a clock that is moved makes every wait short. */
async function run(workflow: string, input: object, task: (input: never) => Promise<unknown>) {
  const folder = tempFolder();
  const template = handTemplate({
    Task: { type: "AWS::Lambda::Function", properties: {} },
    Machine: {
      type: "AWS::StepFunctions::StateMachine",
      properties: { DefinitionString: JSON.stringify(definition(workflow)), RoleArn: arn("iam", "role/R") },
    },
  });
  const db = new DatabaseSync(join(folder, "runner.db"));
  const clock = createClock({ dataDir: folder });
  const pool = handPool(({ event }) => task(event as never));
  const entered: string[] = [];
  const machines = createStateMachines({
    template,
    db,
    pool,
    clock,
    barred: () => undefined,
    log: () => {},
    observe: (use) => use.kind === "transition" && entered.push(use.state),
  });
  ends.push(() => {
    machines.stop();
    clock.stop();
    db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = { stateMachineArn: arn("states", "stateMachine:Machine"), name: "it", input: JSON.stringify(input) };
  await machines.service({ action: "StartExecution", body: Buffer.from(JSON.stringify(start)) } as never);
  const execution = () => machines.executions({ name: "it" })[0];
  await until(() => {
    if (execution()?.status === "RUNNING" && machines.quiet() && pool.busy === 0) clock.advance(3_600_000);
    return execution() !== undefined && execution()?.status !== "RUNNING";
  }, "the end of the machine");
  const { status, output } = execution()!;
  const given = pool.calls.map(({ event }) => event);
  return { status, result: JSON.parse(output ?? "null") as unknown, given, entered };
}

describe.each(["group-deadline", "refund"])("the %s machine", (workflow) => {
  it("is valid Amazon States Language", () => {
    const found = validate(definition(workflow));
    expect(found.errorsText()).toBe("");
    expect(found.isValid).toBe(true);
  });

  it("uses nothing the embedded interpreter would silently ignore", () => {
    const seen: string[] = [];
    const walk = (value: unknown): void => {
      if (typeof value === "string") {
        expect(value).not.toContain("{%");
        expect(value).not.toMatch(/^arn:aws:states:|waitForTaskToken/);
      }
      if (typeof value !== "object" || value === null) return;
      for (const [key, inner] of Object.entries(value)) {
        seen.push(key);
        walk(inner);
      }
    };
    walk(definition(workflow));
    expect(seen).toContain("TimestampPath");
    const unsupported = ["QueryLanguage", "Assign", "Output", "Arguments", "Condition", "ItemReader", "ItemBatcher"];
    unsupported.push("ResultWriter", "ProcessorConfig", "HeartbeatSeconds", "HeartbeatSecondsPath", "Credentials");
    expect(seen.filter((key) => unsupported.includes(key))).toEqual([]);
  });

  it("tries a failing task again for a day, so that money never stops moving", () => {
    const tasks = tasksOf(definition(workflow));
    expect(tasks.length).toBeGreaterThan(0);
    for (const { Retry } of tasks) {
      expect(Retry).toHaveLength(1);
      const retry = Retry[0] as unknown as { ErrorEquals: string[]; MaxAttempts: number; MaxDelaySeconds: number };
      expect(retry.ErrorEquals).toEqual(
        expect.arrayContaining([
          "States.TaskFailed",
          "States.Timeout",
          "Lambda.ServiceException",
          "Lambda.TooManyRequestsException",
        ]),
      );
      // Full jitter halves the delay on average.
      expect((retry.MaxAttempts * retry.MaxDelaySeconds) / 2).toBeGreaterThanOrEqual(86_400);
    }
  });
});

describe("a team's deadline", () => {
  it("is asked about once, with two transitions; what is undecided then is the sweep's", async () => {
    for (const outcome of ["done", "undecided"]) {
      const task = async () => ({ teamId: "TM1", outcome });
      const { status, given, entered } = await run("group-deadline", { teamId: "TM1", waitUntil: past }, task);
      expect(status).toBe("SUCCEEDED");
      expect(given).toEqual([{ teamId: "TM1", waitUntil: past }]);
      expect(entered).toEqual(["Wait", "Settle"]);
    }
  });

  it("survives a task that fails a few times", async () => {
    let calls = 0;
    const { status, result } = await run("group-deadline", { teamId: "TM1", waitUntil: past }, async () => {
      calls += 1;
      if (calls < 4) throw new Error("the table did not answer");
      return { teamId: "TM1", outcome: "done" };
    });
    expect(calls).toBe(4);
    expect({ status, result }).toMatchObject({ status: "SUCCEEDED", result: { outcome: "done" } });
  });
});

describe("a refund", () => {
  const step = (outcome: string, round: number) => ({
    orderId: "OR1",
    refundId: "RF1",
    round,
    outcome,
    waitUntil: past,
  });
  const next = (outcome: string, round: number) => ({
    ...step(outcome, round),
    unfinished: outcome === "done" ? [] : [step(outcome, round)],
  });
  const asked = { task: "request", refund: { orderId: "OR1", refundId: "RF1" } };
  /** The task of a refund whose checks have these outcomes; each request counts one round more. */
  const refund = (outcomes: string[]) => {
    let round = 0;
    return async ({ task }: { task: string }) =>
      task === "request" ? next("pending", ++round) : next(outcomes.shift() ?? "done", round);
  };

  it("is requested once and checked once in the plain case, with four transitions", async () => {
    const { status, given, entered } = await run("refund", asked.refund, refund(["done"]));
    expect(entered).toEqual(["Request", "Wait", "Check", "Unfinished"]);
    expect(status).toBe("SUCCEEDED");
    expect(given).toEqual([asked, { task: "check", refund: next("pending", 1) }]);
  });

  it("is checked again, not requested, while the channel works on it", async () => {
    const { status, given } = await run("refund", asked.refund, refund(["pending", "pending", "done"]));
    expect(status).toBe("SUCCEEDED");
    // the first from what was requested, the second from the list that Check answered, the third from the loop itself
    expect(given).toEqual([
      asked,
      { task: "check", refund: next("pending", 1) },
      { task: "check", refund: step("pending", 1) },
      { task: "check", refund: next("pending", 1) },
    ]);
  });

  it("is requested again, with what the last round learned, when the channel wants it again", async () => {
    const { given } = await run("refund", asked.refund, refund(["again", "done"]));
    expect(given).toEqual([
      asked,
      { task: "check", refund: next("pending", 1) },
      { task: "request", refund: step("again", 1) },
      { task: "check", refund: next("pending", 2) },
    ]);
  });
});
