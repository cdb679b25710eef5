import { yuan } from "../../shared/kernel/money.ts";
import { hour, minute, toIso } from "../../shared/kernel/time.ts";
import type { Moves, Seat } from "./group-buy.ts";
import type { Report } from "./report.ts";
import type { Chain } from "./seed.ts";

const casePack = 6;
const tiers = [
  { fromUnits: 6, unitFen: 2980 },
  { fromUnits: 12, unitFen: 2780 },
];
const [firstTier, secondTier] = tiers as [(typeof tiers)[0], (typeof tiers)[0]];
/** Who orders how much: at least, and at most to fill a case. */
const wishes = [
  { name: "何奶奶", units: 6, upToUnits: 6 },
  { name: "吕叔叔", units: 3, upToUnits: 5 },
  { name: "施女士", units: 7, upToUnits: 7 },
];
const wanted = wishes.reduce((sum, { units }) => sum + units, 0);
const bought = wishes.reduce((sum, { upToUnits }) => sum + upToUnits, 0);

/** Story 3: a community's ladder reaches its second price; the differences go back. Answers seats and what each keeps, fen. */
export async function ladderReaches(parts: {
  chain: Chain;
  moves: Moves;
  report: Report;
}): Promise<{ seat: Seat; keptFen: number }[]> {
  const { chain, moves, report } = parts;
  const article = chain.articles.get("土鸡蛋")!;
  const storeId = chain.stores.get("人民广场")!;
  report.heading("第三幕 阶梯团降到第二档", "Story 3: a ladder reaches its second price");

  const members = await report.step("三位邻居加入人民广场店的社群", "a community of the store", () =>
    moves.community(
      storeId,
      "人民广场邻居群",
      wishes.map(({ name }) => name),
    ),
  );
  const ladder = await report.step(
    "运营建阶梯团:满 6 盒 29.80 元,满 12 盒 27.80 元,四小时后截单",
    "tiers, case pack",
    async () => {
      const at = await moves.now();
      return moves.publishBatch({
        kind: "ladder",
        name: "土鸡蛋阶梯团",
        articleId: article.articleId,
        communityIds: [members.communityId],
        minUnits: firstTier.fromUnits,
        casePack,
        tiers,
        opensAt: toIso(at),
        cutOff: toIso(at + 4 * hour),
        pickupFrom: toIso(at + 20 * hour),
        pickupUntil: toIso(at + 60 * hour),
        allotments: [{ storeId, units: 24 }],
      });
    },
  );
  const { teamId } = ladder.communities[0]!;
  const offered = await moves.batch(members.joined[0]!, teamId);
  report.line(offered.batch.text);

  const seats: Seat[] = [];
  for (const [i, { name, units, upToUnits }] of wishes.entries()) {
    const text = upToUnits > units ? `${units} 盒,至多 ${upToUnits} 盒` : `${units} 盒`;
    seats.push(
      await report.step(`${name}订 ${text},按首档价预付`, "orders and pays", async () => {
        const seat = await moves.orderInBatch(members.joined[i]!, teamId, { units, upToUnits });
        await moves.pay(seat);
        return seat;
      }),
    );
    const { quantity } = await moves.batch(members.joined[i]!, teamId);
    report.line(
      `本社群已订 ${quantity.units} 盒,现价 ¥${yuan(quantity.unitFen)}${quantity.next ? `,满 ${quantity.next.fromUnits} 盒 ¥${yuan(quantity.next.unitFen)}` : ""}`,
    );
  }
  report.check(
    "预付的是最多要付的:至多的份数 × 首档价",
    seats.every(({ payableFen }, i) => payableFen === wishes[i]!.upToUnits * firstTier.unitFen),
    seats.map(({ payableFen }) => payableFen),
  );

  await report.step("时钟拨过截单时间,结算", "the clock passes the cut-off", () =>
    moves.advance(4 * hour + 4 * minute),
  );
  await report.step("时钟再走 5 分钟,差额到账", "five minutes on, the differences arrive", () =>
    moves.advance(5 * minute),
  );
  const settled = await moves.batch(members.joined[0]!, teamId);
  report.check(
    `截单冻结:${wanted} 盒,第二档 ¥${yuan(secondTier.unitFen)}`,
    settled.state === "SUCCEEDED" &&
      settled.quantity.units === wanted &&
      settled.quantity.unitFen === secondTier.unitFen,
    settled,
  );
  const orders = await Promise.all(seats.map(moves.order));
  for (const [i, { batch, refunds }] of orders.entries())
    report.line(
      `${wishes[i]!.name}  实得 ${batch?.share?.units} 盒 × ¥${yuan(batch?.share?.unitFen ?? 0)}  退 ${refunds.map((r) => `¥${yuan(r.refundFen)} ${r.state}`).join(", ")}`,
    );
  report.check(
    `按整箱采购 ${bought / casePack} 箱:吕叔叔的至多 5 盒凑满了最后一箱`,
    orders.every(({ batch }, i) => batch?.share?.units === wishes[i]!.upToUnits),
    orders,
  );
  const keptFen = wishes.map(({ upToUnits }) => upToUnits * secondTier.unitFen);
  report.check(
    "每单一笔差额退款,都已到账,座位不变",
    orders.every(
      ({ seat, refunds, payment }, i) =>
        seat === "CONFIRMED" &&
        payment.state === "PARTIALLY_REFUNDED" &&
        refunds.length === 1 &&
        refunds[0]!.state === "SUCCESS" &&
        refunds[0]!.refundFen === seats[i]!.payableFen - keptFen[i]!,
    ),
    orders,
  );
  const box = await moves.inbox(members.joined[1]!);
  const why = box.find(({ title }) => title.startsWith("为什么退款"));
  report.line(`吕叔叔的消息:${why?.body}`);
  report.check("消息说明为什么退款", why !== undefined, box);
  const list = await moves.pickingList(storeId, ladder.campaignId);
  report.check(
    "门店分拣单:一个社群三单,18 盒 3 箱",
    list.communities.length === 1 &&
      list.communities[0]!.units === bought &&
      list.communities[0]!.cases === bought / casePack,
    list,
  );
  return seats.map((seat, i) => ({ seat, keptFen: keptFen[i]! }));
}
