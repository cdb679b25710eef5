import type * as z from "zod";
import type { Lifecycle } from "../kernel/lifecycle.ts";
import { DomainError, type ProblemCode } from "../kernel/problem.ts";

/**
 * The typed access layer of the single table. Pure: it turns typed writes into plain inputs, values as JavaScript has them; an adapter sends
 * them. An attribute that builds a key or an index can't be patched, only replaced with the whole row, so that an index
 * never keeps a stale key: anything else is a compile error.
 */

/** A row as loaded: `version` counts its writes from 1. */
export type Stored<T> = T & { readonly version: number };

export interface Key {
  pk: string;
  sk: string;
}
export type IndexName = "gsi1" | "gsi2" | "gsi3" | "gsi4";
type IndexKeys = { [I in IndexName as `${I}pk` | `${I}sk`]?: string };

/** A condition on the row before the write. */
type Condition = {
  attribute: string;
  test: "=" | "<>" | "<" | "<=" | ">" | ">=" | "in" | "exists" | "missing";
  value?: unknown;
};

/** What a failed condition means: a code, or one chosen by looking at the row as it is (undefined: there is none). */
type Failure<T> = ProblemCode | ((current: Stored<T> | undefined) => DomainError | ProblemCode);

/** One write of a commit: a TransactWriteItem without its table name, values as JavaScript has them, and what its failure means. */
export interface Write {
  readonly entity: string;
  readonly input: { kind: "Put" | "Update" | "Delete" | "ConditionCheck"; params: Record<string, unknown> };
  /** The error of a failed condition; `item` is the row found, unmarshalled. */
  failed(item: Record<string, unknown> | undefined): Error;
}

/** A condition failed and no problem was named for it: what was read before is no longer so; read again and decide anew. */
export class Stale extends Error {
  override readonly name = "Stale";
}

/** A query on the table or an index; `page` runs it. */
export interface Query<T> {
  readonly entity: AnyEntity<T>;
  readonly index?: IndexName;
  readonly pk: string;
  readonly prefix?: string;
  /** Inclusive bounds of the sort key. */
  readonly from?: string;
  readonly until?: string;
  readonly descending?: boolean;
}

export interface Page<T> {
  items: Stored<T>[];
  /** Where to go on; undefined: there is no more. */
  next?: Record<string, string>;
}

/** The table as use cases see it. Reads are strongly consistent unless said otherwise; an index finds keys, rows are then read. */
export interface Table {
  load<T, K extends keyof T>(
    entity: Entity<T, K, never>,
    key: Pick<T, K>,
    how?: { eventually?: boolean },
  ): Promise<Stored<T> | undefined>;
  loadMany<T, K extends keyof T>(
    entity: Entity<T, K, never>,
    keys: readonly Pick<T, K>[],
    how?: { eventually?: boolean },
  ): Promise<Stored<T>[]>;
  page<T>(
    query: Query<T>,
    page: { limit: number; after?: Record<string, string> | undefined; eventually?: boolean },
  ): Promise<Page<T>>;
  /** All or nothing, at most 100 rows, each row once. Throws the first failed write's error, or TRY_AGAIN where the outcome is unknown. */
  commit(writes: readonly Write[]): Promise<void>;
  /**
   * One row by itself, without a transaction: half of what `commit` is billed. Where its answer is lost the repetition finds the
   * row written, by ourselves, and throws as if somebody else had been first: only for what makes no difference between the two.
   */
  write(write: Write): Promise<void>;
}

interface AnyEntity<T> {
  readonly name: string;
  read(item: Record<string, unknown>): Stored<T>;
}

export interface Entity<T, K extends keyof T, I extends keyof T> extends AnyEntity<T> {
  readonly schema: z.ZodType<T>;
  key(key: Pick<T, K>): Key;
  /** A new row; fails where its key is taken. */
  create(row: T): Conditional<T>;
  /** The whole row anew, its index keys with it; fails where the row changed since `row` was read. */
  replace(row: Stored<T>): Conditional<T>;
  /** Changes attributes of an existing row. */
  patch(key: Pick<T, K>): Patch<T, Exclude<keyof T, K | I>>;
  /** Asserts something of a row without changing it (billed like a write). */
  check(key: Pick<T, K>): Check<T>;
  remove(key: Pick<T, K>): Check<T>;
  /** Rows of a partition of the table, or of an index. */
  query(where: Omit<Query<T>, "entity">): Query<T>;
}

class Builder<T> implements Write {
  readonly entity: string;
  readonly #read: (item: Record<string, unknown>) => Stored<T>;
  #failure: Failure<T> | undefined;
  protected readonly conditions: Condition[] = [];
  protected readonly key: Key;
  protected readonly kind: Write["input"]["kind"];
  protected existing: "must" | "must not";

  constructor(entity: AnyEntity<T>, kind: Write["input"]["kind"], key: Key, existing: "must" | "must not") {
    this.entity = entity.name;
    this.#read = (item) => entity.read(item);
    this.kind = kind;
    this.key = key;
    this.existing = existing;
  }

  /** What it means when the condition of this write fails. */
  or(failure: Failure<T>): this {
    this.#failure = failure;
    return this;
  }

  get input(): Write["input"] {
    const expression = new Expression();
    return { kind: this.kind, params: { ...this.body(expression), ...this.guarded(expression) } };
  }

  protected body(_expression: Expression): Record<string, unknown> {
    return { Key: this.key };
  }

  private guarded(expression: Expression): Record<string, unknown> {
    const clauses = [`attribute_${this.existing === "must" ? "exists" : "not_exists"}(pk)`];
    for (const { attribute, test, value } of this.conditions) {
      const name = expression.name(attribute);
      if (test === "exists") clauses.push(`attribute_exists(${name})`);
      else if (test === "missing") clauses.push(`attribute_not_exists(${name})`);
      else if (test === "in")
        clauses.push(`${name} IN (${(value as unknown[]).map((v) => expression.value(v)).join(", ")})`);
      else clauses.push(`${name} ${test} ${expression.value(value)}`);
    }
    return {
      ConditionExpression: clauses.join(" AND "),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      ...expression.parameters(),
    };
  }

  failed(item: Record<string, unknown> | undefined): Error {
    const failure = this.#failure;
    if (failure === undefined) return new Stale(`${this.entity} ${this.key.pk} ${this.key.sk} is not as it was read`);
    const found = typeof failure === "function" ? failure(item ? this.#read(item) : undefined) : failure;
    return found instanceof DomainError ? found : new DomainError(found);
  }
}

/** A put, with conditions of its own. */
export type Conditional<T> = Builder<T>;

class PutBuilder<T> extends Builder<T> {
  readonly #item: Record<string, unknown>;
  constructor(entity: AnyEntity<T>, key: Key, item: Record<string, unknown>, version: number | undefined) {
    super(entity, "Put", key, version === undefined ? "must not" : "must");
    this.#item = item;
    if (version !== undefined) this.conditions.push({ attribute: "version", test: "=", value: version });
  }
  protected override body(): Record<string, unknown> {
    return { Item: this.#item };
  }
}

export class Check<T> extends Builder<T> {
  /** The row's attribute must hold against the value. */
  when<A extends keyof T & string>(
    attribute: A,
    test: "=" | "<>" | "<" | "<=" | ">" | ">=",
    value: NonNullable<T[A]>,
  ): this {
    this.conditions.push({ attribute, test, value });
    return this;
  }
  whenIn<A extends keyof T & string>(attribute: A, values: readonly NonNullable<T[A]>[]): this {
    this.conditions.push({ attribute, test: "in", value: values });
    return this;
  }
  whenMissing<A extends keyof T & string>(attribute: A): this {
    this.conditions.push({ attribute, test: "missing" });
    return this;
  }
  /** The row must be exactly the one that was read. */
  asRead(row: Stored<unknown>): this {
    this.conditions.push({ attribute: "version", test: "=", value: row.version });
    return this;
  }
}

type NumbersOf<T, F extends keyof T> = { [A in F as NonNullable<T[A]> extends number ? A : never]?: number };

export class Patch<T, F extends keyof T> extends Check<T> {
  readonly #set: [string, unknown][] = [];
  readonly #remove: string[] = [];
  readonly #add: [string, number][] = [["version", 1]];

  /** Sets attributes; undefined removes one. */
  set(values: { [A in F]?: T[A] | undefined }): this {
    for (const [attribute, value] of Object.entries(values)) {
      if (value === undefined) this.#remove.push(attribute);
      else this.#set.push([attribute, value]);
    }
    return this;
  }

  /** Adds to numbers that the row has. */
  add(deltas: NumbersOf<T, F>): this {
    for (const [attribute, delta] of Object.entries(deltas))
      if (delta !== 0) this.#add.push([attribute, delta as number]);
    return this;
  }

  /** Moves a state along its lifecycle: sets the event's target, on condition that the state allows the event. */
  move<A extends F & string, E extends string>(
    attribute: A,
    machine: Lifecycle<NonNullable<T[A]> & string, E>,
    event: E,
  ): this {
    this.#set.push([attribute, machine.to(event)]);
    this.conditions.push({ attribute, test: "in", value: machine.from(event) });
    return this;
  }

  protected override body(expression: Expression): Record<string, unknown> {
    const parts: string[] = [];
    const set = [
      ...this.#set.map(([a, v]) => `${expression.name(a)} = ${expression.value(v)}`),
      ...this.#add.map(([a, d]) => `${expression.name(a)} = ${expression.name(a)} + ${expression.value(d)}`),
    ];
    parts.push(`SET ${set.join(", ")}`);
    if (this.#remove.length > 0) parts.push(`REMOVE ${this.#remove.map((a) => expression.name(a)).join(", ")}`);
    return { Key: this.key, UpdateExpression: parts.join(" ") };
  }
}

/** Collects names and values of one write's expressions. */
class Expression {
  readonly #names = new Map<string, string>();
  readonly #values = new Map<string, unknown>();
  name(attribute: string): string {
    const known = [...this.#names].find(([, a]) => a === attribute)?.[0];
    if (known) return known;
    const name = `#${this.#names.size}`;
    this.#names.set(name, attribute);
    return name;
  }
  value(value: unknown): string {
    const name = `:${this.#values.size}`;
    this.#values.set(name, value);
    return name;
  }
  parameters(): Record<string, unknown> {
    return {
      ...(this.#names.size > 0 && { ExpressionAttributeNames: Object.fromEntries(this.#names) }),
      ...(this.#values.size > 0 && { ExpressionAttributeValues: Object.fromEntries(this.#values) }),
    };
  }
}

/**
 * Declares an entity. `key` may read only the attributes named in `keyed`, `index` only those and the ones in `indexed`.
 * `ttl` gives the epoch second after which the row may be deleted (it may linger: readers check for themselves).
 */
export function entity<
  S extends z.ZodObject,
  const K extends keyof z.infer<S>,
  const I extends keyof z.infer<S> = never,
>(declared: {
  name: string;
  schema: S;
  keyed: readonly K[];
  key(row: Pick<z.infer<S>, K>): Key;
  indexed?: readonly I[];
  index?(row: Pick<z.infer<S>, K | I>): IndexKeys;
  ttl?(row: z.infer<S>): number | undefined;
}): Entity<z.infer<S>, K, I> {
  type T = z.infer<S>;
  const itemOf = (row: T, version: number): Record<string, unknown> => {
    const ttl = declared.ttl?.(row);
    return {
      ...(declared.schema.parse(row) as object),
      ...declared.key(row),
      ...declared.index?.(row),
      entity: declared.name,
      version,
      ...(ttl !== undefined && { ttl }),
    };
  };
  const self: Entity<T, K, I> = {
    name: declared.name,
    schema: declared.schema as unknown as z.ZodType<T>,
    key: declared.key,
    read(item) {
      if (item.entity !== declared.name)
        throw new Error(`${item.pk} ${item.sk} is a ${item.entity}, not a ${declared.name}`);
      return { ...(declared.schema.parse(item) as T), version: item.version as number };
    },
    create: (row) => new PutBuilder<T>(self, declared.key(row), itemOf(row, 1), undefined),
    replace: (row) => new PutBuilder<T>(self, declared.key(row), itemOf(row, row.version + 1), row.version),
    patch: (key) => new Patch<T, Exclude<keyof T, K | I>>(self, "Update", declared.key(key), "must"),
    check: (key) => new Check<T>(self, "ConditionCheck", declared.key(key), "must"),
    remove: (key) => new Check<T>(self, "Delete", declared.key(key), "must"),
    query: (where) => ({ entity: self, ...where }),
  };
  return self;
}

/**
 * A row for what never changes in it (whose it is, an openid): read eventually, for half the units, and once more consistently
 * where it is not there yet.
 */
export const loadLasting = async <T, K extends keyof T>(
  table: Pick<Table, "load">,
  entity: Entity<T, K, never>,
  key: Pick<T, K>,
): Promise<Stored<T> | undefined> =>
  (await table.load(entity, key, { eventually: true })) ?? (await table.load(entity, key));

/**
 * Runs `attempt` again while what it read went stale under it; each time, told how often it was run before, it reads and decides anew. 12 times, then TRY_AGAIN:
 * with its commit's own conflict retries that is at most 12 × 8 transactions.
 */
export async function decide<R>(attempt: (round: number) => Promise<R>): Promise<R> {
  for (let round = 0; round < 12; round++) {
    try {
      return await attempt(round);
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
    }
  }
  throw new DomainError("TRY_AGAIN");
}
