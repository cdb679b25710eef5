import { performance } from "node:perf_hooks";
import { dynamoTable } from "../functions/adapters/dynamo/table.ts";
import { systemEnv } from "../functions/runtime/env.ts";
import { ensureAssembly } from "../local/assembly.ts";
import { LOCAL_CREDENTIALS } from "../local/engine.ts";
import { REGION } from "../local/template.ts";
import { fundFlowBill, tradeBill } from "../local/wechat/bills.ts";
import { openBook } from "../local/wechat/book.ts";
import { openKeys } from "../local/wechat/keys.ts";
import { type BillSource, reconcileDay } from "../shared/bills/index.ts";
import { day, dayOf, hour, minute, startOfDay, wholeSecond } from "../shared/kernel/time.ts";
import { booked } from "../shared/ledger/index.ts";
import type { PaymentChannel } from "../shared/payment/ports.ts";
import type { PayoutChannel, ProfitSharing } from "../shared/payout/ports.ts";
import type { Bench } from "./bench.ts";
import { startChild } from "./child.ts";
import type { PlatformFacts } from "./platform-process.ts";

const payments = 10_000;

/**
 * `reconcile.rows_per_s`: a day of ten thousand payments, its two bills as the sandbox makes them, against a ledger that fits: read, held
 * against each other in both directions, and the result written. Nothing is asked of the channel; downloading is not counted.
 */
export async function reconcileFigures(bench: Bench): Promise<void> {
  await ensureAssembly({ progress: bench.progress });
  const platform = startChild(bench, "./platform-process.ts", { DATA_DIR: bench.folder("reconcile") });
  const { endpoint, tableName } = await platform.ask<PlatformFacts>("facts");
  const table = dynamoTable({
    tableName,
    env: systemEnv,
    connection: { endpoint, region: REGION, credentials: LOCAL_CREDENTIALS },
  });

  const yesterday = startOfDay(systemEnv.clock.now()) - day;
  const on = dayOf(yesterday);
  const folder = bench.folder("bills");
  const keys = openKeys(folder, () => yesterday);
  const book = openBook(folder, () => yesterday);
  bench.atEnd(() => book.close());
  const count = bench.few(payments);
  const then = { ...systemEnv, clock: { now: () => yesterday + 12 * hour } };
  book.write(() => {
    for (let i = 0; i < count; i++) {
      const orderId = systemEnv.ids.next("OR");
      book.run(
        "INSERT INTO payments VALUES (?, '', ?, 'oSomebody', '青菜', '', '', NULL, ?, 'SUCCESS', ?, ?, NULL, NULL)",
        `${orderId}01`,
        800 + (i % 400),
        yesterday,
        `42${String(i).padStart(26, "0")}`,
        wholeSecond(yesterday + hour + i * 5_000),
      );
    }
  });
  const rows = book.all<{ out_trade_no: string; total: number; success_time: number }>("SELECT * FROM payments");
  for (let i = 0; i < rows.length; i += 100) {
    await table.commit(
      rows.slice(i, i + 100).map((row) =>
        booked(then, {
          subject: row.out_trade_no.slice(0, -2),
          kind: "payment",
          reference: row.out_trade_no,
          amountFen: row.total,
          at: row.success_time,
        }),
      ),
    );
    if (i % 2_000 === 0) bench.progress(`reconcile: ${i} of ${rows.length} payments booked`);
  }
  const texts = { trade: tradeBill(book, keys, on, "ALL"), flow: fundFlowBill(book, keys, on) };
  const bills: BillSource = {
    mchid: keys.config.mchid,
    fetchBill: async (type) => ({ kind: "bill", text: texts[type] }),
  };
  const nobody = new Proxy({}, { get: () => () => Promise.reject(new Error("nothing is left to ask about")) });

  const cpu = process.cpuUsage();
  const began = performance.now();
  const found = await reconcileDay(
    {
      table,
      env: systemEnv,
      bills,
      channel: nobody as PaymentChannel,
      payouts: nobody as PayoutChannel,
      sharing: nobody as ProfitSharing,
    },
    on,
  );
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  if (found.state !== "MATCHED" || found.payments !== count)
    throw new Error(`the day should match: ${JSON.stringify(found)}`);
  if (seconds * 1_000 > minute) bench.progress("reconcile: it took more than a minute");
  bench.tell({
    figure: "reconcile.rows_per_s",
    value: (count * 3) / seconds,
    unit: "rows/s",
    payments: count,
    seconds: bench.rounded(seconds),
    cpu_ms: bench.rounded((user + system) / 1_000),
  });
}
