import { readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import {
  checkDefinition,
  type Definition,
  filled,
  holds,
  type Json,
  namesError,
  retryDelayMs,
  type State,
  StatesError,
  selected,
  valueAt,
  withResult,
} from "./asl.ts";
import { awsError, awsJson } from "./aws-answer.ts";
import {
  type AwsAnswer,
  type AwsService,
  FunctionError,
  type FunctionPool,
  type Observe,
  type PlatformClock,
  type Template,
} from "./parts.ts";

interface Execution {
  arn: string;
  machine: string;
  machineArn: string;
  name: string;
  input: string;
  status: "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";
  output: string | null;
  error: string | null;
  cause: string | null;
  started: number;
  stopped: number | null;
}

export interface StateMachines {
  /** Answers StartExecution, DescribeExecution, ListExecutions and StopExecution. */
  service: AwsService;
  /** Executions, newest first, with the state each running one is in and when it wakes (epoch ms). */
  executions(filter?: {
    status?: string;
    machine?: string;
    name?: string;
  }): (Execution & { at: { state: string; wakesAt: number | null }[] })[];
  /** True when no execution has anything to do before the clock moves on. */
  quiet(): boolean;
  /** Goes on with what a stopped process left running. */
  resume(): void;
  /** Lets go of everything under way; the journal keeps its place. */
  stop(): void;
}

/** One level of an execution: the root, or a branch of a Parallel or an item of a Map in it. */
interface Frame {
  state: string;
  input: Json;
  /** Retries used, by retrier of the state. */
  attempts: number[];
  /** When a Wait or a retry goes on, epoch ms. */
  wake: number | null;
}

/** The process stops, or the execution was ended from outside: leave without touching the journal. */
class Halt extends Error {}

const ninetyDays = 90 * 24 * 3600 * 1000;

/**
 * Runs the state machines of the template. Every transition is journalled in `db` before it is acted on, so that after
 * `kill -9` an execution re-enters the state it was in: a task that was under way runs again, a wait keeps its end.
 */
export function createStateMachines(parts: {
  template: Template;
  db: DatabaseSync;
  pool: FunctionPool;
  clock: PlatformClock;
  /** Why the role of a machine may not invoke a function; undefined where it may. Both by ARN. */
  barred: (roleArn: string, functionArn: string) => string | undefined;
  log: (line: string) => void;
  /** Is told of every state that is entered, also again after a failure. */
  observe?: Observe | undefined;
}): StateMachines {
  const { template, db, pool, clock, barred, log, observe } = parts;
  db.exec(`
    CREATE TABLE IF NOT EXISTS execution (
      arn TEXT PRIMARY KEY, machine TEXT, machineArn TEXT, name TEXT, input TEXT, status TEXT,
      output TEXT, error TEXT, cause TEXT, started INTEGER, stopped INTEGER);
    CREATE INDEX IF NOT EXISTS execution_by_start ON execution (machine, started);
    CREATE INDEX IF NOT EXISTS execution_running ON execution (status) WHERE status = 'RUNNING';
    CREATE TABLE IF NOT EXISTS frame (
      execution TEXT, path TEXT, state TEXT, input TEXT, attempts TEXT, wake INTEGER, output TEXT,
      PRIMARY KEY (execution, path)) WITHOUT ROWID;`);
  const sql = {
    find: db.prepare("SELECT * FROM execution WHERE arn = ?"),
    add: db.prepare(
      "INSERT INTO execution (arn, machine, machineArn, name, input, status, started) VALUES (?, ?, ?, ?, ?, 'RUNNING', ?)",
    ),
    end: db.prepare(
      "UPDATE execution SET status = ?, output = ?, error = ?, cause = ?, stopped = ? WHERE arn = ? AND status = 'RUNNING'",
    ),
    running: db.prepare("SELECT * FROM execution WHERE status = 'RUNNING' ORDER BY started"),
    list: db.prepare(
      "SELECT * FROM execution WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR machine = ?2) AND (?3 IS NULL OR name = ?3) ORDER BY started DESC, rowid DESC LIMIT ?4 OFFSET ?5",
    ),
    prune: db.prepare("DELETE FROM execution WHERE stopped < ?"),
    frame: db.prepare("SELECT * FROM frame WHERE execution = ? AND path = ?"),
    frames: db.prepare("SELECT state, wake FROM frame WHERE execution = ? AND output IS NULL ORDER BY path"),
    saveFrame: db.prepare("INSERT OR REPLACE INTO frame VALUES (?, ?, ?, ?, ?, ?, ?)"),
    dropFrames: db.prepare("DELETE FROM frame WHERE execution = ? AND (path = ? OR path LIKE ? || '/%')"),
  };
  const machines = new Map(
    template.byType("AWS::StepFunctions::StateMachine").map(({ id }) => [id, loadDefinition(template, id)] as const),
  );
  const halts = new Map<string, AbortController>();
  const sleepers = new Set<{ wake: number }>();
  let active = 0;
  let stopping = false;

  const find = (arn: string): Execution | undefined => sql.find.get(arn) as unknown as Execution | undefined;

  function sleepUntil(wake: number, signal: AbortSignal): Promise<void> {
    const sleeper = { wake };
    sleepers.add(sleeper);
    active--;
    return new Promise<void>((resolve, reject) => {
      const timer = clock.at(wake, resolve);
      signal.addEventListener(
        "abort",
        () => {
          timer.cancel();
          reject(new Halt());
        },
        { once: true },
      );
      if (signal.aborted) signal.dispatchEvent(new Event("abort"));
    }).finally(() => {
      sleepers.delete(sleeper);
      active++;
    });
  }

  async function invoke(state: State, input: Json, context: Json): Promise<Json> {
    const plain = state.Resource?.startsWith("arn:aws:lambda:");
    const effective = state.Parameters === undefined ? input : filled(state.Parameters, input, context);
    const call = effective as { FunctionName?: string; Payload?: Json; InvocationType?: string };
    const arn = plain ? state.Resource! : String(call.FunctionName);
    const id = template.idOfArn(arn);
    if (id === undefined) throw new StatesError("Lambda.ResourceNotFoundException", `Function not found: ${arn}`);
    const barrier = barred((context as { Execution: { RoleArn: string } }).Execution.RoleArn, arn);
    if (barrier !== undefined) {
      log(`state ${state.Resource}: ${barrier}`);
      throw new StatesError("Lambda.AWSLambdaException", barrier);
    }
    const payload = plain ? effective : (call.Payload ?? {});
    const seconds = state.TimeoutSecondsPath
      ? Number(valueAt(state.TimeoutSecondsPath, input, context))
      : state.TimeoutSeconds;
    const label = `states ${(context as { State: { Name: string } }).State.Name}`;
    try {
      const answer = (await withinSeconds(pool.invoke(id, payload, label), seconds)) as Json | undefined;
      return plain ? (answer ?? null) : { ExecutedVersion: "$LATEST", Payload: answer ?? null, StatusCode: 200 };
    } catch (error) {
      if (error instanceof StatesError) throw error;
      const known = error instanceof FunctionError;
      const cause = known ? JSON.stringify({ errorType: error.name, errorMessage: error.message }) : String(error);
      throw new StatesError(known ? error.name : "Lambda.SdkClientException", cause);
    }
  }

  interface Scope {
    execution: Execution;
    definition: Definition;
    path: string;
    signal: AbortSignal;
    context: Record<string, Json>;
  }

  /** Runs one level from where the journal says it is (or its start) to its end; answers its output. */
  async function runFrame(scope: Scope, input: Json): Promise<Json> {
    const { execution, definition, path, signal } = scope;
    const stored = sql.frame.get(execution.arn, path) as Record<string, string | number | null> | undefined;
    if (typeof stored?.output === "string") return JSON.parse(stored.output) as Json;
    let frame: Frame = stored
      ? {
          state: stored.state as string,
          input: JSON.parse(stored.input as string) as Json,
          attempts: JSON.parse(stored.attempts as string) as number[],
          wake: stored.wake as number | null,
        }
      : { state: definition.StartAt, input, attempts: [], wake: null };
    const save = (output: Json | undefined = undefined): void => {
      const done = output === undefined ? null : JSON.stringify(output);
      const { state, attempts, wake } = frame;
      sql.saveFrame.run(execution.arn, path, state, JSON.stringify(frame.input), JSON.stringify(attempts), wake, done);
    };
    active++;
    try {
      if (!stored) save();
      for (;;) {
        if (signal.aborted) throw new Halt();
        const state = definition.States[frame.state]!;
        observe?.({ kind: "transition", machine: execution.machine, execution: execution.name, state: frame.state });
        let next: string | undefined;
        let output: Json;
        try {
          ({ output, next } = await runState(scope, state, frame, save));
        } catch (thrown) {
          if (signal.aborted || !(thrown instanceof StatesError)) throw signal.aborted ? new Halt() : thrown;
          const retried = (state.Retry ?? []).findIndex((retrier) => namesError(retrier.ErrorEquals, thrown.error));
          const retrier = state.Retry?.[retried];
          const used = frame.attempts[retried] ?? 0;
          sql.dropFrames.run(execution.arn, `${path}/${frame.state}`, `${path}/${frame.state}`);
          if (retrier && used < (retrier.MaxAttempts ?? 3)) {
            frame.attempts = Array.from(
              { length: state.Retry!.length },
              (_, i) => (frame.attempts[i] ?? 0) + (i === retried ? 1 : 0),
            );
            frame.wake = Math.round(clock.now() + retryDelayMs(retrier, used + 1));
            save();
            continue;
          }
          const catcher = state.Catch?.find(({ ErrorEquals }) => namesError(ErrorEquals, thrown.error));
          if (!catcher) throw thrown;
          output = withResult(catcher.ResultPath, frame.input, { Error: thrown.error, Cause: thrown.cause });
          next = catcher.Next;
        }
        if (signal.aborted) throw new Halt();
        const left = `${path}/${frame.state}`;
        if (next === undefined) {
          save(output);
          if (state.Branches || state.ItemProcessor || state.Iterator) sql.dropFrames.run(execution.arn, left, left);
          return output;
        }
        frame = { state: next, input: output, attempts: [], wake: null };
        save();
        if (state.Branches || state.ItemProcessor || state.Iterator) sql.dropFrames.run(execution.arn, left, left);
      }
    } finally {
      active--;
    }
  }

  async function runState(
    scope: Scope,
    state: State,
    frame: Frame,
    save: () => void,
  ): Promise<{ output: Json; next?: string }> {
    const context: Json = {
      ...scope.context,
      State: {
        Name: frame.state,
        EnteredTime: new Date(clock.now()).toISOString(),
        RetryCount: frame.attempts.reduce((sum, count) => sum + count, 0),
      },
    };
    const input = selected(state.InputPath, frame.input, context);
    const leave = (output: Json): { output: Json; next?: string } => ({
      output: selected(state.OutputPath, output, context),
      ...(state.Next === undefined ? {} : { next: state.Next }),
    });
    const leaveWith = (result: Json): { output: Json; next?: string } => {
      const shaped = state.ResultSelector === undefined ? result : filled(state.ResultSelector, result, context);
      return leave(withResult(state.ResultPath, frame.input, shaped));
    };
    // A retry that is not due yet; a Wait sets its own end below.
    if (state.Type !== "Wait" && frame.wake !== null) await sleepUntil(frame.wake, scope.signal);
    switch (state.Type) {
      case "Task":
        return leaveWith(await invoke(state, input, context));
      case "Pass": {
        const given = state.Parameters === undefined ? input : filled(state.Parameters, input, context);
        return leave(withResult(state.ResultPath, frame.input, state.Result === undefined ? given : state.Result));
      }
      case "Wait":
        if (frame.wake === null) {
          frame.wake = wakeTime(state, input, context, clock.now());
          save();
        }
        await sleepUntil(frame.wake, scope.signal);
        return leave(input);
      case "Choice": {
        const next = state.Choices?.find((rule) => holds(rule, input, context))?.Next ?? state.Default;
        if (next === undefined) throw new StatesError("States.NoChoiceMatched", `No choice of ${frame.state} holds.`);
        return { output: selected(state.OutputPath, input, context), next };
      }
      case "Succeed":
        return { output: selected(state.OutputPath, input, context) };
      case "Fail":
        throw new StatesError(
          state.ErrorPath ? String(valueAt(state.ErrorPath, input, context)) : (state.Error ?? "States.Fail"),
          state.CausePath ? String(valueAt(state.CausePath, input, context)) : (state.Cause ?? ""),
        );
      case "Parallel": {
        const given = state.Parameters === undefined ? input : filled(state.Parameters, input, context);
        const branches = state.Branches!.map((definition) => ({ definition, input: given, context: scope.context }));
        return leaveWith(await runAll(scope, frame.state, branches, branches.length));
      }
      case "Map": {
        const items = selected(state.ItemsPath, input, context);
        if (!Array.isArray(items)) throw new StatesError("States.Runtime", `The items of ${frame.state} are no list.`);
        const definition = (state.ItemProcessor ?? state.Iterator)!;
        const shape = state.ItemSelector ?? state.Parameters;
        const branches = items.map((Value, Index) => {
          const own = { ...scope.context, Map: { Item: { Index, Value } } };
          return {
            definition,
            input: shape === undefined ? Value : filled(shape, input, { ...context, ...own }),
            context: own,
          };
        });
        return leaveWith(await runAll(scope, frame.state, branches, state.MaxConcurrency || 40));
      }
    }
  }

  /** Branches side by side, at most `width` at once; the first failure ends the others and is thrown. */
  async function runAll(
    scope: Scope,
    state: string,
    branches: { definition: Definition; input: Json; context: Record<string, Json> }[],
    width: number,
  ): Promise<Json[]> {
    const group = new AbortController();
    const signal = AbortSignal.any([scope.signal, group.signal]);
    const outputs: Json[] = [];
    let failure: unknown;
    let taken = 0;
    const lane = async (): Promise<void> => {
      while (taken < branches.length && failure === undefined) {
        const index = taken++;
        const { definition, input, context } = branches[index]!;
        const path = `${scope.path}/${state}/${index}`;
        try {
          outputs[index] = await runFrame({ execution: scope.execution, definition, path, signal, context }, input);
        } catch (error) {
          failure ??= error;
          group.abort();
        }
      }
    };
    active--;
    try {
      await Promise.all(Array.from({ length: Math.min(width, branches.length) }, lane));
    } finally {
      active++;
    }
    if (failure !== undefined) throw failure;
    return outputs;
  }

  function run(execution: Execution): void {
    const definition = machines.get(execution.machine);
    if (!definition) {
      log(`execution ${execution.arn}: the machine ${execution.machine} is no longer in the template; it is ended`);
      end(execution, "ABORTED", null, "States.Runtime", "The state machine is gone.");
      return;
    }
    const halt = new AbortController();
    halts.set(execution.arn, halt);
    const input = JSON.parse(execution.input) as Json;
    const context: Record<string, Json> = {
      Execution: {
        Id: execution.arn,
        Name: execution.name,
        Input: input,
        StartTime: new Date(execution.started).toISOString(),
        RoleArn: String(template.byId(execution.machine).properties.RoleArn ?? ""),
      },
      StateMachine: { Id: execution.machineArn, Name: execution.machineArn.split(":").at(-1) ?? "" },
    };
    const limit = definition.TimeoutSeconds;
    const alarm =
      limit === undefined
        ? undefined
        : clock.at(execution.started + limit * 1000, () => {
            end(execution, "TIMED_OUT", null, "States.Timeout", `The execution took more than ${limit} s.`);
            halt.abort();
          });
    runFrame({ execution, definition, path: "", signal: halt.signal, context }, input)
      .then((output) => end(execution, "SUCCEEDED", JSON.stringify(output), null, null))
      .catch((error: unknown) => {
        if (error instanceof Halt || stopping) return;
        const known = error instanceof StatesError ? error : new StatesError("States.Runtime", String(error));
        log(`execution ${execution.arn} failed: ${known.message}`);
        end(execution, known.error === "States.Timeout" ? "TIMED_OUT" : "FAILED", null, known.error, known.cause);
      })
      .finally(() => {
        alarm?.cancel();
        halts.delete(execution.arn);
      });
  }

  function end(
    execution: Execution,
    status: string,
    output: string | null,
    error: string | null,
    cause: string | null,
  ): void {
    sql.end.run(status, output, error, cause, clock.now(), execution.arn);
    sql.dropFrames.run(execution.arn, "", "");
  }

  const actions: Record<string, (input: Record<string, unknown>) => AwsAnswer> = {
    StartExecution(request) {
      const machineArn = String(request.stateMachineArn);
      const machine = template.idOfArn(machineArn);
      if (machine === undefined || !machines.has(machine)) {
        return awsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${machineArn}'`);
      }
      const name = String(request.name ?? crypto.randomUUID());
      if (!/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u.test(name))
        return awsError("InvalidName", `Invalid Name: '${name}'`);
      const input = String(request.input ?? "{}");
      if (input.length > 262_144 || !isJson(input))
        return awsError("InvalidExecutionInput", "Invalid State Machine Execution Input");
      const arn = `${machineArn.replace(":stateMachine:", ":execution:")}:${name}`;
      const known = find(arn);
      if (known && (known.status !== "RUNNING" || known.input !== input)) {
        return awsError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);
      }
      const started = known?.started ?? clock.now();
      if (!known) {
        sql.add.run(arn, machine, machineArn, name, input, started);
        run(find(arn)!);
      }
      return awsJson({ executionArn: arn, startDate: seconds(started) });
    },
    DescribeExecution(request) {
      const found = find(String(request.executionArn));
      if (!found) return awsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${request.executionArn}'`);
      return awsJson({
        ...summary(found),
        input: found.input,
        inputDetails: { included: true },
        ...(found.output === null ? {} : { output: found.output, outputDetails: { included: true } }),
        ...(found.error === null ? {} : { error: found.error, cause: found.cause ?? "" }),
      });
    },
    ListExecutions(request) {
      const machine = template.idOfArn(String(request.stateMachineArn));
      if (machine === undefined || !machines.has(machine)) {
        return awsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${request.stateMachineArn}'`);
      }
      const from = Number(request.nextToken ?? 0);
      const count = Number(request.maxResults ?? 100) || 100;
      const status = (request.statusFilter as string | undefined) ?? null;
      const rows = sql.list.all(status, machine, null, count, from) as unknown as Execution[];
      return awsJson({
        executions: rows.map(summary),
        ...(rows.length === count ? { nextToken: String(from + count) } : {}),
      });
    },
    StopExecution(request) {
      const found = find(String(request.executionArn));
      if (!found) return awsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${request.executionArn}'`);
      const { error = null, cause = null } = request as { error?: string; cause?: string };
      if (found.status === "RUNNING") {
        end(found, "ABORTED", null, error, cause);
        halts.get(found.arn)?.abort();
      }
      return awsJson({ stopDate: seconds(found.stopped ?? clock.now()) });
    },
  };

  return {
    service: async ({ action, body }) => {
      const run = actions[action];
      if (!run)
        return awsError("UnknownOperationException", `The embedded default has no Step Functions action ${action}.`);
      return run(JSON.parse(body.toString() || "{}") as Record<string, unknown>);
    },
    executions: ({ status, machine, name } = {}) =>
      (sql.list.all(status ?? null, machine ?? null, name ?? null, 1000, 0) as unknown as Execution[]).map((found) => ({
        ...found,
        at: (sql.frames.all(found.arn) as { state: string; wake: number | null }[]).map(({ state, wake }) => ({
          state,
          wakesAt: wake,
        })),
      })),
    quiet: () => active === 0 && ![...sleepers].some(({ wake }) => wake <= clock.now()),
    resume: () => {
      sql.prune.run(clock.now() - ninetyDays);
      for (const execution of sql.running.all() as unknown as Execution[]) run(execution);
    },
    stop: () => {
      stopping = true;
      for (const halt of halts.values()) halt.abort();
    },
  };
}

/** The definition of a machine of the template, checked against what is run here. */
export function loadDefinition(template: Template, id: string): Definition {
  const { properties } = template.byId(id);
  const location = properties.DefinitionS3Location as { Key: string } | undefined;
  const given = properties.DefinitionString ?? properties.Definition;
  let text = location
    ? readFileSync(template.assetFolder(location.Key), "utf8")
    : typeof given === "string"
      ? given
      : JSON.stringify(given);
  for (const [name, value] of Object.entries((properties.DefinitionSubstitutions as Record<string, unknown>) ?? {})) {
    text = text.replaceAll(`\${${name}}`, String(value));
  }
  const definition = JSON.parse(text) as Definition;
  checkDefinition(id, definition);
  return definition;
}

function wakeTime(state: State, input: Json, context: Json, now: number): number {
  if (state.Timestamp !== undefined || state.TimestampPath !== undefined) {
    const text = state.Timestamp ?? valueAt(state.TimestampPath!, input, context);
    const at = typeof text === "string" ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(at)) throw new StatesError("States.Runtime", `The timestamp ${JSON.stringify(text)} is none.`);
    return at;
  }
  const seconds = state.Seconds ?? valueAt(state.SecondsPath!, input, context);
  if (typeof seconds !== "number" || seconds < 0) {
    throw new StatesError("States.Runtime", `The waiting time ${JSON.stringify(seconds)} is no number of seconds.`);
  }
  return now + seconds * 1000;
}

// A task's own time limit runs in real time: a leap of the platform clock must not fail work that is under way.
async function withinSeconds<T>(work: Promise<T>, limit: number | undefined): Promise<T> {
  if (limit === undefined) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StatesError("States.Timeout", `The task took more than ${limit} s.`)),
      limit * 1000,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function summary(found: Execution): Record<string, unknown> {
  return {
    executionArn: found.arn,
    stateMachineArn: found.machineArn,
    name: found.name,
    status: found.status,
    startDate: seconds(found.started),
    ...(found.stopped === null ? {} : { stopDate: seconds(found.stopped) }),
  };
}

function seconds(ms: number): number {
  return ms / 1000;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
