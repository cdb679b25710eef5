import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, paginateScan } from "@aws-sdk/lib-dynamodb";
import { LOCAL_CREDENTIALS } from "../engine.ts";
import { REGION } from "../template.ts";

/** A row as the table holds it, with its keys, `entity` and `version`. */
export type Row = Record<string, unknown> & { entity: string; pk: string; sk: string; version: number; ttl?: number };

/** The channel's own book: what it was paid, gave back and paid out. Amounts in fen. */
export interface ChannelBook {
  /** `paid`: the money came in, whatever went back of it since. */
  payments: { paymentNo: string; paid: boolean; totalFen: number }[];
  refunds: { refundNo: string; paymentNo: string; done: boolean; refundFen: number }[];
  /** Payouts, and parts of payments that were shared out (分账). */
  payouts: { number: string; amountFen: number }[];
}

/** A job in a carrier's own book. `deductFen`: what it keeps of one that was called off. */
export interface CarrierJob {
  jobNo: string;
  carrier: string;
  state: string;
  feeFen: number;
  deductFen: number;
}

/** Everything that a recount goes by: our rows by the name of their entity, and two books that we did not write. */
export interface Facts {
  /** Platform time, epoch ms. */
  now: number;
  rows: Map<string, Row[]>;
  channel: ChannelBook;
  carriers: CarrierJob[];
}

/**
 * Reads the facts of a data folder while its platform runs, or while only the engine does. `endpoint` is the engine's; the books are
 * read out of their files.
 */
export async function readFacts({ dataDir, endpoint }: { dataDir: string; endpoint: string }): Promise<Facts> {
  const client = new DynamoDBClient({ endpoint, region: REGION, credentials: LOCAL_CREDENTIALS });
  try {
    const documents = DynamoDBDocumentClient.from(client);
    const { TableNames = [] } = await client.send(new ListTablesCommand({}));
    const rows = new Map<string, Row[]>();
    for (const TableName of TableNames)
      for await (const page of paginateScan({ client: documents }, { TableName, ConsistentRead: true }))
        for (const item of (page.Items ?? []) as Row[]) {
          const known = rows.get(item.entity);
          if (known) known.push(item);
          else rows.set(item.entity, [item]);
        }
    return { now: nowOf(dataDir), rows, channel: channelBook(dataDir), carriers: carriersBook(dataDir) };
  } finally {
    client.destroy();
  }
}

/** Platform time in a folder. */
function nowOf(dataDir: string): number {
  const { offset } = JSON.parse(readFileSync(join(dataDir, "clock.json"), "utf8")) as { offset: number };
  return Date.now() + offset;
}

function query<T>(file: string, sql: string): T[] {
  if (!existsSync(file)) return [];
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    return db.prepare(sql).all() as T[];
  } finally {
    db.close();
  }
}

function channelBook(dataDir: string): ChannelBook {
  const file = join(dataDir, "wechat.db");
  const now = nowOf(dataDir);
  type Share = { out_order_no: string; receivers: string; finished_at: number };
  type Receiver = { type: string; amount: number; result: string };
  return {
    payments: query<{ out_trade_no: string; state: string; total: number }>(file, "SELECT * FROM payments").map(
      (row) => ({ paymentNo: row.out_trade_no, paid: row.state === "SUCCESS", totalFen: row.total }),
    ),
    refunds: query<{ out_refund_no: string; out_trade_no: string; status: string; refund: number }>(
      file,
      "SELECT * FROM refunds",
    ).map((row) => ({
      refundNo: row.out_refund_no,
      paymentNo: row.out_trade_no,
      done: row.status === "SUCCESS",
      refundFen: row.refund,
    })),
    payouts: [
      ...query<{ out_bill_no: string; state: string; amount: number }>(file, "SELECT * FROM transfers")
        .filter(({ state }) => state === "SUCCESS")
        .map((row) => ({ number: row.out_bill_no, amountFen: row.amount })),
      ...query<Share>(file, "SELECT * FROM shares")
        .filter((row) => row.finished_at <= now)
        .flatMap((row) =>
          (JSON.parse(row.receivers) as Receiver[])
            .filter(({ type, result }) => type === "PERSONAL_OPENID" && result === "SUCCESS")
            .map(({ amount }) => ({ number: row.out_order_no, amountFen: amount })),
        ),
    ],
  };
}

const carriersBook = (dataDir: string): CarrierJob[] =>
  query<{ job_no: string; carrier: string; state: string; fee: number; deducted: number }>(
    join(dataDir, "carriers.db"),
    "SELECT * FROM jobs",
  ).map((row) => ({
    jobNo: row.job_no,
    carrier: row.carrier,
    state: row.state,
    feeFen: row.fee,
    deductFen: row.deducted,
  }));
