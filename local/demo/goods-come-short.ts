import { yuan } from "../../shared/kernel/money.ts";
import { hour, minute, toIso } from "../../shared/kernel/time.ts";
import type { Moves, Seat } from "./group-buy.ts";
import type { Report } from "./report.ts";
import type { Chain } from "./seed.ts";

const unitFen = 5440;
/** Who orders how much, in the order of payment; and what each gets of the six boxes that come whole. */
const buyers = [
  { name: "秦阿姨", of: 0, units: 3, gets: 3 },
  { name: "尤老师", of: 1, units: 2, gets: 2 },
  { name: "许先生", of: 0, units: 2, gets: 1 },
] as const;
const ordered = 7;
const damaged = 1;

/** Story 4: goods bought at the cut-off come short; who paid last is refunded. Answers seats and what each keeps, fen. */
export async function goodsComeShort(parts: {
  chain: Chain;
  moves: Moves;
  report: Report;
}): Promise<{ seat: Seat; keptFen: number }[]> {
  const { chain, moves, report } = parts;
  const { articleId } = chain.articles.get("奉贤黄桃")!;
  const storeId = chain.stores.get("豫园")!;
  report.heading("第四幕 截单采购,到货不足", "Story 4: bought at the cut-off, and come short");
  const groups = await report.step("豫园店的两个社群", "two communities of one store", () =>
    Promise.all(
      ["豫园邻居群", "豫园妈妈群"].map((name, i) =>
        moves.community(
          storeId,
          name,
          buyers.filter(({ of }) => of === i).map((one) => one.name),
        ),
      ),
    ),
  );
  const batch = await report.step("运营建截单团:奉贤黄桃,截单后采购,不占门店库存", "sourced to order", async () => {
    const at = await moves.now();
    return moves.publishBatch({
      kind: "batch",
      sourced: "to_order",
      name: "奉贤黄桃截单团",
      articleId,
      communityIds: groups.map(({ communityId }) => communityId),
      shareBps: 8000,
      minUnits: 2,
      opensAt: toIso(at),
      cutOff: toIso(at + hour),
      pickupFrom: toIso(at + 2 * hour),
      pickupUntil: toIso(at + 30 * hour),
      allotments: [{ storeId, units: 20 }],
    });
  });
  const members = groups.flatMap(({ joined }) => joined);
  const seats = await report.step("三位邻居先后下单并付款", "three pay, one after the other", async () => {
    const paid: Seat[] = [];
    for (const { name, of, units } of buyers) {
      const { communityId } = groups[of]!;
      const { teamId } = batch.communities.find((one) => one.communityId === communityId)!;
      const seat = await moves.orderInBatch(members.find((one) => one.name === name)!, teamId, { units });
      await moves.pay(seat);
      paid.push(seat);
    }
    return paid;
  });
  await report.step("时钟拨过截单时间,结算", "the clock passes the cut-off", () => moves.advance(hour + 4 * minute));
  await report.step("两分钟后采购单写好", "the purchase order is written", () => moves.advance(2 * minute));
  const bought = await moves.purchase(storeId, batch.campaignId);
  report.check(
    `采购单:两个社群共 ${ordered} 箱,成本 ¥${yuan(bought.costFen)}`,
    bought.state === "EXPECTED" && bought.units === ordered && bought.communities.length === 2,
    bought,
  );
  const came = await report.step(`到货 ${ordered} 箱,压坏 ${damaged} 箱,不再补货`, "seven come, one is crushed", () =>
    moves.receive(storeId, batch.campaignId, { units: ordered, rejected: damaged, reason: "压伤", last: true }),
  );
  await report.step("时钟再走 2 分钟,退款到账", "two minutes on, the refund arrives", () => moves.advance(2 * minute));
  report.check(
    "到货按付款先后分给两个社群,门店收货结束",
    came.state === "RECEIVED" && came.good === ordered - damaged && came.damaged === damaged,
    came,
  );
  const orders = await Promise.all(seats.map(moves.order));
  for (const [i, { refunds }] of orders.entries()) {
    const { name, units, gets } = buyers[i]!;
    const back = refunds.map((one) => `退 ¥${yuan(one.refundFen)} ${one.state}`).join(", ");
    report.line(`${name}  订 ${units} 箱,可提 ${gets} 箱  ${back || "不退"}`);
  }
  report.check(
    "先付的两位足额,最后付的少一箱,只退这一箱的钱",
    orders.every(({ seat, refunds }, i) => {
      const { units, gets } = buyers[i]!;
      const backFen = refunds.reduce((sum, one) => sum + (one.state === "SUCCESS" ? one.refundFen : 0), 0);
      return seat === "CONFIRMED" && refunds.length === (gets < units ? 1 : 0) && backFen === (units - gets) * unitFen;
    }),
    orders,
  );
  const box = await moves.inbox(seats[2]!.member);
  const why = box.find(({ title }) => title.startsWith("到货不足"));
  report.line(`许先生的消息:${why?.body}`);
  report.check("消息说明少了几箱、退多少", why !== undefined, box);
  return seats.map((seat, i) => ({ seat, keptFen: buyers[i]!.gets * unitFen }));
}
