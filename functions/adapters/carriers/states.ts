import type { CarrierNews, CarrierState } from "../../../shared/dispatch/index.ts";

type Meaning = { state: CarrierState; cancelledBy?: CarrierNews["cancelledBy"] };

/** order_status of WeChat's 同城配送. */
export const intracityStates: Record<string, Meaning> = {
  10000: { state: "CREATED" },
  20000: { state: "CANCELLED", cancelledBy: "merchant" },
  20001: { state: "CANCELLED", cancelledBy: "carrier" },
  30000: { state: "ACCEPTED" },
  40000: { state: "ARRIVED_STORE" },
  50000: { state: "PICKED_UP" },
  60000: { state: "RIDER_DROPPED" },
  70000: { state: "DELIVERED" },
  90000: { state: "FAILED" },
};

/** order_status of Dada; 8 is 追加待接单, 9 妥投异常之物品返回中, 1000 创建达达订单失败. Who cancelled is told apart: `dadaCancelledBy`. */
export const dadaStates: Record<string, Meaning> = {
  1: { state: "CREATED" },
  2: { state: "ACCEPTED" },
  3: { state: "PICKED_UP" },
  4: { state: "DELIVERED" },
  5: { state: "CANCELLED" },
  8: { state: "CREATED" },
  9: { state: "RETURNING" },
  10: { state: "RETURNED" },
  100: { state: "ARRIVED_STORE" },
  1000: { state: "FAILED" },
};

/** cancel_from of Dada: its rider, us, its system. */
export const dadaCancelledBy: Record<string, CarrierNews["cancelledBy"]> = { 1: "carrier", 2: "merchant", 3: "system" };

/** What a code means; one that the table does not have is news that moves nothing. */
export const meaningOf = (table: Record<string, Meaning>, code: number): Meaning =>
  Object.hasOwn(table, code) ? table[code]! : { state: "UNKNOWN" };
