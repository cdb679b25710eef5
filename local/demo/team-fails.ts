import { yuan } from "../../shared/kernel/money.ts";
import { minute } from "../../shared/kernel/time.ts";
import { type Moves, type Seat, toAll } from "./group-buy.ts";
import type { Client, Member } from "./http-client.ts";
import type { Report } from "./report.ts";
import type { Chain } from "./seed.ts";

const unitsAStore = 5;
const durationMinutes = 120;

/** Story 2: two pay, one holds and never pays, the deadline passes, everyone is refunded. Answers the three seats. */
export async function teamFails(parts: {
  client: Client;
  chain: Chain;
  moves: Moves;
  report: Report;
}): Promise<Seat[]> {
  const { client, chain, moves, report } = parts;
  report.heading("第二幕 到点没满,人人退款", "Story 2: a team misses its deadline");
  const { campaignId, teamFen } = await report.step("运营建活动:儿童营养早餐包,两小时内成团", "another campaign", () =>
    moves.publish({
      name: "儿童营养早餐包邻里团",
      articleId: chain.articles.get("儿童营养早餐包")!.articleId,
      durationMinutes,
      allotments: toAll(chain, unitsAStore),
    }),
  );
  const [sun, wu, zheng] = (await report.step("三位邻居登录", "three members sign in", async () => [
    await client.member("孙妈妈"),
    await client.member("吴先生"),
    await client.member("郑同学"),
  ])) as [Member, Member, Member];

  const leader = await report.step("孙妈妈开团并付款:邯郸路220号", "the leader opens and pays", async () => {
    const seat = await moves.open(sun, campaignId, { place: { address: "上海市杨浦区邯郸路220号" } });
    await moves.pay(seat);
    return seat;
  });
  const { teamId } = leader;
  const link = await moves.share(sun, teamId);
  const second = await report.step("吴先生参团并付款:四平路1239号", "a neighbour joins and pays", async () => {
    const seat = await moves.join(wu, teamId, link.token, { place: { address: "上海市杨浦区四平路1239号" } });
    await moves.pay(seat);
    return seat;
  });
  const third = await report.step("郑同学占座,打开付款页又不付:大连路1619号", "a third holds, never pays", async () => {
    const seat = await moves.join(zheng, teamId, link.token, { place: { address: "上海市杨浦区大连路1619号" } });
    await moves.prepay(seat);
    return seat;
  });
  const seats = [leader, second, third];
  for (const seat of seats)
    report.line(`${seat.member.name}  ¥${yuan(seat.payableFen)}  ${(await moves.order(seat)).why}`);
  const held = await moves.team(sun, teamId);
  report.check("占座未付也算占位:还差 1 位", held.paid === 2 && held.remainingInvites === 1, held);
  const lefts = () => Promise.all(seats.map(({ storeId }) => moves.unitsLeft(campaignId, storeId)));
  const taken = await lefts();
  const seatsAt = (storeId: string, among: Seat[]) => among.filter((seat) => seat.storeId === storeId).length;
  report.check(
    "三份都已从门店配额扣下",
    seats.every(({ storeId }, i) => taken[i] === unitsAStore - seatsAt(storeId, seats)),
    taken,
  );

  await report.step("时钟拨过占座时限 (15 + 3 分钟)", "the clock passes the hold", () => moves.advance(20 * minute));
  const released = await moves.order(third);
  report.check(
    "占座到时释放,微信侧订单已关闭",
    released.seat === "RELEASED" && released.payment.state === "CLOSED",
    released,
  );
  const freed = await moves.team(sun, teamId);
  report.check("座位让出:还差 2 位,团仍在拼", freed.state === "FORMING" && freed.remainingInvites === 2, freed);
  report.check(
    "释放的那一份回到配额",
    (await moves.unitsLeft(campaignId, third.storeId)) === unitsAStore - seatsAt(third.storeId, [leader, second]),
  );

  await report.step("时钟拨过成团截止时间", "the clock passes the deadline", () =>
    moves.advance(durationMinutes * minute),
  );
  // A refund is accepted first and paid out later; its machine asks again after a minute, then less often.
  await report.step("时钟再走 5 分钟,退款到账", "five minutes on, the refunds arrive", () => moves.advance(5 * minute));
  const failed = await moves.team(sun, teamId);
  report.check("到点未满:FAILED(deadline)", failed.state === "FAILED" && failed.outcome === "deadline", failed);
  const orders = await Promise.all([leader, second].map(moves.order));
  for (const [i, page] of orders.entries())
    report.line(
      `${[sun, wu][i]!.name}  ${page.headline}  ${page.refunds.map((r) => `${r.refundNo} ¥${yuan(r.refundFen)} ${r.state}`).join(", ")}`,
    );
  report.check(
    "两位付款人各有一笔全额退款,都已到账",
    orders.every(
      ({ seat, refunds }) =>
        seat === "REFUNDED" &&
        refunds.length === 1 &&
        refunds[0]!.refundFen === teamFen &&
        refunds[0]!.state === "SUCCESS",
    ),
    orders,
  );
  const executions = await moves.refundExecutions();
  const own = orders.map(({ refunds }) => executions.filter(({ name }) => refunds[0]?.refundNo.startsWith(name)));
  report.check(
    "每笔退款由自己的执行完成,互不影响",
    executions.length === 2 && own.every((list) => list.length === 1 && list[0]!.status === "SUCCEEDED"),
    executions,
  );
  report.check(
    "未付款的人没有付款,也没有退款",
    (await moves.order(third)).refunds.length === 0 && (await moves.money(third)).transfers.length === 0,
  );
  const back = await lefts();
  report.check(
    "三份都回到门店配额",
    back.every((left) => left === unitsAStore),
    back,
  );
  const boxes = await Promise.all([sun, wu].map(moves.inbox));
  report.line(
    `孙妈妈的消息:${boxes[0]!
      .map(({ title }) => title)
      .reverse()
      .join(" → ")}`,
  );
  report.check(
    "两人都收到“拼团未成功”和“退款到账”",
    boxes.every((box) => ["拼团未成功", "退款到账"].every((title) => box.some((m) => m.title === title))),
    boxes,
  );
  return seats;
}
