import * as z from "zod";
import { yuan } from "../../shared/kernel/money.ts";
import { hour, toIso } from "../../shared/kernel/time.ts";
import { type Moves, type Seat, toAll } from "./group-buy.ts";
import type { Caller, Client, Member } from "./http-client.ts";
import { left, type Report, right } from "./report.ts";
import { type Chain, hireClerk } from "./seed.ts";

const unitsAStore = 10;
/** Left out of the campaign, so that somebody beside it is told why a store further away serves. */
const withoutUnits = ["人民广场"];

async function tellWhy(report: Report, moves: Moves, seat: Seat): Promise<void> {
  const { why } = await moves.order(seat);
  report.line(`${left(seat.member.name, 7)}${right(`¥${yuan(seat.payableFen)}`, 8)}  ${why}`);
}

/** Story 1: four neighbours fill a team, pay, are routed, pick up. Answers their seats. */
export async function teamSucceeds(parts: {
  client: Client;
  admin: Caller;
  chain: Chain;
  moves: Moves;
  report: Report;
}): Promise<Seat[]> {
  const { client, admin, chain, moves, report } = parts;
  const article = chain.articles.get("本地有机蔬菜套装")!;

  report.heading("第一幕 四位邻居成团", "Story 1: four neighbours fill a team");
  const campaign = await report.step("运营建活动:邀请 3 位成团,全员 8 折", "draft, allot, publish", () =>
    moves.publish({
      name: "本地有机蔬菜邻里团",
      articleId: article.articleId,
      durationMinutes: 24 * 60,
      allotments: toAll(chain, unitsAStore, withoutUnits),
    }),
  );
  const { campaignId, teamFen } = campaign;
  report.line(`单独购买 ¥${yuan(campaign.aloneFen)},四人成团每份 ¥${yuan(teamFen)};每店 ${unitsAStore} 份`);
  report.check("团价是单买价的八折,四舍五入到分", teamFen === Math.round((article.priceFen * 8) / 10), teamFen);

  const [wang, li, chen, zhao] = (await report.step("四位邻居用微信登录", "four members sign in", async () => {
    const members: Member[] = [];
    for (const name of ["王阿姨", "李先生", "陈女士", "赵爷爷"]) members.push(await client.member(name));
    return members;
  })) as [Member, Member, Member, Member];

  const home = { address: "上海市黄浦区泰康路210弄" };
  const first = await report.step("王阿姨凭地址开团:泰康路210弄", "the leader opens, by address", () =>
    moves.open(wang, campaignId, { place: home }),
  );
  await tellWhy(report, moves, first);
  const neighbour = await client.member("周先生");
  report.check(
    "团长付款前,别人看不到这个团",
    (await neighbour.refusal(`/v1/teams/${first.teamId}/shares`)).endsWith("TEAM_NOT_VISIBLE"),
  );

  await report.step("王阿姨付款,团开始计时", "the leader pays; the team forms", () => moves.pay(first));
  const forming = await moves.team(wang, first.teamId);
  report.line(`还差 ${forming.remainingInvites} 位,截止 ${forming.deadline?.slice(5, 16).replace("T", " ")}`);
  report.check(
    "团长付款后成为 FORMING,还差 3 位",
    forming.state === "FORMING" && forming.remainingInvites === 3,
    forming,
  );

  const link = await report.step("王阿姨把拼团分享到邻居群", "share link", () => moves.share(wang, first.teamId));
  report.line(`「${link.title}」 scene=${link.token}`);

  const joins: [Member, string, string, () => Promise<object>][] = [
    [
      li,
      "李先生参团:手机定位 (gcj02)",
      "joins by a gcj02 point",
      async () => ({ place: { lat: 31.2112, lng: 121.4686, datum: "gcj02" } }),
    ],
    [
      chen,
      "陈女士参团:GPS 坐标 (wgs84)",
      "joins by a wgs84 point",
      async () => ({ place: { lat: 31.223, lng: 121.4705, datum: "wgs84" } }),
    ],
    [
      zhao,
      "赵爷爷参团:自选门店",
      "picks one of the stores offered",
      async () => {
        const place = { address: "上海市徐汇区衡山路534号" };
        const offered = z.object({
          items: z.array(z.object({ storeId: z.string(), name: z.string(), why: z.string() })).min(2),
        });
        const { items } = await zhao.post("/v1/store-offers", { campaignId, place }, offered);
        for (const [i, { name, why }] of items.slice(0, 3).entries()) report.line(`${i + 1}. ${left(name, 24)} ${why}`);
        return { place, storeId: items[1]!.storeId };
      },
    ],
  ];
  const seats = [first];
  for (const [member, zh, en, where] of joins) {
    const place = await where();
    const seat = await report.step(zh, en, async () => {
      const joined = await moves.join(member, first.teamId, link.token, place);
      await moves.pay(joined);
      return joined;
    });
    seats.push(seat);
    await tellWhy(report, moves, seat);
  }
  const told = await Promise.all(seats.map(moves.order));
  report.check(
    "每位邻居都知道为什么是这家店",
    told.every(({ why }) => why.includes("承接")),
  );
  report.check("没货的近店被跳过,并说明原因", told[2]!.why.includes("人民广场店因库存不足"), told[2]!.why);
  report.check("自选门店的订单由所选门店承接", told[3]!.why.includes("您选择的门店"), told[3]!.why);

  const changes = await report.step("客户端问有没有变化", "GET changes, cheap to ask", () =>
    moves.teamChanges(wang, first.teamId, forming.version),
  );
  const again = await moves.teamChanges(wang, first.teamId, changes.version);
  report.line(
    `after=${forming.version} → ${changes.current?.state} (${changes.current?.outcome});再问 after=${changes.version} → changed: ${again.changed}`,
  );
  const team = await moves.team(wang, first.teamId);
  report.check("第四位付款即成团:SUCCEEDED,4/4", team.state === "SUCCEEDED" && team.paid === 4, team);
  report.check("没有变化时不再传内容,成团后不必再问", !again.changed && again.askAgainS === undefined, again);
  const inboxes = await Promise.all(seats.map(({ member }) => moves.inbox(member)));
  report.line(
    `王阿姨的消息:${inboxes[0]!
      .map(({ title }) => title)
      .reverse()
      .join(" → ")}`,
  );
  report.check(
    "四人都收到一条“拼团成功”",
    inboxes.every((box) => box.filter((m) => m.title === "拼团成功").length === 1),
  );
  const numbers = told.map(({ payment }) => payment.paymentNo);
  const notices = await moves.notifications(numbers);
  report.check(
    "每笔付款的通知都已验签并确认",
    notices.length === 4 && notices.every(({ state }) => state === "accepted"),
    notices,
  );
  const lefts = await Promise.all(seats.map(({ storeId }) => moves.unitsLeft(campaignId, storeId)));
  const sold = (storeId: string) => seats.filter((seat) => seat.storeId === storeId).length;
  report.check(
    "卖出的每一份都从承接门店的配额里扣除",
    seats.every(({ storeId }, i) => lefts[i] === unitsAStore - sold(storeId)),
    lefts,
  );

  const elsewhere = chain.stores.get("五角场")!;
  const clerks = await report.step("各门店的店员上岗", "clerks are hired", async () => {
    const hired = new Map<string, Caller>();
    for (const storeId of new Set([...seats.map((seat) => seat.storeId), elsewhere]))
      hired.set(storeId, await hireClerk(client, admin, `clerk-${hired.size + 1}`, storeId));
    return hired;
  });
  const clerk = clerks.get(first.storeId)!;
  const stranger = clerks.get(elsewhere)!;
  const codeOf = z.object({ code: z.string().regex(/^\d{12}$/) });
  const { code } = await report.step("王阿姨取提货码", "pickup code", () =>
    wang.post(`/v1/orders/${first.orderId}/pickup-code`, undefined, codeOf),
  );
  const counter = `/ops/v1/stores/${first.storeId}/pickups`;
  const early = await clerk.refusal(counter, { code });
  report.check("没到提货时间,核销被拒", early === "409 PICKUP_NOT_READY", early);
  await report.step("时钟拨到提货时间", "the clock moves six hours", () => moves.advance(6 * hour));
  const refusals = [
    await stranger.refusal(counter, { code }),
    await stranger.refusal(`/ops/v1/stores/${elsewhere}/pickups`, { code }),
  ];
  report.line(`五角场店员在打浦桥店:${refusals[0]};在自己的店:${refusals[1]}`);
  report.check(
    "别店的店员核销不了",
    refusals[0] === "403 STORE_OUT_OF_SCOPE" && refusals[1]!.includes("PICKUP_OTHER_STORE"),
    refusals,
  );
  const handed = await report.step("店员核销,货交王阿姨", "the store's clerk verifies, hands over", () =>
    clerk.post(counter, { code }, z.object({ orderId: z.string(), handedOverAt: z.string() })),
  );
  report.check("核销的正是这张订单", handed.orderId === first.orderId);
  report.check("提货码只能用一次", (await clerk.refusal(counter, { code })).endsWith("PICKUP_CODE_USED"));
  await report.step("另外三位也到各自的门店提货", "the other three collect", async () => {
    for (const { member, orderId, storeId } of seats.slice(1)) {
      const issued = await member.post(`/v1/orders/${orderId}/pickup-code`, undefined, codeOf);
      await clerks.get(storeId)!.post(`/ops/v1/stores/${storeId}/pickups`, issued, z.object({ orderId: z.string() }));
    }
  });
  const pages = await Promise.all(seats.map(moves.order));
  report.check(
    "四位会员都看到“已提货”",
    pages.every(({ headline, stage }) => headline === "已提货" && stage === "HANDED_OVER"),
    pages,
  );
  const uploads = await client.local.get(
    "/_local/wechat/shipping",
    z.array(z.object({ paymentNo: z.string(), uploads: z.int(), uploadedAt: z.int() })),
  );
  for (const { paymentNo, uploadedAt } of uploads.slice(0, 1))
    report.line(
      `微信发货信息:${paymentNo},${toIso(uploadedAt).slice(5, 16).replace("T", " ")},共 ${uploads.length} 单`,
    );
  report.check(
    "每单的发货信息各上传微信一次,货款可以解冻",
    numbers.every((number) => uploads.find(({ paymentNo }) => paymentNo === number)?.uploads === 1),
    uploads,
  );
  return seats;
}
