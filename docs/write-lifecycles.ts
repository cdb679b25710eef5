import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { claimLifecycle } from "../shared/aftersale/index.ts";
import { commissionLifecycle } from "../shared/commission/index.ts";
import { couponGrantLifecycle, couponLifecycle } from "../shared/coupon/index.ts";
import { dispatchLifecycle } from "../shared/dispatch/index.ts";
import { campaignLifecycle, teamLifecycle } from "../shared/groupbuy/index.ts";
import { invoiceLifecycle, redLetterLifecycle } from "../shared/invoice/index.ts";
import type { Lifecycle } from "../shared/kernel/lifecycle.ts";
import { importLifecycle } from "../shared/masterdata/index.ts";
import { orderLifecycle, seatLifecycle, shippingLifecycle } from "../shared/order/index.ts";
import { paymentLifecycle, refundLifecycle } from "../shared/payment/index.ts";
import { payoutLifecycle, shareLifecycle } from "../shared/payout/index.ts";
import { posFileLifecycle } from "../shared/pos/index.ts";
import { acquisitionLifecycle } from "../shared/referral/index.ts";
import {
  lotLifecycle,
  purchaseLifecycle,
  purchaseLineLifecycle,
  recallLifecycle,
  supplierLifecycle,
} from "../shared/supply/index.ts";

import { postLifecycle } from "../shared/ugc/index.ts";

interface Chapter {
  title: string;
  /** What the reader must know beside the table. */
  about: string;
  table: Readonly<Record<string, Readonly<Partial<Record<string, string>>>>>;
  zh: Record<string, string>;
}

const chapter = <S extends string, E extends string>(
  title: string,
  about: string,
  machine: Lifecycle<S, E>,
  zh: Record<S | E, string>,
): Chapter => ({ title, about, table: machine.table, zh });

const chapters: Chapter[] = [
  chapter(
    "Campaign 团购活动",
    "Suspending stops new teams and joins; live teams run on. Cancelling fails the forming ones.",
    campaignLifecycle,
    {
      DRAFT: "草稿",
      SCHEDULED: "待开始",
      OPEN: "进行中",
      SUSPENDED: "已暂停",
      CUTOFF: "已截单",
      SETTLED: "已结算",
      CANCELLED: "已取消",
      published: "发布",
      opened: "到点开始",
      suspended: "暂停",
      resumed: "恢复",
      closed: "截止",
      settled: "结算完成",
      cancelled: "取消",
    },
  ),
  chapter(
    "Team 拼团",
    "While OPENING only the leader sees it. A terminal state is one conditional write and never changes.",
    teamLifecycle,
    {
      OPENING: "待团长支付",
      FORMING: "拼团中",
      SUCCEEDED: "已成团",
      FAILED: "未成团",
      ABANDONED: "已作废",
      leaderPaid: "团长支付",
      leaderLapsed: "团长未支付",
      filled: "满员",
      reached: "截单时达到起订量",
      subsidised: "平台补位",
      deadline: "到截止时间",
      leaderLeft: "团长退出且无人接任",
      stopped: "活动取消",
      stockLost: "缺货",
    },
  ),
  chapter(
    "Seat 座位",
    "CONFIRMED, and REFUND_DUE of a failed team, are read from a PAID seat and its team; `confirmed` and `failed` write nothing.",
    seatLifecycle,
    {
      HELD: "已占座待支付",
      PAID: "已支付",
      CONFIRMED: "已确认",
      RELEASED: "已释放",
      REFUND_DUE: "待退款",
      REFUND_ATTENTION: "退款待人工处理",
      REFUNDED: "已退款",
      paid: "支付成功",
      released: "超时或放弃",
      confirmed: "成团",
      left: "退出拼团",
      unserved: "凑不成整箱未采购,或未到货",
      withdrawn: "到货延期退款",
      failed: "未成团",
      refundedOfFailed: "未成团退款到账",
      cancelled: "取消订单",
      stuckOfFailed: "未成团退款异常",
      claimed: "售后",
      reseated: "迟到支付重新入座",
      refunded: "退款到账",
      stuck: "退款异常",
      resolved: "人工处理完成",
    },
  ),
  chapter(
    "Order 订单",
    "The contract: it goes from placed to handed over, whatever the seat's money does. What is ready and collected by nobody is kept for a day, then disposed of.",
    orderLifecycle,
    {
      PLACED: "已下单",
      READY: "待提货",
      DISPATCHED: "配送中",
      HANDED_OVER: "已提货",
      DISPOSED: "逾期已处理",
      CANCELLED: "已取消",
      ready: "备货完成",
      dispatched: "交骑手配送",
      returned: "退回门店",
      rerouted: "改派门店",
      disposed: "逾期未提,处理",
      handedOver: "核销提货",
      cancelled: "取消",
    },
  ),
  chapter(
    "Shipping upload 发货信息录入",
    "Until WeChat has it the money of a handed-over order stays frozen.",
    shippingLifecycle,
    {
      NONE: "未上传",
      SENT: "已上传",
      LATE: "逾期",
      SETTLED: "已结算",
      sent: "上传",
      settled: "资金解冻",
      late: "超过期限",
    },
  ),
  chapter(
    "Dispatch 配送",
    "One a delivery order, so that it has one live job. Lost it waits again under the next attempt; once the goods are with a rider nothing begins anew by itself: a person sends them once more, or carries them.",
    dispatchLifecycle,
    {
      WAITING: "待派单",
      UNKNOWN: "下单结果未知",
      OFFERED: "待接单",
      ACCEPTED: "已接单",
      ARRIVED_STORE: "已到店",
      PICKED_UP: "配送中",
      DELIVERED: "已送达",
      CANCELLED: "已取消",
      RETURNING: "退回中",
      RETURNED: "已退回",
      FAILED: "配送失败",
      offered: "运力已受理",
      asked: "向运力发单",
      taken: "门店自送",
      sentAgain: "重新配送",
      accepted: "接单",
      arrived: "到店",
      dropped: "骑手放弃,另寻骑手",
      pickedUp: "取货",
      delivered: "送达",
      lost: "运力取消,重新派单",
      cancelled: "取消配送",
      returning: "开始退回",
      returned: "退回门店",
      failed: "无法送达",
    },
  ),
  chapter(
    "Payment 支付",
    "UNKNOWN: the channel did not answer; only a query under the same number can tell. CLOSED to SUCCESS: the payment raced the close.",
    paymentLifecycle,
    {
      CREATED: "已创建",
      UNKNOWN: "结果未知",
      PREPAID: "待支付",
      CLOSED: "已关闭",
      SUCCESS: "支付成功",
      PARTIALLY_REFUNDED: "部分退款",
      REFUNDED: "已退款",
      timedOut: "下单超时",
      prepaid: "预下单成功",
      closed: "关单",
      succeeded: "支付成功",
      partlyRefunded: "部分退款到账",
      refunded: "全额退款到账",
    },
  ),
  chapter(
    "Refund 退款",
    "ACCEPTED is not refunded. CLOSED, by query alone, allows a next attempt under a next number.",
    refundLifecycle,
    {
      REQUESTED: "待申请",
      UNKNOWN: "结果未知",
      ACCEPTED: "处理中",
      SUCCESS: "退款成功",
      ABNORMAL: "退款异常",
      CLOSED: "退款关闭",
      timedOut: "申请超时",
      accepted: "渠道受理",
      succeeded: "退款到账",
      stuck: "无法退回",
      closed: "渠道关闭",
      again: "换号重试",
    },
  ),
  chapter(
    "Invoice 电子发票",
    "ASKED: its amount is fixed, and only a query under its number tells what became of it. REFUSED: a next request has the next number.",
    invoiceLifecycle,
    {
      REQUESTED: "已申请",
      ASKED: "结果未知",
      ACCEPTED: "开具中",
      REFUSED: "未能开具",
      ISSUED: "已开具",
      VOID: "无需开具",
      asked: "定额提交",
      emptied: "已全额退款",
      accepted: "平台受理",
      issued: "开具成功",
      refused: "平台拒绝",
      again: "重新申请",
    },
  ),
  chapter(
    "Red letter 红字发票",
    "One a refund that arrived after its invoice's amount was fixed. Refused it is asked for again, under its number.",
    redLetterLifecycle,
    {
      REQUESTED: "待开具",
      ACCEPTED: "开具中",
      ISSUED: "已开具",
      accepted: "平台受理",
      issued: "开具成功",
    },
  ),
  chapter("Coupon 优惠券", "Suspended it is not granted; what members have stays good.", couponLifecycle, {
    ACTIVE: "发放中",
    SUSPENDED: "已暂停",
    suspended: "暂停",
    resumed: "恢复",
  }),
  chapter("Granted coupon 已领优惠券", "Past its time it stays GRANTED and is of no use.", couponGrantLifecycle, {
    GRANTED: "可使用",
    HELD: "已占用",
    USED: "已使用",
    REVOKED: "已收回",
    held: "下单占用",
    used: "支付使用",
    returned: "退回",
    revoked: "收回",
  }),
  chapter(
    "Acquisition 新客来源",
    "One a new customer, UNREFERRED or PENDING as it is made. REVERSED: the order went back, the next that stands is the first.",
    acquisitionLifecycle,
    {
      UNREFERRED: "自然到来",
      PENDING: "待奖励",
      IN_REVIEW: "待人工判断",
      REWARDED: "已奖励",
      REFUSED: "不予奖励",
      CLAWED_BACK: "已追回",
      REVERSED: "首单已退",
      reversed: "首单全退",
      rewarded: "发放奖励",
      heldBack: "转人工",
      refused: "不予奖励",
      clawedBack: "追回",
      referred: "有邀请人",
      unreferred: "无邀请人",
    },
  ),
  chapter(
    "Commission 佣金",
    "What an order earns one beneficiary, from its team's success on. A refund takes its part back in any state; a whole one ends it.",
    commissionLifecycle,
    {
      FROZEN: "冻结中",
      RELEASED: "可提现",
      RETURNED: "已扣回",
      released: "售后期满",
      returned: "全额扣回",
    },
  ),
  chapter("Payout 提现", "One number for good: what is not known is asked for under it.", payoutLifecycle, {
    REQUESTED: "待转账",
    UNKNOWN: "结果未知",
    ACCEPTED: "待收款",
    PAID: "已到账",
    FAILED: "未成功",
    timedOut: "申请超时",
    absent: "渠道查无此单",
    accepted: "渠道受理",
    succeeded: "会员收款",
    failed: "未收或被拒",
  }),
  chapter(
    "ProfitShare 分账",
    "Of one order, once its after-sale time is over and the channel has settled it; without receivers the payment is only let go.",
    shareLifecycle,
    {
      REQUESTED: "待分账",
      ACCEPTED: "分账中",
      UNFREEZING: "待解冻",
      FINISHED: "已完结",
      accepted: "渠道受理",
      finished: "渠道完结",
      refused: "无人可分",
    },
  ),
  chapter("Supplier 供应商", "Nothing new of a suspended supplier is published.", supplierLifecycle, {
    ACTIVE: "合作中",
    SUSPENDED: "已暂停",
    suspended: "暂停",
    resumed: "恢复",
  }),
  chapter("Lot 到货批次", "Checked once; what is accepted is in the store's stock from that commit on.", lotLifecycle, {
    EXPECTED: "待验收",
    ACCEPTED: "已收货",
    PARTLY_ACCEPTED: "部分收货",
    REJECTED: "已拒收",
    accepted: "全部合格",
    partlyAccepted: "部分合格",
    rejected: "不合格",
  }),
  chapter("Purchase order 采购单", "Written once, as its campaign's cut-off is settled.", purchaseLifecycle, {
    OPEN: "待到货",
    PARTLY_RECEIVED: "部分到货",
    RECEIVED: "到货完成",
    arrived: "到货",
    closed: "所有门店到货结束",
  }),
  chapter(
    "Purchase line 门店到货",
    "A store's part of a purchase order. RECEIVED: nothing more comes; what is too much is stock, what lacks is refunded.",
    purchaseLineLifecycle,
    {
      EXPECTED: "待到货",
      PARTLY_RECEIVED: "部分到货",
      RECEIVED: "到货完成",
      arrived: "到货",
      closed: "最后一次到货",
    },
  ),
  chapter(
    "Claim 售后申请",
    "One an order. Paid first, the chain's advance is out until somebody is decided to bear it.",
    claimLifecycle,
    {
      OPEN: "待处理",
      PAID_FIRST: "已先行赔付",
      DECIDED: "已认定责任",
      REJECTED: "已驳回",
      paid: "先行赔付",
      rejected: "驳回",
      decided: "追偿认定",
    },
  ),
  chapter("Recall 召回", "While OPEN nothing of the article is published, opened or resumed.", recallLifecycle, {
    OPEN: "召回中",
    CLOSED: "已结束",
    closed: "结束",
  }),
  chapter(
    "Post 帖子和评论",
    "Others see it while it is PUBLISHED. WeChat's check passes, doubts or refuses it; pictures, doubts and three reports are for a person.",
    postLifecycle,
    {
      CHECKING: "待审核",
      PUBLISHED: "已发布",
      IN_REVIEW: "人工审核中",
      REMOVED: "已移除",
      WITHDRAWN: "已删除",
      passed: "机审通过",
      doubted: "机审存疑",
      refused: "机审不通过",
      reported: "被举报",
      approved: "人审通过",
      removed: "人工移除",
      withdrawn: "作者删除",
    },
  ),
  chapter(
    "Import 导入",
    "PLANNED: every row passed, and all of them will be applied. APPLYING goes on chunk by chunk, whatever is killed between.",
    importLifecycle,
    {
      PLANNED: "已校验",
      APPLYING: "写入中",
      APPLIED: "已完成",
      began: "写入一批",
      finished: "全部写入",
    },
  ),
  chapter(
    "Till file 收银文件",
    "It is there once it was read to its end without a fault. APPLYING goes on where it was, when the same file is sent again.",
    posFileLifecycle,
    {
      APPLYING: "写入中",
      APPLIED: "已完成",
      finished: "全部写入",
      sentAgain: "再次导入",
    },
  ),
];

function diagram({ title, about, table, zh }: Chapter): string {
  const states = Object.keys(table);
  const arrows = Object.entries(table).flatMap(([from, row]) =>
    Object.entries(row).map(([event, to]) => `  ${from} --> ${to}: ${event} ${zh[event]}`),
  );
  return [
    `## ${title}`,
    about,
    [
      "```mermaid",
      "stateDiagram-v2",
      ...states.map((state) => `  state "${state}<br>${zh[state]}" as ${state}`),
      `  [*] --> ${states[0]}`,
      ...arrows,
      ...states.filter((state) => Object.keys(table[state]!).length === 0).map((state) => `  ${state} --> [*]`),
      "```",
    ].join("\n"),
  ].join("\n\n");
}

/** The page of every lifecycle as a diagram, from the tables that the code runs on. */
export const lifecyclesPage = (): string =>
  `${[
    "# Lifecycles",
    "Made from the tables in `shared/*/lifecycle.ts` by `npm run lifecycles`; a test holds this page against them. An event leads to one state, so that one conditional write carries it: where the row is in no state that allows the event, nothing is written.",
    ...chapters.map(diagram),
  ].join("\n\n")}\n`;

if (import.meta.main) {
  const target = join(import.meta.dirname, "lifecycles.md");
  writeFileSync(target, lifecyclesPage());
  process.stdout.write(`wrote ${target}\n`);
}
