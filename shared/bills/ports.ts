import type { Busy, Refused, Unknown } from "../payment/index.ts";

/** trade: 交易账单, each payment and refund of a day. flow: 资金账单, what the merchant's balance took and gave. */
export type BillType = "trade" | "flow";

/** Where the channel's daily bills come from. Nothing here throws but broken set-up. */
export interface BillSource {
  /** The merchant whose bills they are. */
  readonly mchid: string;
  /**
   * The bill of a day (YYYY-MM-DD in Asia/Shanghai), as text, made the next morning from ten o'clock on. none: the channel has no bill of
   * the day, as it is not made yet or nothing moved. altered: what was downloaded is not what the channel said it would be.
   */
  fetchBill(
    type: BillType,
    day: string,
  ): Promise<
    { kind: "bill"; text: string } | { kind: "none" } | { kind: "altered"; why: string } | Refused | Busy | Unknown
  >;
}
