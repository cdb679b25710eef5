import { notePickOfOrder, notePicks, notePicksOfLine } from "../../shared/fulfilment/index.ts";
import { counts, seatPagesIn } from "../../shared/groupbuy/index.ts";
import { fileMessage } from "../../shared/journey/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import { siblingId } from "../../shared/kernel/ids.ts";
import { yuan } from "../../shared/kernel/money.ts";
import { clockText } from "../../shared/kernel/time.ts";
import { noteDeal } from "../../shared/pricing/index.ts";
import { teams } from "../../shared/table/keys.ts";
import { composeDeps } from "../runtime/composition.ts";
import type { Deps } from "../runtime/deps.ts";
import { eventHandler } from "../runtime/handler.ts";

interface Message {
  title: string;
  body: string;
}
/** Undefined: nothing is told. */
type Words = (event: DomainEvent) => Message | undefined;

const amount = (event: DomainEvent, name: string) => `${yuan(Number(event.data[name]))}元`;
const moment = (event: DomainEvent, name: string) => clockText(Number(event.data[name]));
const failures: Record<string, string> = {
  deadline: "到截止时间人数未满",
  leader_left: "团长已退出",
  ops: "活动已取消",
  stock: "商品缺货",
};

const whyFailed = (event: DomainEvent): string =>
  event.data.kind !== undefined && event.data.because === "deadline"
    ? "到截单时间未达到起订量"
    : (failures[String(event.data.because)] ?? "未成团");

/** What a member is told when something happens to the seat or the money. */
const toMember: Record<string, Words> = {
  "seat.placed_for": (e) => ({
    title: "团长为您下单",
    body: `社群团长为您预留了座位,应付${amount(e, "payableFen")}。请在${moment(e, "holdUntil")}前确认支付,不需要可直接退出。`,
  }),
  "seat.paid": (e) => ({ title: "支付成功", body: `已支付${amount(e, "payableFen")},座位已为您保留。` }),
  "refund.requested": (e) =>
    e.data.cause === "settled_difference"
      ? {
          title: "为什么退款:截单结算",
          body: `本团共订${e.data.quantity}份,${e.data.outcome === "subsidised" ? "未到起订量,差额由平台补贴," : ""}成交价${amount(e, "unitFen")};您实得${e.data.settledUnits}份,预付${amount(e, "payableFen")},差额${amount(e, "refundFen")}将原路退回。`,
        }
      : e.data.cause === "short_arrival"
        ? {
            title: "到货不足,部分退款",
            body: `“${e.data.articleName}”到货不足,按付款先后分配:您订${e.data.soldUnits}份,可提${e.data.arrivedUnits}份,${amount(e, "refundFen")}将原路退回。`,
          }
        : undefined,
  "order.compensated": (e) => ({
    title: "售后先行赔付",
    body: `很抱歉“${e.data.articleName}”没有让您满意,${amount(e, "refundFen")}将原路退回,无需等待责任判定。`,
  }),
  "claim.rejected": () => ({ title: "售后申请未通过", body: "很抱歉,您的售后申请未通过,请在订单中查看原因。" }),
  "order.packed": (e) =>
    e.data.refundId === undefined
      ? undefined
      : {
          title: "称重结算,退还差额",
          body: `“${e.data.articleName}”实称${e.data.grams}克,标称${e.data.nominalGrams}克,不足部分${amount(e, "refundFen")}将原路退回。`,
        },
  "order.short_picked": (e) => {
    const back = e.data.refundId === undefined ? undefined : amount(e, "refundFen");
    return e.data.insteadName === undefined
      ? {
          title: "缺货,部分退款",
          body: `很抱歉“${e.data.articleName}”缺${e.data.missingUnits}份,${back === undefined ? "" : `${back}将原路退回,`}其余商品照常为您备好。`,
        }
      : {
          title: "缺货,已换同类商品",
          body: `很抱歉“${e.data.articleName}”缺${e.data.missingUnits}份,已为您换成“${e.data.insteadName}”,不另收费${back === undefined ? "" : `,差价${back}将原路退回`}。不合意请在提货时告诉店员。`,
        };
  },
  "order.pickup_ends": (e) => ({
    title: "请记得提货",
    body: `“${e.data.articleName}”${moment(e, "until")}截止提货${e.data.shelfNo === undefined ? "" : `(货架号${e.data.shelfNo})`},请凭提货码到店自提。`,
  }),
  "order.pickup_over": (e) => ({
    title: "提货时间已过",
    body: `“${e.data.articleName}”还在店里,为您保留到${moment(e, "keptUntil")},之后由门店处理,不再退款。`,
  }),
  "order.taste_asked": (e) => ({
    title: "好吃吗?",
    body: `“${e.data.articleName}”味道怎么样?在订单里点一下告诉我们,好吃就到社群晒一晒。`,
  }),
  "order.disposed": (e) => ({
    title: "逾期未提,已由门店处理",
    body: `“${e.data.articleName}”超过保留时间无人提取,门店已按下单时公布的规则处理。有疑问请联系客服。`,
  }),
  "order.promise_moved": (e) => ({
    title: "到货延期",
    body: `“${e.data.articleName}”到货延期,${moment(e, "pickupFrom")}起可提货。货到之前可申请全额退款,不操作则为您保留订单。`,
  }),
  "seat.withdrawn": (e) => ({ title: "已申请退款", body: `${amount(e, "refundFen")}将原路退回,订单不再保留。` }),
  "order.paid": (e) => ({
    title: "支付成功",
    body: `已支付${amount(e, "payableFen")},门店正在备货,请留意备货通知。`,
  }),
  "order.ready": (e) =>
    e.data.delivers
      ? { title: "订单已备好", body: "您的商品已备好,即将出发配送。" }
      : {
          title: "订单已备好",
          body: `您的商品已备好${e.data.shelfNo === undefined ? "" : `(货架号${e.data.shelfNo})`},请凭提货码到店自提。`,
        },
  "order.dispatched": () => ({ title: "订单配送中", body: "您的商品已出发,请保持电话畅通,凭收货码签收。" }),
  "delivery.unreachable": (e) => ({
    title: "骑手联系不上您",
    body: `请留意来电;${moment(e, "until")}前仍联系不上,商品将带回门店,可到店自提或请门店再次配送。`,
  }),
  "order.released": () => ({ title: "订单已超时", body: "未在规定时间内支付,订单已取消,您可以重新下单。" }),
  "order.cancelled": (e) => ({
    title: "订单已取消",
    body:
      e.data.by === "staff"
        ? `很抱歉,门店无法完成本单,${amount(e, "refundFen")}将全额原路退回。`
        : `${amount(e, "refundFen")}将全额原路退回。`,
  }),
  "seat.released": () => ({ title: "订单已超时", body: "未在规定时间内支付,座位已释放,您可以重新下单。" }),
  "seat.left": (e) => ({ title: "已退出拼团", body: `${amount(e, "payableFen")}将全额原路退回。` }),
  "payment.orphaned": (e) => ({
    title: "付款未能占座",
    body: `您的付款到达时座位已不在,${amount(e, "payableFen")}将全额原路退回。`,
  }),
  "post.refused": () => ({ title: "内容未通过审核", body: "您发布的内容未通过安全审核,仅自己可见;请修改后重新发布。" }),
  "post.doubted": () => ({ title: "内容正在人工审核", body: "您发布的内容正在人工审核,通过后邻居即可看到。" }),
  "post.reported": () => ({ title: "内容正在复核", body: "您发布的内容被多位邻居举报,复核期间仅自己可见。" }),
  "post.approved": () => ({ title: "内容已通过审核", body: "您发布的内容已通过审核,邻居现在可以看到。" }),
  "post.removed": (e) => ({ title: "内容已被移除", body: `您发布的内容已被移除,原因:${e.data.reason}` }),
  "refund.succeeded": (e) => ({ title: "退款到账", body: `${amount(e, "refundFen")}已原路退回。` }),
  "refund.stuck": (e) => ({
    title: "退款需要您协助",
    body: `${amount(e, "refundFen")}暂时无法原路退回,客服会与您联系。`,
  }),
  "coupon.granted": (e) => ({ title: "优惠券到账", body: `“${e.data.name}”已放入您的优惠券,下单时可用。` }),
  "referral.rewarded": (e) =>
    e.data.offset
      ? { title: "邀请奖励已抵扣", body: "您邀请的邻居已完成首单;本次奖励用于抵扣此前已退单的奖励。" }
      : { title: "邀请成功", body: "您邀请的邻居已完成首单并过了售后期,感谢您的推荐。" },
  "commission.accrued": (e) => ({
    title: "佣金入账",
    body: `${e.data.orders}单成团,佣金${amount(e, "amountFen")},提货满7天后可提现。`,
  }),
  "commission.taken_back": (e) => ({ title: "佣金扣回", body: `订单退款,相应佣金${amount(e, "amountFen")}已扣回。` }),
  "payout.waits": (e) => ({
    title: "请确认收款",
    body: `提现${amount(e, "amountFen")}等您在小程序中确认收款,24小时内有效。`,
  }),
  "payout.paid": (e) => ({ title: "提现到账", body: `${amount(e, "amountFen")}已转入您的微信零钱。` }),
  "payout.failed": (e) => ({
    title: "提现未成功",
    body: `${amount(e, "amountFen")}未能转出,已退回可提现佣金,您可以重新申请。`,
  }),
  "share.paid": (e) => ({ title: "佣金到账", body: `${amount(e, "amountFen")}已分账到您的微信零钱。` }),
  "share.failed": (e) => ({
    title: "佣金分账未成功",
    body: `${amount(e, "amountFen")}未能分账,已转入可提现佣金,您可以申请提现。`,
  }),
  "order.handed_over": () => ({ title: "已提货", body: "祝您用餐愉快,欢迎到社群晒单。" }),
  "invoice.issued": (e) => ({
    title: "电子发票已开具",
    body: `${amount(e, "amountFen")}的发票已开具,可在订单中查看下载。`,
  }),
  "invoice.refused": () => ({ title: "发票未能开具", body: "请在订单中查看原因,核对抬头后重新申请。" }),
  "red_letter.issued": (e) => ({
    title: "已开具红字发票",
    body: `因退款${amount(e, "amountFen")},原发票已按退款金额开具红字发票。`,
  }),
  "recall.buyer_found": (e) => ({
    title: "商品召回",
    body: `您购买的“${e.data.articleName}”正在召回,请勿食用,尚未提货的请勿提货。退款与处理请联系门店或客服。`,
  }),
  "order.rerouted": () => ({ title: "提货门店已变更", body: "原门店暂不能服务,订单已转到其他门店,请重新获取提货码。" }),
};

/** What everybody with a paid seat is told; `kind` is of a batch. */
const toTeam: Record<string, Words> = {
  "team.succeeded": (e) =>
    e.data.kind === undefined
      ? {
          title: "拼团成功",
          body: `${e.data.outcome === "subsidised" ? "人数未满,差额由平台补贴," : "全员"}成团价已生效,请在提货时间凭提货码到店自提。`,
        }
      : {
          title: "截单成功",
          body: `本团共订${e.data.quantity}份,${e.data.outcome === "subsidised" ? "未到起订量,差额由平台补贴," : ""}成交价${amount(e, "unitFen")},请在提货时间凭提货码到店自提。`,
        },
  "team.failed": (e) => ({
    title: e.data.kind === undefined ? "拼团未成功" : "本次团购未成功",
    body: `${whyFailed(e)},已付款项将全额原路退回。`,
  }),
};

/** What the new leader is told. */
const toLeader: Record<string, Words> = {
  "team.led_by_another": (e) => ({
    title: "您已成为团长",
    body: `原团长已退出,截止时间不变:${moment(e, "deadline")}。`,
  }),
  "team.formed": (e) => ({ title: "开团成功", body: `快邀请邻居参加,截止时间:${moment(e, "deadline")}。` }),
};

async function tell(
  deps: Deps,
  event: DomainEvent,
  memberId: string,
  message: Message | undefined,
  orderId?: string,
): Promise<void> {
  if (!message) return;
  const { teamId, recallId } = event.data;
  await fileMessage(deps.table, {
    memberId,
    // of a recall one message a member, however many orders it concerns
    eventId: typeof recallId === "string" ? siblingId("EV", recallId) : event.eventId,
    at: event.at,
    kind: event.type,
    ...message,
    ...(typeof teamId === "string" && { teamId }),
    ...(orderId !== undefined && { orderId }),
  });
}

/** What a team that succeeded was sold at bounds what later campaigns may strike through. */
async function rememberDeal(deps: Deps, teamId: string, at: number): Promise<void> {
  const [team] = await deps.table.loadMany(teams, [{ teamId }]);
  if (!team) return;
  const { articleId, teamFen } = team.terms;
  await noteDeal(deps, { articleId, unitFen: team.frozen?.unitFen ?? teamFen, at });
}

/** Each message is filed once a member and event, whoever brings the event again. */
export async function project(deps: Deps, event: DomainEvent): Promise<void> {
  const { memberId, orderId, teamId, leaderId } = event.data;
  const own = toMember[event.type];
  if (own && typeof memberId === "string")
    await tell(deps, event, memberId, own(event), typeof orderId === "string" ? orderId : undefined);
  const lead = toLeader[event.type];
  const leader = leaderId ?? memberId;
  if (lead && typeof leader === "string") await tell(deps, event, leader, lead(event));
  if (event.type === "team.succeeded" && typeof teamId === "string") await rememberDeal(deps, teamId, event.at);
  if (event.type === "order.rerouted" && typeof orderId === "string") await notePickOfOrder(deps.table, orderId);
  const { lineId, pickupFrom } = event.data;
  if (event.type === "arrival.moved" && typeof lineId === "string")
    await notePicksOfLine(deps.table, lineId, Number(pickupFrom));
  const all = toTeam[event.type];
  if (all && typeof teamId === "string") {
    let told = 0;
    for await (const page of seatPagesIn(deps.table, teamId)) {
      const paid = page.filter(counts);
      await Promise.all(paid.map((seat) => tell(deps, event, seat.memberId, all(event), seat.orderId)));
      if (event.type === "team.succeeded") await notePicks(deps.table, paid);
      told += paid.length;
    }
    const count = Number(event.data.paid ?? event.data.size);
    if (told !== count) throw new Error(`team ${teamId} counts ${count} paid seats, ${told} are indexed yet`);
  }
}

export const handler = eventHandler(composeDeps([]), project);
