import { discountRoom } from "../pricing/index.ts";
import type { Order } from "./model.ts";
import { soldOf } from "./sold.ts";

/** A paid seat of a batch as the cut-off sees it: paid at (epoch ms), units wanted, and up to how many it takes. */
export interface BatchSeat {
  orderId: string;
  paidAt: number;
  wanted: number;
  upTo: number;
}

/**
 * Where a batch's last case ends, in the order of payment (success time, then order id). fill: the seats before it get all they
 * take, those after it what they want. cut: the seats before it get what they want, those after it nothing.
 */
export interface CaseSplit {
  how: "fill" | "cut";
  paidAt: number;
  orderId: string;
  /** What the seat at the split gets. */
  units: number;
}

const byPayment = (a: Pick<BatchSeat, "paidAt" | "orderId">, b: Pick<BatchSeat, "paidAt" | "orderId">): number =>
  a.paidAt - b.paidAt || (a.orderId < b.orderId ? -1 : a.orderId > b.orderId ? 1 : 0);

/**
 * Allots a batch in whole cases: wants are filled by payment time, then tolerances, in the same order, fill the last case;
 * where they can't, the units of that case are not bought, and the latest wants go without. The split tells it for all seats
 * (`unitsAfter`); undefined: everybody gets what is wanted.
 */
export function splitCases(seats: readonly BatchSeat[], casePack: number): CaseSplit | undefined {
  const ordered = [...seats].sort(byPayment);
  const wanted = ordered.reduce((sum, seat) => sum + seat.wanted, 0);
  const loose = wanted % casePack;
  if (loose === 0) return undefined;
  const missing = casePack - loose;
  const how = ordered.reduce((sum, seat) => sum + seat.upTo - seat.wanted, 0) >= missing ? "fill" : "cut";
  let left = how === "fill" ? missing : wanted - loose;
  for (const { orderId, paidAt, wanted: wants, upTo } of ordered) {
    const share = how === "fill" ? upTo - wants : wants;
    if (share >= left) return { how, paidAt, orderId, units: how === "fill" ? wants + left : left };
    left -= share;
  }
  return undefined;
}

/** The units a seat gets under its batch's split. */
export function unitsAfter(split: CaseSplit | undefined, seat: BatchSeat): number {
  if (!split) return seat.wanted;
  const place = byPayment(seat, split);
  if (place === 0) return split.units;
  if (split.how === "fill") return place < 0 ? seat.upTo : seat.wanted;
  return place < 0 ? seat.wanted : 0;
}

/** What a batch's seat comes to: units at the frozen price, what of the payment is kept, and what goes back, fen. */
export interface SeatShare {
  units: number;
  unitFen: number;
  keptFen: number;
  backFen: number;
}

/** What units at a price come to, fen: the order's discounts stay, as far as its floor leaves room for them. */
export function keptOf(
  { discounts = [], floorFen }: Pick<Order, "discounts" | "floorFen">,
  units: number,
  unitFen: number,
) {
  const off = discounts.reduce((sum, { amountFen }) => sum + amountFen, 0);
  return units * unitFen - Math.min(off, discountRoom({ units, unitFen, floorFen }));
}

/**
 * The share of a paid seat in a batch that succeeded, by what its team froze at the cut-off; undefined for any other seat.
 * Exact whenever it is asked, for neither changes any more. Something goes back iff the seat gets fewer units than it takes,
 * or what a lower price comes to after discounts is less than was paid.
 */
export function seatShare(
  order: Pick<
    Order,
    | "orderId"
    | "paidAt"
    | "leftAt"
    | "wantedUnits"
    | "upToUnits"
    | "payableFen"
    | "disposition"
    | "discounts"
    | "floorFen"
  >,
  team: { state: string; frozen?: { unitFen: number; split?: CaseSplit | undefined } | undefined },
): SeatShare | undefined {
  const { orderId, paidAt, wantedUnits: wanted, upToUnits: upTo } = order;
  if (team.state !== "SUCCEEDED" || !team.frozen || order.disposition !== "SEATED" || order.leftAt !== undefined)
    return undefined;
  if (paidAt === undefined || wanted === undefined || upTo === undefined) return undefined;
  const units = unitsAfter(team.frozen.split, { orderId, paidAt, wanted, upTo });
  const { unitFen } = team.frozen;
  const keptFen = keptOf(order, units, unitFen);
  return { units, unitFen, keptFen, backFen: order.payableFen - keptFen };
}

/**
 * The share of a seat whose row does not say it yet: fewer units or a lower price than it was sold at. Nothing need go back for that:
 * where the floor cut its discounts at both prices, only what its coupon's funder bears is less.
 */
export function unsettledShare(
  order: Parameters<typeof seatShare>[0] & Pick<Order, "settledAt" | "units" | "lines" | "kit">,
  team: Parameters<typeof seatShare>[1],
): SeatShare | undefined {
  if (order.settledAt !== undefined) return undefined;
  const share = seatShare(order, team);
  // what arrived short may have cut its units since
  const asSold = share && share.units === order.upToUnits && share.unitFen === soldOf(order).unitFen;
  return asSold ? undefined : share;
}

/** Where what came to a store ends, in the order of payment: who paid before it gets all, who paid after it nothing. */
export interface ArrivalCut {
  paidAt: number;
  orderId: string;
  /** What the seat at the cut gets, less than it was sold. */
  units: number;
}
type SoldSeat = Pick<BatchSeat, "orderId" | "paidAt"> & { units: number };

/** Allots `good` units among seats by payment time (success time, then order id); undefined: there is enough for all. */
export function cutArrival(seats: readonly SoldSeat[], good: number): ArrivalCut | undefined {
  let left = good;
  for (const { orderId, paidAt, units } of [...seats].sort(byPayment)) {
    if (units > left) return { paidAt, orderId, units: left };
    left -= units;
  }
  return undefined;
}

/**
 * The units a seat gets of what came to its store's line; undefined while that is open: nothing came yet, or not enough so far
 * and the line is not closed.
 */
export function arrivedUnits(
  line: { state: "EXPECTED" | "PARTLY_RECEIVED" | "RECEIVED"; cut?: ArrivalCut | undefined },
  seat: SoldSeat,
): number | undefined {
  if (line.state === "EXPECTED") return undefined;
  const place = line.cut ? byPayment(seat, line.cut) : -1;
  if (place < 0) return seat.units;
  if (line.state !== "RECEIVED") return undefined;
  return place === 0 ? line.cut?.units : 0;
}
