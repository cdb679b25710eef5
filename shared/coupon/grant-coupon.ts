import type { Env } from "../kernel/env.ts";
import { type Actor, makeEvent } from "../kernel/event.ts";
import { pairId } from "../kernel/ids.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { couponGrants, coupons, members, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { couponOf, mostFen } from "./keep-coupon.ts";
import { couponGrantLifecycle } from "./lifecycle.ts";
import { type Coupon, type CouponGrant, couponTerms } from "./model.ts";

type Deps = { env: Env; table: Table };

/** Who gets a coupon, and by what: an id that names the cause once (the member's own, an attribution's). */
export interface Granted {
  memberId: string;
  causeId: string;
}

/**
 * The part of a commit that grants a coupon, each cause once, within its budget; none where all have it. The commit fails with
 * COUPON_BUDGET where others took the rest, and goes stale where somebody granted the same. Throws COUPON_STATE (suspended, over).
 */
export async function grantWrites(
  { env, table }: Deps,
  coupon: Coupon,
  wanted: readonly Granted[],
): Promise<{ grants: CouponGrant[]; writes: Write[] }> {
  const now = env.clock.now();
  if (coupon.state !== "ACTIVE" || now >= coupon.validUntil)
    throw new DomainError("COUPON_STATE", coupon.state === "ACTIVE" ? "its time is over" : "it is suspended");
  const { couponId } = coupon;
  const keys = wanted.map(({ memberId, causeId }) => ({ memberId, grantId: pairId("CG", couponId, causeId) }));
  const known = new Set((await table.loadMany(couponGrants, keys)).map(({ grantId }) => grantId));
  const terms = couponTerms.parse(coupon);
  const grants = keys
    .filter(({ grantId }) => !known.has(grantId))
    .map((key): CouponGrant => ({ ...key, couponId, terms, state: "GRANTED", grantedAt: now }));
  if (grants.length === 0) return { grants, writes: [] };
  const takes = grants.length * mostFen(coupon);
  const writes = [
    coupons
      .patch({ couponId })
      .when("state", "=", "ACTIVE")
      .when("grantedFen", "<=", coupon.budgetFen - takes)
      .add({ grantedFen: takes })
      .or(
        (row) =>
          new DomainError(
            "COUPON_BUDGET",
            `${takes} fen are needed, ${coupon.budgetFen - (row?.grantedFen ?? 0)} left`,
          ),
      ),
    ...grants.flatMap((grant) => [
      couponGrants.create(grant),
      outbox.create(
        makeEvent(env, {
          type: "coupon.granted",
          actor: { kind: "system" },
          data: { couponId, grantId: grant.grantId, memberId: grant.memberId, name: coupon.name },
        }),
      ),
    ]),
  ];
  return { grants, writes };
}

/**
 * Grants a coupon to named members (40 at most), to each once; who has it keeps it. Answers how many are new. Throws
 * COUPON_NOT_FOUND, COUPON_STATE, COUPON_BUDGET, MEMBER_NOT_FOUND with the members that there are not.
 */
export function grantCoupon(
  deps: Deps,
  input: {
    by: string;
    couponId: string;
    memberIds: readonly string[];
    reason: string;
    once: Once<{ granted: number }>;
  },
): Promise<{ granted: number }> {
  const { by, couponId, memberIds, reason, once } = input;
  return decide(async () => {
    const coupon = await couponOf(deps.table, couponId);
    const keys = memberIds.map((memberId) => ({ memberId }));
    const there = new Set((await deps.table.loadMany(members, keys)).map(({ memberId }) => memberId));
    const errors = memberIds
      .filter((memberId) => !there.has(memberId))
      .map((memberId) => ({ path: "body.memberIds", message: memberId }));
    if (errors.length > 0) throw new DomainError("MEMBER_NOT_FOUND", undefined, { errors });
    const wanted = memberIds.map((memberId) => ({ memberId, causeId: memberId }));
    const { grants, writes } = await grantWrites(deps, coupon, wanted);
    const granted = { granted: grants.length };
    await deps.table.commit([
      ...writes,
      audited(deps.env, { staffId: by, action: "coupon.grant", target: couponId, reason, change: { memberIds } }),
      ...once(granted),
    ]);
    return granted;
  });
}

/** The part of a commit that takes unused coupons away; what they might have come to may be granted to others. */
export function revocationWrites(env: Env, grants: readonly Stored<CouponGrant>[], actor: Actor): Write[] {
  const freed = new Map<string, number>();
  for (const { couponId, terms } of grants) freed.set(couponId, (freed.get(couponId) ?? 0) + mostFen(terms));
  return [
    ...[...freed].map(([couponId, fen]) => coupons.patch({ couponId }).add({ grantedFen: -fen })),
    ...grants.flatMap((grant) => [
      couponGrants.patch(grant).asRead(grant).move("state", couponGrantLifecycle, "revoked"),
      outbox.create(
        makeEvent(env, {
          type: "coupon.revoked",
          actor,
          data: { couponId: grant.couponId, grantId: grant.grantId, memberId: grant.memberId },
        }),
      ),
    ]),
  ];
}

/** Takes an unused coupon away from its member. Throws COUPON_NOT_FOUND, COUPON_STATE (held, used, taken away before). */
export function revokeCoupon(
  deps: Deps,
  input: { by: string; memberId: string; grantId: string; reason: string },
): Promise<CouponGrant> {
  const { by, memberId, grantId, reason } = input;
  return decide(async () => {
    const grant = await deps.table.load(couponGrants, { memberId, grantId });
    if (!grant) throw new DomainError("COUPON_NOT_FOUND");
    if (!couponGrantLifecycle.allows(grant.state, "revoked"))
      throw new DomainError("COUPON_STATE", `it is ${grant.state}`);
    await deps.table.commit([
      ...revocationWrites(deps.env, [grant], { kind: "staff", id: by }),
      audited(deps.env, { staffId: by, action: "coupon.revoke", target: grantId, reason, change: { memberId } }),
    ]);
    return { ...grant, state: couponGrantLifecycle.to("revoked") };
  });
}
