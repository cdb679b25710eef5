import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  type ChoiceRule,
  checkDefinition,
  type Definition,
  filled,
  holds,
  lookUp,
  namesError,
  retryDelayMs,
  withResult,
} from "../../local/asl.ts";

const input = { team: { id: "TM1", seats: [{ n: 1 }, { n: 2 }] }, "odd name": true, at: "2026-03-01T12:00:00Z" };

test("a reference path finds members, list places and quoted names, and nothing where nothing is", () => {
  expect(lookUp("$.team.seats[1].n", input, {})).toBe(2);
  expect(lookUp("$.team.seats[-1].n", input, {})).toBe(2);
  expect(lookUp("$['odd name']", input, {})).toBe(true);
  expect(lookUp("$$.Execution.Name", input, { Execution: { Name: "x" } })).toBe("x");
  expect(lookUp("$.team.missing.deeper", input, {})).toBeUndefined();
  expect(() => lookUp("$.team.seats[*].n", input, {})).toThrow("plain reference path");
});

test("a result replaces the input, is put at a path beside it, or is dropped", () => {
  expect(withResult(undefined, { a: 1 }, { b: 2 })).toEqual({ b: 2 });
  expect(withResult("$.x.y", { a: 1 }, { b: 2 })).toEqual({ a: 1, x: { y: { b: 2 } } });
  expect(withResult(null, { a: 1 }, { b: 2 })).toEqual({ a: 1 });
});

test("a payload template fills paths and intrinsic functions at any depth", () => {
  const template = {
    "id.$": "$.team.id",
    fixed: "$.team.id",
    inner: [{ "text.$": "States.Format('{} has {}, it\\'s {}', $.team.id, States.ArrayLength($.team.seats), 'so')" }],
    "sum.$": "States.MathAdd(2, -3)",
    "parts.$": "States.ArrayPartition(States.Array(1, 2, 3), 2)",
    "hash.$": "States.Hash('a', 'SHA-256')",
  };
  expect(filled(template, input, {})).toEqual({
    id: "TM1",
    fixed: "$.team.id",
    inner: [{ text: "TM1 has 2, it's so" }],
    sum: -1,
    parts: [[1, 2], [3]],
    hash: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
  });
  expect(() => filled({ "x.$": "States.Nothing(1)" }, input, {})).toThrow("States.IntrinsicFailure");
  expect(() => filled({ "x.$": "$.missing" }, input, {})).toThrow("States.ParameterPathFailure");
});

test("choice rules compare by type, combine, and see whether something is there", () => {
  const holdsOn = (rule: ChoiceRule): boolean => holds(rule, input, {});
  expect(holdsOn({ Variable: "$.team.id", StringEquals: "TM1" })).toBe(true);
  expect(holdsOn({ Variable: "$.team.id", NumericEquals: 1 })).toBe(false);
  expect(holdsOn({ Variable: "$.team.id", StringMatches: "T*1" })).toBe(true);
  expect(holdsOn({ Variable: "$.at", TimestampLessThan: "2026-03-01T20:00:01+08:00" })).toBe(true);
  expect(holdsOn({ Variable: "$.team.seats[0].n", NumericLessThanPath: "$.team.seats[1].n" })).toBe(true);
  expect(holdsOn({ Variable: "$.missing", IsPresent: false })).toBe(true);
  expect(holdsOn({ Not: { Or: [{ Variable: "$.missing", IsPresent: true }] } })).toBe(true);
  expect(() => holdsOn({ Variable: "$.missing", StringEquals: "x" })).toThrow("names nothing");
});

test("retries wait longer each time up to their cap, and error lists know the wildcards", () => {
  const retrier = { ErrorEquals: [], IntervalSeconds: 5, BackoffRate: 2, MaxDelaySeconds: 12 };
  expect([1, 2, 3].map((attempt) => retryDelayMs(retrier, attempt))).toEqual([5000, 10_000, 12_000]);
  expect(namesError(["States.TaskFailed"], "TypeError")).toBe(true);
  expect(namesError(["States.TaskFailed"], "States.Timeout")).toBe(false);
  expect(namesError(["States.ALL"], "States.Timeout")).toBe(true);
});

test("what is not run is refused when a machine is loaded, by the name of its state", () => {
  const machine = (state: object, more: object = {}): Definition => ({
    StartAt: "One",
    States: { One: state as never },
    ...more,
  });
  expect(() => checkDefinition("M", machine({ Type: "Succeed" }, { QueryLanguage: "JSONata" }))).toThrow("JSONata");
  expect(() => checkDefinition("M", machine({ Type: "Pass", Assign: { a: 1 }, End: true }))).toThrow(
    "state One: Assign",
  );
  const task = { Type: "Task", Resource: "arn:aws:states:::sqs:sendMessage", End: true };
  expect(() => checkDefinition("M", machine(task))).toThrow("sqs:sendMessage");
  const token = { ...task, Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken" };
  expect(() => checkDefinition("M", machine(token))).toThrow("waitForTaskToken");
  expect(() =>
    checkDefinition("M", machine({ Type: "Choice", Choices: [{ Variable: "$", Looks: 1, Next: "One" }] })),
  ).toThrow("operator");
});

const workflows = new URL("../../functions/workflows/", import.meta.url);
test.each(readdirSync(workflows))("the definition of %s holds nothing that is not run here", (name) => {
  const text = readFileSync(new URL(`${name}/definition.asl.json`, workflows), "utf8");
  const definition = JSON.parse(text.replace(/\$\{(\w+)\}/g, "arn:aws:lambda:ap-northeast-1:000000000000:function:$1"));
  expect(() => checkDefinition(name, definition)).not.toThrow();
});
