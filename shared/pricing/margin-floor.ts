import { pricePolicy } from "./price-policy.ts";

/** The least that a unit may be sold for, fen, and what it is made of; the commission is of the floor itself. */
export interface MarginFloor {
  floorFen: number;
  costFen: number;
  deliveryFen: number;
  lossFen: number;
  commissionFen: number;
}

const whole = 10_000;
/** Costs are rounded up: a floor that is a fen too low is none. */
const partOf = (fen: number, bps: number): number => Math.ceil((fen * bps) / whole);

/** Cost + delivery + expected loss + commission of one unit (价格法 14: nothing is sold below its cost). */
export function marginFloor({ costFen, perishable }: { costFen: number; perishable: boolean }): MarginFloor {
  const deliveryFen = partOf(costFen, pricePolicy.deliveryBps);
  const lossFen = partOf(costFen, perishable ? pricePolicy.lossBps.perishable : pricePolicy.lossBps.other);
  const bare = costFen + deliveryFen + lossFen;
  const floorFen = Math.ceil((bare * whole) / (whole - pricePolicy.commissionBps));
  return { floorFen, costFen, deliveryFen, lossFen, commissionFen: floorFen - bare };
}

/** The floor with its figures, for staff. */
export const floorText = ({ floorFen, costFen, deliveryFen, lossFen, commissionFen }: MarginFloor): string =>
  `${floorFen} fen (cost ${costFen}, delivery ${deliveryFen}, expected loss ${lossFen}, commission ${commissionFen})`;
