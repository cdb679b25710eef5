/** What DynamoDB tells of the units a call took; only transactions split them into read and write. */
export interface ConsumedCapacity extends Units {
  TableName?: string;
  Table?: Units;
  GlobalSecondaryIndexes?: Record<string, Units>;
  LocalSecondaryIndexes?: Record<string, Units>;
}
interface Units {
  CapacityUnits?: number;
  ReadCapacityUnits?: number;
  WriteCapacityUnits?: number;
}

/** Units of one function, route label, operation and table or index (`table/index`; empty for calls that tell no units). */
export interface MeterRow {
  function: string;
  label: string;
  operation: string;
  target: string;
  /** Calls that were answered with 2xx, and those that were refused; on the row of the table, not of its indexes. */
  calls: number;
  refused: number;
  readUnits: number;
  writeUnits: number;
}

export interface MeteredCall {
  function: string;
  label: string;
  operation: string;
  /** Absent where the call was refused: the answer then tells no units. */
  consumed: ConsumedCapacity[] | undefined;
}

export interface Meter {
  record(call: MeteredCall): void;
  snapshot(): MeterRow[];
}

/** Said beside every figure that is shown. */
export const METER_RULE =
  "Units as the engine reports them: a transaction's base rows count double, its index rows once (another engine behind " +
  "DDB_ENDPOINT may double these too). Refused calls tell no units and are counted as calls only.";

const WRITES = /^(Put|Update|Delete|BatchWrite|TransactWrite)/;

/** Counts consumed units and calls per function, route label, operation, and table or index. */
export function createMeter(): Meter {
  const rows = new Map<string, MeterRow>();
  const row = (call: MeteredCall, target: string) => {
    const key = keyOf({ ...call, target });
    let found = rows.get(key);
    if (!found) {
      const { function: owner, label, operation } = call;
      found = { function: owner, label, operation, target, calls: 0, refused: 0, readUnits: 0, writeUnits: 0 };
      rows.set(key, found);
    }
    return found;
  };
  return {
    record(call) {
      if (!call.consumed || call.consumed.length === 0) {
        const own = row(call, "");
        if (call.consumed) own.calls++;
        else own.refused++;
        return;
      }
      const add = (target: string, units: Units) => {
        const own = row(call, target);
        const split = units.ReadCapacityUnits !== undefined || units.WriteCapacityUnits !== undefined;
        const total = units.CapacityUnits ?? 0;
        own.readUnits += split ? (units.ReadCapacityUnits ?? 0) : WRITES.test(call.operation) ? 0 : total;
        own.writeUnits += split ? (units.WriteCapacityUnits ?? 0) : WRITES.test(call.operation) ? total : 0;
        return own;
      };
      call.consumed.forEach((capacity, index) => {
        const name = capacity.TableName ?? "";
        const own = add(name, capacity.Table ?? capacity);
        if (index === 0) own.calls++;
        for (const kind of ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] as const) {
          for (const [each, units] of Object.entries(capacity[kind] ?? {})) add(`${name}/${each}`, units);
        }
      });
    },
    snapshot: () => [...rows.values()].map((each) => ({ ...each })),
  };
}

/** What was consumed between two snapshots; rows that did not move are left out. */
export function meterDifference(before: MeterRow[], after: MeterRow[]): MeterRow[] {
  const earlier = new Map(before.map((each) => [keyOf(each), each]));
  return after
    .map((each) => {
      const old = earlier.get(keyOf(each));
      return {
        ...each,
        calls: each.calls - (old?.calls ?? 0),
        refused: each.refused - (old?.refused ?? 0),
        readUnits: each.readUnits - (old?.readUnits ?? 0),
        writeUnits: each.writeUnits - (old?.writeUnits ?? 0),
      };
    })
    .filter((each) => each.calls || each.refused || each.readUnits || each.writeUnits);
}

const keyOf = (row: { function: string; label: string; operation: string; target: string }) =>
  JSON.stringify([row.function, row.label, row.operation, row.target]);
