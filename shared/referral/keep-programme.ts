import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { coupons, outbox, referralProgrammes } from "../table/keys.ts";
import type { ReferralProgramme } from "./model.ts";

/** The programme, inactive and without coupons until somebody sets it. */
export const readProgramme = async ({ table }: { table: Table }): Promise<Stored<ReferralProgramme>> =>
  (await table.load(referralProgrammes, { name: "referral" })) ?? { name: "referral", active: false, version: 0 };

/**
 * Says what referrals are rewarded with from now on; what was attributed before gets it as well. `version`: of the answer that
 * the change was made from, 0 at first. Throws VERSION_CONFLICT, COUPON_NOT_FOUND.
 */
export function setProgramme(
  deps: { table: Table; env: Env },
  input: { programme: Omit<ReferralProgramme, "name">; version: number; reason: string; staffId: string },
): Promise<Stored<ReferralProgramme>> {
  const { programme, version, reason, staffId } = input;
  return decide(async () => {
    const known = await deps.table.load(referralProgrammes, { name: "referral" });
    if ((known?.version ?? 0) !== version) throw new DomainError("VERSION_CONFLICT");
    for (const field of ["inviterCouponId", "inviteeCouponId"] as const) {
      const couponId = programme[field];
      if (couponId !== undefined && !(await deps.table.load(coupons, { couponId })))
        throw new DomainError("COUPON_NOT_FOUND", undefined, {
          errors: [{ path: `body.${field}`, message: couponId }],
        });
    }
    const row = { name: "referral" as const, ...programme };
    await deps.table.commit([
      known ? referralProgrammes.replace({ ...row, version: known.version }) : referralProgrammes.create(row),
      audited(deps.env, { staffId, action: "referral.programme", target: "referral", reason, change: programme }),
      outbox.create(
        makeEvent(deps.env, { type: "referral.programme_set", actor: { kind: "staff", id: staffId }, data: {} }),
      ),
    ]);
    return { ...row, version: version + 1 };
  });
}
