import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  type DynamoDBClientConfig,
  TransactionCanceledException,
  TransactionConflictException,
  TransactionInProgressException,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  DeleteCommand,
  type DeleteCommandInput,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  type PutCommandInput,
  QueryCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
  type UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Env } from "../../../shared/kernel/env.ts";
import { InvariantError, invariant } from "../../../shared/kernel/invariant.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";
import type { Key, Query, Stored, Table } from "../../../shared/table/entity.ts";

/** How often a commit that lost against another one is sent again; the SDK itself sends a request at most 3 times. */
const CONFLICT_ROUNDS = 8;

/**
 * The single table on DynamoDB. A commit carries one ClientRequestToken over the SDK's retries, so that an answer lost on the
 * way back is never a second write. Where even the retries get no answer the outcome is unknown: TRY_AGAIN (503), and the
 * repetition finds out by its idempotency or natural key.
 */
export function dynamoTable(options: {
  tableName: string;
  env: Pick<Env, "sleep" | "rng">;
  client?: DynamoDBClientConfig;
}): Table {
  const TableName = options.tableName;
  const bare = new DynamoDBClient({ maxAttempts: 3, ...options.client });
  // it prepares every request and answer for a log that nobody keeps
  bare.middlewareStack.remove("loggerMiddleware");
  const client = DynamoDBDocumentClient.from(bare, { marshallOptions: { removeUndefinedValues: true } });

  const send = async <O>(operation: () => Promise<O>): Promise<O> => {
    try {
      return await operation();
    } catch (error) {
      if (decides(error) || isProgrammingError(error)) throw error;
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
      let pending: Record<string, unknown>[] | undefined = keys
        .slice(start, start + 100)
        .map(({ pk, sk }) => ({ pk, sk }));
      for (let round = 0; pending && pending.length > 0; round++) {
        if (round === 10) throw new DomainError("TRY_AGAIN", "table: keys left unread");
        if (round > 0) await options.env.sleep(20 * 2 ** round);
        const ask: Record<string, unknown>[] = pending;
        const answer = await send(() =>
          client.send(
            new BatchGetCommand({ RequestItems: { [TableName]: { Keys: ask, ConsistentRead: consistent } } }),
          ),
        );
        for (const item of answer.Responses?.[TableName] ?? []) found.set(`${item.pk}\n${item.sk}`, item);
        pending = answer.UnprocessedKeys?.[TableName]?.Keys;
      }
    }
    return found;
  }

  async function single(Key: Key, ConsistentRead: boolean): Promise<Record<string, unknown> | undefined> {
    return (await send(() => client.send(new GetCommand({ TableName, Key: { ...Key }, ConsistentRead })))).Item;
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
      const answer = await send(() =>
        client.send(
          new QueryCommand({
            TableName,
            ...(query.index && { IndexName: query.index }),
            KeyConditionExpression: `#pk = :pk${ranged.clause}`,
            ExpressionAttributeNames: { "#pk": pkName, ...(ranged.clause && { "#sk": skName }) },
            ExpressionAttributeValues: { ":pk": query.pk, ...ranged.values },
            ScanIndexForward: !query.descending,
            ConsistentRead: !query.index && !eventually,
            Limit: limit,
            ...(after && { ExclusiveStartKey: after }),
          }),
        ),
      );
      const hits = answer.Items ?? [];
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
      return answer.LastEvaluatedKey ? { items, next: answer.LastEvaluatedKey as Record<string, string> } : { items };
    },

    async commit(writes) {
      invariant(writes.length > 0 && writes.length <= 100, `a commit has 1 to 100 writes, not ${writes.length}`);
      const TransactItems = writes.map(({ input }) => ({ [input.kind]: { TableName, ...input.params } }));
      for (let round = 0; ; round++) {
        try {
          await send(() => client.send(new TransactWriteCommand({ TransactItems } as TransactWriteCommandInput)));
          return;
        } catch (error) {
          if (!(error instanceof TransactionCanceledException)) throw error;
          const reasons = error.CancellationReasons ?? [];
          const failed = reasons.findIndex((reason) => reason.Code === "ConditionalCheckFailed");
          if (failed >= 0) {
            const item = reasons[failed]?.Item;
            throw writes[failed]?.failed(item && unmarshall(item)) ?? error;
          }
          const odd = reasons.find(
            (r) =>
              r.Code &&
              !["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"].includes(r.Code),
          );
          if (odd) throw new InvariantError(`commit refused: ${odd.Code} ${odd.Message ?? ""}`);
          await letOthersPass(round);
        }
      }
    },

    async write(write) {
      const { kind, params } = write.input;
      invariant(kind !== "ConditionCheck", "a check by itself writes nothing");
      const input = { TableName, ...params };
      for (let round = 0; ; round++) {
        try {
          await send<unknown>(() =>
            kind === "Put"
              ? client.send(new PutCommand(input as PutCommandInput))
              : kind === "Update"
                ? client.send(new UpdateCommand(input as UpdateCommandInput))
                : client.send(new DeleteCommand(input as DeleteCommandInput)),
          );
          return;
        } catch (error) {
          if (error instanceof ConditionalCheckFailedException)
            throw write.failed(error.Item && unmarshall(error.Item));
          if (!(error instanceof TransactionConflictException)) throw error;
          await letOthersPass(round);
        }
      }
    },
  };
  return table;
}

/** Answers that say what became of a write. */
const decides = (error: unknown): boolean =>
  error instanceof TransactionCanceledException ||
  error instanceof ConditionalCheckFailedException ||
  error instanceof TransactionConflictException;

/** Errors that sending again can't mend: they are ours, and must be seen. */
const isProgrammingError = (error: unknown): boolean =>
  error instanceof Error &&
  !(error instanceof TransactionInProgressException) &&
  [
    "ValidationException",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "IdempotentParameterMismatchException",
    "ZodError",
    "$ZodError",
  ].includes(error.name);
