import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { StateMachine } from "aws-local-stepfunctions";
import { describe, expect, it } from "vitest";

// The package ships no types.
const validate: (definition: unknown) => { isValid: boolean; errorsText(): string } = createRequire(import.meta.url)(
  "asl-validator",
);

function definition(workflow: string) {
  const path = join(import.meta.dirname, "../../functions/workflows", workflow, "definition.asl.json");
  const arn = "arn:aws:lambda:ap-northeast-1:000000000000:function:Task";
  return JSON.parse(readFileSync(path, "utf8").replaceAll(/\$\{\w+\}/g, arn));
}

const past = "2020-01-01T00:00:00.000Z";

/** Runs a machine on real time; waits are over at once, since their time is past. Gives the states it went through. */
async function run(workflow: string, input: object, tasks: Record<string, (input: never) => Promise<unknown>>) {
  const machine = new StateMachine(definition(workflow));
  const execution = machine.run(input as never, {
    overrides: {
      taskResourceLocalHandlers: tasks as never,
      retryIntervalOverrides: Object.fromEntries(Object.keys(tasks).map((state) => [state, 0])),
    },
  });
  const states: string[] = [];
  for await (const event of execution.eventLogs) {
    if (event.type.endsWith("StateEntered") && "state" in event) states.push((event.state as { name: string }).name);
  }
  return { result: await execution.result, states };
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
    const tasks = Object.values<{ Type: string; Retry: Record<string, never>[] }>(definition(workflow).States).filter(
      ({ Type }) => Type === "Task",
    );
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
  it("costs four transitions where nothing is left to decide", async () => {
    const given: unknown[] = [];
    const { states } = await run(
      "group-deadline",
      { teamId: "TM1", waitUntil: past },
      {
        Settle: async (input) => {
          given.push(input);
          return { teamId: "TM1", outcome: "done" };
        },
      },
    );
    expect(states).toEqual(["Wait", "Settle", "Settled", "Done"]);
    expect(given).toEqual([{ teamId: "TM1", waitUntil: past }]);
  });

  it("is looked at again as long as it is not yet due, or undecided", async () => {
    const outcomes = ["not_yet", "undecided", "done"];
    const { states, result } = await run(
      "group-deadline",
      { teamId: "TM1", waitUntil: past },
      {
        Settle: async () => ({ teamId: "TM1", outcome: outcomes.shift(), waitUntil: past }),
      },
    );
    expect(states.filter((state) => state === "Settle")).toHaveLength(3);
    expect(result).toMatchObject({ outcome: "done" });
  });

  it("survives a task that fails a few times", async () => {
    let calls = 0;
    const { result } = await run(
      "group-deadline",
      { teamId: "TM1", waitUntil: past },
      {
        Settle: async () => {
          calls += 1;
          if (calls < 4) throw new Error("the table did not answer");
          return { teamId: "TM1", outcome: "done" };
        },
      },
    );
    expect(calls).toBe(4);
    expect(result).toMatchObject({ outcome: "done" });
  });
});

describe("a refund", () => {
  const next = (outcome: string, round: number) => ({
    orderId: "OR1",
    refundId: "RF1",
    round,
    outcome,
    waitUntil: past,
  });

  it("is requested once and checked once in the plain case, in five transitions", async () => {
    const given: unknown[] = [];
    const { states } = await run(
      "refund",
      { orderId: "OR1", refundId: "RF1" },
      {
        Request: async (input) => {
          given.push(input);
          return next("pending", 1);
        },
        Check: async (input) => {
          given.push(input);
          return next("done", 1);
        },
      },
    );
    expect(states).toEqual(["Request", "Wait", "Check", "Checked", "Done"]);
    expect(given).toEqual([
      { task: "request", refund: { orderId: "OR1", refundId: "RF1" } },
      { task: "check", refund: next("pending", 1) },
    ]);
  });

  it("is checked again while the channel works on it, and costs eight transitions then", async () => {
    const outcomes = ["pending", "done"];
    const { states } = await run(
      "refund",
      { orderId: "OR1", refundId: "RF1" },
      {
        Request: async () => next("pending", 1),
        Check: async () => next(outcomes.shift() ?? "done", 1),
      },
    );
    expect(states).toEqual(["Request", "Wait", "Check", "Checked", "Wait", "Check", "Checked", "Done"]);
  });

  it("is requested again, with what the last round learned, when the channel wants it again", async () => {
    const requested: unknown[] = [];
    const outcomes = ["again", "done"];
    await run(
      "refund",
      { orderId: "OR1", refundId: "RF1" },
      {
        Request: async (input) => {
          requested.push(input);
          return next("pending", requested.length);
        },
        Check: async () => next(outcomes.shift() ?? "done", 2),
      },
    );
    expect(requested).toEqual([
      { task: "request", refund: { orderId: "OR1", refundId: "RF1" } },
      { task: "request", refund: next("again", 2) },
    ]);
  });
});
