import { type AttributeValue, DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { LOCAL_CREDENTIALS } from "../local/engine.ts";
import type { GatewayCall } from "../local/gateway.ts";
import type { ConsumedCapacity } from "../local/meter.ts";
import type { Platform } from "../local/platform.ts";
import { REGION } from "../local/template.ts";

/** One row that a function wrote. */
export interface RowWrite {
  /** Its entity; of an event its type too (`Outbox seat.held`), of a due row its kind. */
  row: string;
  kind: "Put" | "Update" | "Delete" | "ConditionCheck";
  /** The function, by its construct's id. */
  by: string;
  /** Written without a transaction, which would count the row twice. */
  alone: boolean;
  /** The larger of what it was and what it became, as DynamoDB counts it. */
  bytes: number;
  /** Write units of the row itself: one for each KB begun, twice that in a transaction. */
  units: number;
  /** Write units of its index entries. */
  indexUnits: number;
}

/** One read: of a row, of several by their keys, or a query (`gsi1 TEAM`). */
export interface RowRead {
  row: string;
  by: string;
  consistent: boolean;
  /** How many rows were asked for by key; 0 for a query. */
  rows: number;
  units: number;
}

type Item = Record<string, AttributeValue>;
type Kind = RowWrite["kind"];

/**
 * Follows every data call that reaches the engine and tells it row by row. Each row is read back before its writer is answered,
 * so that its size is known as it was then; the units worked out from it must be those the engine told, or `take` throws.
 */
export function watchRows(platform: Platform): { take(): { writes: RowWrite[]; reads: RowRead[] }; stop(): void } {
  const engine = new DynamoDBClient({
    endpoint: platform.engine.endpoint,
    region: REGION,
    credentials: LOCAL_CREDENTIALS,
  });
  const known = new Map<string, { row: string; bytes: number; indexes: string[] }>();
  /** Kind of key → entity, learned from the rows that were written; others are named by their key. */
  const entities = new Map<string, string>();
  let writes: RowWrite[] = [];
  let reads: (Omit<RowRead, "row"> & { keys: Item[]; index?: string })[] = [];
  let wrong: string[] = [];

  const nameOf = (key: Item) => known.get(idOf(key))?.row ?? entities.get(kindOf(key)) ?? kindOf(key);

  async function written(by: string, kind: Kind, params: Record<string, unknown>, alone: boolean): Promise<RowWrite> {
    const { pk, sk } = (params.Item ?? params.Key) as Item;
    const key = { pk: pk!, sk: sk! };
    const before = known.get(idOf(key));
    const read = { TableName: String(params.TableName), Key: key, ConsistentRead: true };
    const now = kind === "Delete" ? undefined : (await engine.send(new GetItemCommand(read))).Item;
    const indexes = Object.keys(now ?? {}).filter((name) => /^gsi\dpk$/.test(name));
    const bytes = Math.max(now ? bytesOf(now) : 0, before?.bytes ?? 0);
    const entity = now?.entity?.S;
    const row = entity === undefined ? nameOf(key) : entity + detailOf(entity, now!);
    if (now) {
      known.set(idOf(key), { row, bytes: bytesOf(now), indexes });
      entities.set(kindOf(key), row);
    } else known.delete(idOf(key));
    const moved = new Set(
      [...indexes, ...(before?.indexes ?? [])].filter(
        (name) => !before || !indexes.includes(name) || !before.indexes.includes(name),
      ),
    );
    return {
      row,
      kind,
      by,
      alone,
      bytes,
      units: Math.max(1, Math.ceil(bytes / 1024)) * (alone ? 1 : 2),
      indexUnits: kind === "ConditionCheck" ? 0 : moved.size,
    };
  }

  async function look({ action, caller, json }: GatewayCall, consumed: ConsumedCapacity[]): Promise<void> {
    const by = caller.replace(/[0-9A-F]{8}$/, "");
    const told = consumed[0] ?? {};
    const base = told.Table?.CapacityUnits ?? told.CapacityUnits ?? 0;
    const indexed = Object.values(told.GlobalSecondaryIndexes ?? {}).reduce(
      (sum, each) => sum + (each.CapacityUnits ?? 0),
      0,
    );
    const read = (keys: Item[], rows: number, consistent: unknown, units: number, index?: unknown) =>
      reads.push({
        keys,
        by,
        rows,
        consistent: consistent === true,
        units,
        ...(typeof index === "string" && { index }),
      });

    if (action === "GetItem") read([json.Key as Item], 1, json.ConsistentRead, base);
    else if (action === "BatchGetItem") {
      type Asked = Record<string, { Keys: Item[]; ConsistentRead?: boolean }>;
      for (const { Keys, ConsistentRead } of Object.values(json.RequestItems as Asked))
        read(Keys, Keys.length, ConsistentRead, base);
    } else if (action === "Query") {
      const values = json.ExpressionAttributeValues as Record<string, AttributeValue>;
      const key = { pk: values[":pk"]!, sk: values[":a"] ?? { S: "#" } };
      read([key], 0, json.ConsistentRead, base + indexed, json.IndexName);
    } else {
      const items =
        action === "TransactWriteItems"
          ? (json.TransactItems as Partial<Record<Kind, Record<string, unknown>>>[]).map(
              (item) => Object.entries(item)[0]!,
            )
          : [[action.replace("Item", ""), json] as const];
      const rows: RowWrite[] = [];
      for (const [kind, params] of items)
        rows.push(await written(by, kind as Kind, params, action !== "TransactWriteItems"));
      writes.push(...rows);
      const ours = rows.reduce((sum, { units, indexUnits }) => sum + units + indexUnits, 0);
      if (ours !== base + indexed)
        wrong.push(
          `${by} consumed ${base} + ${indexed} write units, its rows explain ${ours}: ${JSON.stringify(rows)}`,
        );
    }
  }

  const end = platform.gateway.watch(look);
  return {
    take() {
      if (wrong.length > 0) throw new Error(wrong.join("\n"));
      // named only now: what was not there when it was read may have been written since
      const named = reads.map(({ keys, index, ...read }) => ({
        ...read,
        row: [...new Set(keys.map((key) => (index ? `${index} of ${key.pk?.S?.split("#")[0]}` : nameOf(key))))].join(
          ", ",
        ),
      }));
      const taken = { writes, reads: named };
      [writes, reads, wrong] = [[], [], []];
      return taken;
    },
    stop() {
      end();
      engine.destroy();
    },
  };
}

const idOf = (key: Item): string => `${key.pk?.S}\n${key.sk?.S}`;

/** `ORDER#…`, `REFUND#…` → `ORDER REFUND`; `RATE#…`, `#` → `RATE`; another sort key than words: `RATE …`. */
const kindOf = ({ pk, sk }: Item): string => {
  const [kind = "", of = ""] = [pk?.S?.split("#")[0], sk?.S?.split("#")[0]];
  return of === "" ? kind : `${kind} ${/^[A-Z]+$/.test(of) ? of : "…"}`;
};

const detailOf = (entity: string, row: Item): string =>
  entity === "Outbox" ? ` ${row.type?.S}` : entity === "Due" ? ` ${row.kind?.S}` : "";

/** The size of an item as DynamoDB counts it: names and values; https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
const bytesOf = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);

function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  // two digits a byte, and one for the sign and the exponent
  if (value.N !== undefined) return Math.ceil(value.N.replace(/^-?0*\.?|\.|0+$/g, "").length / 2) + 1;
  if (value.B) return value.B.length;
  if (value.L) return 3 + value.L.length + value.L.reduce((sum, each) => sum + valueBytes(each), 0);
  if (value.M) return 3 + Object.keys(value.M).length + bytesOf(value.M);
  return 1;
}
