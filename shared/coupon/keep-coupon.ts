import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { coupons, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { couponLifecycle } from "./lifecycle.ts";
import type { Coupon, CouponTerms } from "./model.ts";

type Deps = { env: Env; table: Table };

/** The most that one grant can come to, fen: what it takes of the budget. */
export const mostFen = ({ off }: Pick<CouponTerms, "off">): number => (off.by === "amount" ? off.fen : off.mostFen);

const told = (env: Env, by: string, action: string, couponId: string, change: unknown, reason?: string) => [
  audited(env, { staffId: by, action: `coupon.${action}`, target: couponId, reason, change }),
  outbox.create(makeEvent(env, { type: `coupon.${action}`, actor: { kind: "staff", id: by }, data: { couponId } })),
];

/** Throws INPUT_INVALID: an end that has passed or precedes the beginning, a budget that is not enough for one. */
export async function createCoupon(
  { env, table }: Deps,
  input: { by: string; terms: CouponTerms; budgetFen: number; once: Once<Stored<Coupon>> },
): Promise<Stored<Coupon>> {
  const { by, terms, budgetFen, once } = input;
  const now = env.clock.now();
  const wrong: [boolean, string, string][] = [
    [terms.validUntil > Math.max(now, terms.validFrom), "validUntil", "must be after now and after validFrom"],
    [budgetFen >= mostFen(terms), "budgetFen", `one coupon may come to ${mostFen(terms)} fen: the budget must hold it`],
    [
      terms.off.by === "percent" || terms.thresholdFen >= terms.off.fen,
      "thresholdFen",
      "must be at least what is taken off",
    ],
  ];
  const errors = wrong.filter(([holds]) => !holds).map(([, path, message]) => ({ path: `body.${path}`, message }));
  if (errors.length > 0) throw new DomainError("INPUT_INVALID", undefined, { errors });
  const couponId = env.ids.next("CT");
  const made: Coupon = { ...terms, couponId, budgetFen, grantedFen: 0, state: "ACTIVE", createdAt: now };
  const row = { ...made, version: 1 };
  await table.commit([
    coupons.create(made),
    ...told(env, by, "created", couponId, { ...terms, budgetFen }),
    ...once(row),
  ]);
  return row;
}

/** Throws COUPON_NOT_FOUND. */
export async function couponOf(table: Table, couponId: string): Promise<Stored<Coupon>> {
  const found = await table.load(coupons, { couponId });
  if (!found) throw new DomainError("COUPON_NOT_FOUND");
  return found;
}

/** Stops granting, or goes on with it; what members have stays good. Saying what is so already changes nothing. Throws COUPON_NOT_FOUND. */
export function suspendCoupon(
  deps: Deps,
  input: { by: string; couponId: string; suspended: boolean; reason: string },
): Promise<Stored<Coupon>> {
  const { by, couponId, reason } = input;
  const event = input.suspended ? "suspended" : "resumed";
  return decide(async () => {
    const current = await couponOf(deps.table, couponId);
    if (!couponLifecycle.allows(current.state, event)) return current;
    await deps.table.commit([
      coupons.patch(current).asRead(current).move("state", couponLifecycle, event).set({ reason }),
      ...told(deps.env, by, event, couponId, undefined, reason),
    ]);
    return { ...current, state: couponLifecycle.to(event), reason, version: current.version + 1 };
  });
}
