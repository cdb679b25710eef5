import { yuan } from "../kernel/money.ts";
import { DomainError } from "../kernel/problem.ts";
import { weekMinute } from "../kernel/time.ts";
import type { DeliveryFeeRules } from "./model.ts";

/** A part of a fee, fen (below zero where it is waived), and how it came about, in Chinese. */
export interface FeeLine {
  amountFen: number;
  text: string;
}

const within = (minute: number, { from, until }: { from: number; until: number }): boolean =>
  from < until ? minute >= from && minute < until : minute >= from || minute < until;

/**
 * What bringing an order costs: travel in metres, weight in grams, `from` (epoch ms) when its slot begins, its goods after discounts in
 * fen. The lines sum to the fee. Throws DELIVERY_TOO_FAR, DELIVERY_TOO_HEAVY (facts: the limit).
 */
export function deliveryFee(
  rules: DeliveryFeeRules,
  { distanceM, grams, from, goodsFen }: { distanceM: number; grams: number; from: number; goodsFen: number },
): { feeFen: number; lines: FeeLine[] } {
  const { maxDistanceM, maxGrams } = rules;
  if (distanceM > maxDistanceM)
    throw new DomainError("DELIVERY_TOO_FAR", `${distanceM} m of at most ${maxDistanceM}`, { facts: { maxDistanceM } });
  if (grams > maxGrams)
    throw new DomainError("DELIVERY_TOO_HEAVY", `${grams} g of at most ${maxGrams}`, { facts: { maxGrams } });
  const km = Math.ceil(Math.max(0, distanceM - rules.baseDistanceM) / 1000);
  const kg = Math.ceil(Math.max(0, grams - rules.baseGrams) / 1000);
  const { weekday, minute } = weekMinute(from);
  const night = rules.night && within(minute, rules.night) ? rules.night.fen : 0;
  const peak = rules.peaks.find((one) => one.weekday === weekday && within(minute, one))?.fen ?? 0;
  const lines: FeeLine[] = [
    { amountFen: rules.baseFen, text: `配送费(${rules.baseDistanceM / 1000}公里内)${yuan(rules.baseFen)}元` },
    { amountFen: km * rules.perKmFen, text: `超距${km}公里,每公里${yuan(rules.perKmFen)}元` },
    { amountFen: kg * rules.perKgFen, text: `超重${kg}公斤,每公斤${yuan(rules.perKgFen)}元` },
    { amountFen: night, text: `夜间配送${yuan(night)}元` },
    { amountFen: peak, text: `高峰时段${yuan(peak)}元` },
  ].filter(({ amountFen }) => amountFen > 0);
  const feeFen = lines.reduce((sum, { amountFen }) => sum + amountFen, 0);
  const { freeOverFen } = rules;
  if (freeOverFen === undefined || goodsFen < freeOverFen || feeFen === 0) return { feeFen, lines };
  return { feeFen: 0, lines: [...lines, { amountFen: -feeFen, text: `满${yuan(freeOverFen)}元免配送费` }] };
}
