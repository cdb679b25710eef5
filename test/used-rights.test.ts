import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, inject, test, vi } from "vitest";
import type { TestModule, Vitest } from "vitest/node";
import { stackName } from "../local/assembly.ts";
import { loadPolicies, usedByAws } from "../local/iam.ts";
import { startPlatform } from "../local/platform.ts";
import { loadTemplate } from "../local/template.ts";
import { readUses, USE_FOLDER } from "../local/use-record.ts";
import ClosingLineReporter from "./closing-line-reporter.ts";
import { reportRights } from "./used-rights.ts";

const assembly = inject("assembly");
const folder = mkdtempSync(join(tmpdir(), "commensal-rights-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

interface Statement {
  Action: string | string[];
  Resource: unknown;
}
/** The assembly of the present sources with the statements of a function's policy changed. */
function planted(name: string, functionId: string, change: (statements: Statement[]) => void): string {
  const to = join(folder, name);
  cpSync(assembly, to, { recursive: true });
  const file = join(to, `${stackName}.template.json`);
  const template = JSON.parse(readFileSync(file, "utf8"));
  const [, policy] = Object.entries<{ Properties: { PolicyDocument: { Statement: Statement[] } } }>(
    template.Resources,
  ).find(([id]) => id.startsWith(`${functionId}RoleDefaultPolicy`))!;
  change(policy.Properties.PolicyDocument.Statement);
  writeFileSync(file, JSON.stringify(template));
  return to;
}
const everything = loadPolicies(loadTemplate(assembly, stackName)).granted([]);

test("a run that needed every right says how many there are", () => {
  expect(everything.length).toBeGreaterThan(50);
  expect(reportRights(assembly, everything, true)).toEqual({
    lines: [`rights: ${everything.length} granted, all used`],
    failed: false,
  });
});

test("a right that nobody needs fails the whole run, by its name and with the remedy", () => {
  const generous = planted("generous", "Projections", (statements) => {
    const table = statements.find(({ Action }) => String(Action).includes("dynamodb:PutItem"))!;
    statements.push({ Action: "dynamodb:DeleteItem", Resource: table.Resource });
  });
  const { lines, failed } = reportRights(generous, everything, true);
  expect(failed).toBe(true);
  expect(lines[0]).toMatch(/1 needed by no call of the whole run; take it out \(infra\/grants.ts\)/);
  expect(lines[1]).toContain(
    "Projections: dynamodb:DeleteItem on arn:aws:dynamodb:ap-northeast-1:000000000000:table/Table",
  );
  expect(lines).toHaveLength(2);
  // of single files it only tells
  expect(reportRights(generous, everything, false)).toMatchObject({ failed: false });
});

test("a run in which no call was seen proves nothing, and fails", () => {
  expect(reportRights(assembly, [], true)).toMatchObject({ failed: true, lines: [/no call was seen/] });
  expect(reportRights(assembly, [], false)).toEqual({ failed: false, lines: [] });
});

test("a call whose right was left out is refused to the running function, and what it was let do is on record", async () => {
  const mean = planted("mean", "Reconcile", (statements) => {
    for (const each of statements)
      each.Action = [each.Action].flat().map((action) => (action === "dynamodb:Query" ? "dynamodb:Scan" : action));
  });
  const platform = await startPlatform({ dataDir: join(folder, "data"), assembly: mean });
  try {
    await expect(platform.functions.invoke("Reconcile", {})).rejects.toThrow(
      /is not authorized to perform: dynamodb:Query on resource: .*table\/Table because no identity-based policy allows/,
    );
  } finally {
    await platform.stop();
  }
  const record = process.env[USE_FOLDER]!;
  const uses = readUses(record, mean).filter((use) => use.function === "Reconcile");
  expect(uses.map(({ action }) => action)).toEqual(["ssm:GetParameters"]);
  // what runs on another assembly says nothing of this one's rights
  expect(readUses(record, join(folder, "generous"))).toEqual([]);
});

test("what is left to AWS's own services is granted to somebody, and is no call of a function's code", () => {
  const template = JSON.stringify(loadTemplate(assembly, stackName).byType("AWS::IAM::Policy"));
  const actions = usedByAws.flatMap((each) => each.actions);
  for (const action of actions) expect(template, action).toContain(`"${action}"`);
  // the clients of functions/adapters and functions/runtime
  expect(
    actions.filter((action) => /^(kms|states|ssm|geo|secretsmanager|dynamodb:.*(Item|Query|Scan))/.test(action)),
  ).toEqual([]);
});

test("the closing line holds a whole run, but no run of single files, to the rights", () => {
  const root = join(folder, "project");
  const record = join(folder, "record");
  for (const made of ["test/long", "record"])
    mkdirSync(made === "record" ? record : join(root, made), { recursive: true });
  for (const file of ["test/a.test.ts", "test/b.test.ts", "test/long/c.test.ts"]) writeFileSync(join(root, file), "");
  vi.stubEnv(USE_FOLDER, record);
  const said: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => said.push(String(text)) > 0);
  const exitCode = process.exitCode;
  const closing = (...ran: string[]) => {
    const reporter = new ClosingLineReporter();
    reporter.onInit({ config: { root }, getProvidedContext: () => ({ assembly }) } as unknown as Vitest);
    const module = (name: string) => ({
      moduleId: join(root, "test", `${name}.test.ts`),
      children: { allTests: () => [{ result: () => ({ state: "passed" }), meta: () => ({}) }] },
      state: () => "passed",
      errors: () => [],
    });
    reporter.onTestRunEnd(ran.map(module) as unknown as TestModule[], []);
    const outcome = [said.at(-1), process.exitCode];
    process.exitCode = exitCode;
    return outcome;
  };
  try {
    expect(closing("a")).toEqual(["tests: 1 passed, 0 failed, 0 skipped\n", exitCode]);
    expect(closing("long/c")).toEqual(["tests: 1 passed, 0 failed, 0 skipped\n", exitCode]);
    // no call is on record
    expect(closing("a", "b")).toEqual(["tests: 2 passed, 1 failed, 0 skipped\n", 1]);
    writeFileSync(
      join(record, "1.jsonl"),
      everything.map((use) => `${JSON.stringify({ assembly, ...use })}\n`).join(""),
    );
    expect(closing("a", "b")).toEqual(["tests: 2 passed, 0 failed, 0 skipped\n", exitCode]);
    expect(said.at(-2)).toMatch(/^rights: \d+ granted, all used\n$/);
  } finally {
    vi.unstubAllEnvs();
  }
});
