import type { Env } from "../../../shared/kernel/env.ts";
import { InvariantError, invariant } from "../../../shared/kernel/invariant.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";
import type { Key, Query, Stored, Table, Write } from "../../../shared/table/entity.ts";
import { AwsRefusal, awsJsonClient, type Connection } from "../aws/json-client.ts";
import { fromItem, type Item, toItem } from "./attribute-values.ts";

/** How often a commit that lost against another one is sent again; the client itself sends a request at most 3 times. */
const CONFLICT_ROUNDS = 8;

/**
 * The single table on DynamoDB. A commit carries one ClientRequestToken over the client's attempts, so that an answer lost on the
 * way back is never a second write. Where even the retries get no answer the outcome is unknown: TRY_AGAIN (503), and the
 * repetition finds out by its idempotency or natural key.
 */
export function dynamoTable(options: {
  tableName: string;
  env: Pick<Env, "clock" | "sleep" | "rng">;
  /** Where the table is, unless the environment says it. */
  connection?: Connection;
}): Table {
  const TableName = options.tableName;
  const call = awsJsonClient("dynamodb", options);

  const send = async <O>(action: string, input: object): Promise<O> => {
    try {
      return await call<O>(action, { TableName, ...input });
    } catch (error) {
      if (error instanceof AwsRefusal && (decides.has(error.name) || ours.has(error.name))) throw error;
      throw new DomainError("TRY_AGAIN", `table: ${(error as Error).name}`);
    }
  };

  /** Full jitter, 10 ms to 640 ms; TRY_AGAIN where there were enough rounds. */
  const letOthersPass = async (round: number): Promise<void> => {
    if (round + 1 >= CONFLICT_ROUNDS) throw new DomainError("TRY_AGAIN", "table: others were writing the same rows");
    await options.env.sleep((options.env.rng.bytes(1)[0]! / 255) * 10 * 2 ** Math.min(round, 6));
  };

  async function batch(keys: readonly Key[], consistent: boolean): Promise<Map<string, Record<string, unknown>>> {
    const found = new Map<string, Record<string, unknown>>();
    for (let start = 0; start < keys.length; start += 100) {
      let pending: Item[] | undefined = keys.slice(start, start + 100).map(keyOf);
      for (let round = 0; pending && pending.length > 0; round++) {
        if (round === 10) throw new DomainError("TRY_AGAIN", "table: keys left unread");
        if (round > 0) await options.env.sleep(20 * 2 ** round);
        const answer: BatchAnswer = await send("BatchGetItem", {
          TableName: undefined,
          RequestItems: { [TableName]: { Keys: pending, ConsistentRead: consistent } },
        });
        for (const row of answer.Responses?.[TableName] ?? []) {
          const item = fromItem(row);
          found.set(`${item.pk}\n${item.sk}`, item);
        }
        pending = answer.UnprocessedKeys?.[TableName]?.Keys;
      }
    }
    return found;
  }

  async function single(key: Key, ConsistentRead: boolean): Promise<Record<string, unknown> | undefined> {
    const { Item } = await send<{ Item?: Item }>("GetItem", { Key: keyOf(key), ConsistentRead });
    return Item && fromItem(Item);
  }

  /** Reads a row; rows that are asked for in the same moment, before anybody waits, are read by one call. */
  const together = (consistent: boolean) => {
    let asked: { key: Key; rows: PromiseWithResolvers<Record<string, unknown> | undefined> }[] = [];
    const read = async () => {
      const all = asked;
      asked = [];
      try {
        const keys = [...new Map(all.map(({ key }) => [`${key.pk}\n${key.sk}`, key])).values()];
        const [only] = keys;
        const found = only && keys.length === 1 ? undefined : await batch(keys, consistent);
        const lone = only && !found ? await single(only, consistent) : undefined;
        for (const { key, rows } of all) rows.resolve(found ? found.get(`${key.pk}\n${key.sk}`) : lone);
      } catch (error) {
        for (const { rows } of all) rows.reject(error);
      }
    };
    return (key: Key) => {
      const rows = Promise.withResolvers<Record<string, unknown> | undefined>();
      if (asked.push({ key, rows }) === 1) queueMicrotask(read);
      return rows.promise;
    };
  };
  const [rowNow, rowEventually] = [together(true), together(false)];

  const table: Table = {
    async load(entity, key, how) {
      const item = await (how?.eventually ? rowEventually : rowNow)(entity.key(key));
      return item && entity.read(item);
    },

    async loadMany(entity, keys, how) {
      const wanted = keys.map((key) => entity.key(key));
      const unique = [...new Map(wanted.map((key) => [`${key.pk}\n${key.sk}`, key])).values()];
      const found = await batch(unique, !how?.eventually);
      return unique.flatMap((key) => {
        const item = found.get(`${key.pk}\n${key.sk}`);
        return item ? [entity.read(item)] : [];
      });
    },

    async page<T>(query: Query<T>, { limit, after, eventually = false }: Parameters<Table["page"]>[1]) {
      const pkName = query.index ? `${query.index}pk` : "pk";
      const skName = query.index ? `${query.index}sk` : "sk";
      const ranged =
        query.prefix !== undefined
          ? { clause: " AND begins_with(#sk, :a)", values: { ":a": query.prefix } }
          : query.until !== undefined
            ? { clause: " AND #sk BETWEEN :a AND :b", values: { ":a": query.from ?? " ", ":b": query.until } }
            : query.from !== undefined
              ? { clause: " AND #sk >= :a", values: { ":a": query.from } }
              : { clause: "", values: {} };
      const answer = await send<{ Items?: Item[]; LastEvaluatedKey?: Item }>("Query", {
        ...(query.index && { IndexName: query.index }),
        KeyConditionExpression: `#pk = :pk${ranged.clause}`,
        ExpressionAttributeNames: { "#pk": pkName, ...(ranged.clause && { "#sk": skName }) },
        ExpressionAttributeValues: toItem({ ":pk": query.pk, ...ranged.values }),
        ScanIndexForward: !query.descending,
        ConsistentRead: !query.index && !eventually,
        Limit: limit,
        ...(after && { ExclusiveStartKey: toItem(after) }),
      });
      const hits = (answer.Items ?? []).map(fromItem);
      let items: Stored<T>[];
      if (query.index) {
        const rows = await batch(
          hits.map((hit) => ({ pk: hit.pk as string, sk: hit.sk as string })),
          !eventually,
        );
        items = hits.flatMap((hit) => {
          const row = rows.get(`${hit.pk}\n${hit.sk}`);
          return row ? [query.entity.read(row)] : []; // the index may lag behind a deletion
        });
      } else {
        items = hits.map((hit) => query.entity.read(hit));
      }
      return answer.LastEvaluatedKey
        ? { items, next: fromItem(answer.LastEvaluatedKey) as Record<string, string> }
        : { items };
    },

    async commit(writes) {
      invariant(writes.length > 0 && writes.length <= 100, `a commit has 1 to 100 writes, not ${writes.length}`);
      const input = {
        TableName: undefined,
        TransactItems: writes.map((write) => ({ [write.input.kind]: { TableName, ...wire(write) } })),
      };
      for (let round = 0; ; round++) {
        try {
          // one token over the attempts of a round; a round that lost wrote nothing, and the next is another request
          await send("TransactWriteItems", { ...input, ClientRequestToken: tokenOf(options.env.rng) });
          return;
        } catch (error) {
          if (!(error instanceof AwsRefusal && error.name === "TransactionCanceledException")) throw error;
          const reasons = (error.body.CancellationReasons ?? []) as CancellationReason[];
          const failed = reasons.findIndex((reason) => reason.Code === "ConditionalCheckFailed");
          if (failed >= 0) {
            const item = reasons[failed]?.Item;
            throw writes[failed]?.failed(item && fromItem(item)) ?? error;
          }
          const odd = reasons.find((reason) => reason.Code && !passing.has(reason.Code));
          if (odd) throw new InvariantError(`commit refused: ${odd.Code} ${odd.Message ?? ""}`);
          await letOthersPass(round);
        }
      }
    },

    async write(write) {
      const { kind } = write.input;
      invariant(kind !== "ConditionCheck", "a check by itself writes nothing");
      const input = wire(write);
      for (let round = 0; ; round++) {
        try {
          await send(`${kind}Item`, input);
          return;
        } catch (error) {
          if (!(error instanceof AwsRefusal)) throw error;
          if (error.name === "ConditionalCheckFailedException") {
            const item = error.body.Item as Item | undefined;
            throw write.failed(item && fromItem(item));
          }
          if (error.name !== "TransactionConflictException") throw error;
          await letOthersPass(round);
        }
      }
    },
  };
  return table;
}

interface BatchAnswer {
  Responses?: Record<string, Item[]>;
  UnprocessedKeys?: Record<string, { Keys?: Item[] }>;
}
interface CancellationReason {
  Code?: string;
  Message?: string;
  Item?: Item;
}

const keyOf = ({ pk, sk }: Key): Item => ({ pk: { S: pk }, sk: { S: sk } });

/** A write's parameters as DynamoDB reads them. */
function wire({ input: { params } }: Write): Record<string, unknown> {
  const typed: Record<string, unknown> = { ...params };
  for (const name of ["Item", "Key", "ExpressionAttributeValues"])
    if (params[name]) typed[name] = toItem(params[name] as Record<string, unknown>);
  return typed;
}

const tokenOf = (rng: Env["rng"]): string => Buffer.from(rng.bytes(16)).toString("hex");

/** Reasons for which a transaction was cancelled that the next one may not meet. */
const passing = new Set(["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]);

/** Answers that say what became of a write. */
const decides = new Set([
  "TransactionCanceledException",
  "ConditionalCheckFailedException",
  "TransactionConflictException",
]);

/** Refusals that sending again can't mend: they are ours, and must be seen. */
const ours = new Set([
  "ValidationException",
  "SerializationException",
  "AccessDeniedException",
  "ResourceNotFoundException",
  "IdempotentParameterMismatchException",
]);
