import { day, weekMinute } from "../kernel/time.ts";

/** Every figure of after-sale. Amounts in fen. */
export const aftersalePolicy = {
  /** What may be paid first of the chain's advance: of one order, and by one payer in a day. */
  float: {
    member: { orderFen: 5_000, dayFen: 20_000 },
    store: { orderFen: 20_000, dayFen: 200_000 },
  },
  /** Working days after which a claim that nobody answered is an alarm, and by when it is to be answered. */
  alarmAfter: 10,
  answerWithin: 15,
} as const;
export type PayerKind = keyof typeof aftersalePolicy.float;

/** The same time of day, `count` days from Monday to Friday later, in Asia/Shanghai; public holidays count as working days. */
export function workingDaysAfter(ms: number, count: number): number {
  let at = ms;
  for (let left = count; left > 0; ) {
    at += day;
    if (weekMinute(at).weekday < 5) left -= 1;
  }
  return at;
}
