import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { yuan } from "../../shared/kernel/money.ts";
import { hour, startOfDay, toIso } from "../../shared/kernel/time.ts";
import { type Platform, startPlatform } from "../platform.ts";
import { cartIsBrought } from "./cart-is-brought.ts";
import { catalogue } from "./catalogue.ts";
import { goodsComeShort } from "./goods-come-short.ts";
import { createMoves, type Moves, type Paid } from "./group-buy.ts";
import { createClient } from "./http-client.ts";
import { ladderReaches } from "./ladder-reaches.ts";
import { bold, createReport, dim, left, mute, print, type Report, right } from "./report.ts";
import { type Chain, listArticles, openStores, stockUp } from "./seed.ts";
import { teamFails } from "./team-fails.ts";
import { teamSucceeds } from "./team-succeeds.ts";

/**
 * `npm run demo`: a platform of its own on a free port and in a temporary folder, five stories played over HTTP alone, and
 * checks of what came of them. Exits 0 when every check passed. Ends what it started, also on Ctrl-C. With `DEMO_LOG=1` the
 * functions' log goes to stderr.
 */
async function play(platform: Platform): Promise<boolean> {
  const client = createClient(platform.url);
  const { username, password } = JSON.parse(readFileSync(platform.cognito.adminFile, "utf8")) as Record<string, string>;
  const admin = client.staff(username!, password!);
  const moves = createMoves(client, admin);
  const report = createReport(client.local);
  try {
    print(`${bold("共餐 Commensal")}  ${platform.url}  ${dim(`platform time ${toIso(await moves.now())}`)}`);
    await client.local.get("/_local/meter?reset", z.unknown());

    report.heading("序幕 三十家店", "Before: thirty stores, one catalogue");
    const stores = await report.step("在真实坐标上开 30 家门店", "30 stores at real coordinates", () =>
      openStores(admin),
    );
    const articles = await report.step("上架生鲜商品", "the fresh-food catalogue", () => listArticles(admin));
    const named = ["本地有机蔬菜套装", "儿童营养早餐包", "土鸡蛋"];
    await report.step("三款团购商品到货,每店 40 份", "stock of three articles, 40 a store", () =>
      stockUp(
        admin,
        stores.values(),
        named.map((name) => articles.get(name)!.articleId),
      ),
    );
    const listed = z.object({ items: z.array(z.unknown()) });
    const sizes = await Promise.all(
      ["stores", "articles"].map(async (list) => (await admin.get(`/ops/v1/${list}?limit=50`, listed)).items.length),
    );
    report.check(`门店 ${sizes[0]} 家,商品 ${sizes[1]} 款`, sizes[0] === 30 && sizes[1] === catalogue.length, sizes);
    const chain: Chain = { stores, articles };

    const succeeded = await teamSucceeds({ client, admin, chain, moves, report });
    const failed = await teamFails({ client, chain, moves, report });
    const laddered = await ladderReaches({ chain, moves, report });
    const shortened = await goodsComeShort({ chain, moves, report });
    const brought = await cartIsBrought({ client, admin, chain, moves, report });
    await followTheMoney(report, moves, [
      ...succeeded.map((seat) => ({ seat, keptFen: seat.payableFen })),
      ...failed.map((seat) => ({ seat, keptFen: 0 })),
      ...laddered,
      ...shortened,
      ...brought,
    ]);
    const dead = z.object({ deadLetters: z.array(z.unknown()) });
    const { deadLetters } = await client.local.get("/_local/dead-letters", dead);
    report.check("没有处理不了的事件", deadLetters.length === 0, deadLetters);
  } catch (error) {
    report.broke(error);
  }
  return report.verdict(performance.now() / 1000);
}

/** Our ledger beside the channel's own book, order by order; `keptFen` is what each story says stays of a payment. */
async function followTheMoney(report: Report, moves: Moves, ended: { seat: Paid; keptFen: number }[]): Promise<void> {
  const seats = ended.map(({ seat }) => seat);
  report.heading("尾声 对账", "After: our ledger against the channel's book");
  const { book, money } = await report.step("查十四张订单的资金流水", "GET …/orders/{id}/money", async () => ({
    book: await moves.book(),
    money: await Promise.all(seats.map(moves.money)),
  }));
  const refunded = money.find(({ transfers }) => transfers.some(({ kind }) => kind === "refund"));
  for (const { kind, debit, credit, amountFen } of refunded?.transfers ?? [])
    report.line(`${left(kind, 8)} 借 ${left(debit, 33)} 贷 ${left(credit, 33)}${right(`¥${yuan(amountFen)}`, 8)}`);

  const row = ([who, number, ...figures]: string[]) =>
    left(who!, 8) + left(number!, 31) + figures.map((figure) => right(figure, 10)).join("");
  report.line(dim(row(["会员", "付款单号", "我方收", "微信收", "我方退", "微信退", "余额"])));
  const compared = seats.map((seat, i) => {
    const { transfers, balanceFen } = money[i]!;
    const booked = (kind: string) =>
      transfers.filter((line) => line.kind === kind).reduce((sum, line) => sum + line.amountFen, 0);
    const theirs = book.payments.find(({ paymentNo }) => paymentNo.startsWith(seat.orderId));
    const captured = theirs && ["SUCCESS", "REFUND"].includes(theirs.state) ? theirs.totalFen : 0;
    const figures = [booked("payment"), captured, booked("refund"), theirs?.refundedFen ?? 0, balanceFen];
    report.line(row([seat.member.name, theirs?.paymentNo ?? "", ...figures.map((fen) => `¥${yuan(fen)}`)]));
    const [got, gotThere, gave, gaveThere] = figures;
    return { balanceFen, agree: got === gotThere && gave === gaveThere && balanceFen === got! - gave! };
  });
  report.check(
    "我方账与微信账逐单一致,一分不差",
    compared.every(({ agree }) => agree),
    compared,
  );
  report.check(
    "微信账上没有我方不认识的收款和退款",
    book.payments.length === seats.length && book.refunds.length === 6,
    [book.payments.length, book.refunds.length],
  );
  report.check(
    "成团订单余额等于应付,失败订单余额为零,阶梯团留下的是第二档价,到货不足的留下到货的份数",
    ended.every(({ keptFen }, i) => compared[i]!.balanceFen === keptFen),
    compared,
  );
}

const dataDir = await mkdtemp(join(tmpdir(), "commensal-demo-"));
const started = startPlatform({
  dataDir,
  // Ten in the morning of today: the stories then never meet a closed store.
  startAt: startOfDay(Date.now()) + 10 * hour,
  progress: (line) => print(dim(line)),
  log: (line) => {
    if (process.env.DEMO_LOG) console.error(line);
  },
});

/** Stops the platform and removes its folder; a second call waits for the first. */
let ending: Promise<void> | undefined;
function end(): Promise<void> {
  ending ??= (async () => {
    await started.then((platform) => platform.stop()).catch(() => {});
    await rm(dataDir, { recursive: true, force: true });
  })();
  return ending;
}
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.on(signal, () => {
    mute();
    console.log("\n中断,正在收尾  interrupted, ending");
    void end().then(() => process.exit(code));
  });

let passed = false;
try {
  passed = await play(await started);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
}
await end();
process.exitCode = passed ? 0 : 1;
