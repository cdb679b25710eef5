import { counts, seatPagesIn, type Team } from "../groupbuy/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { shareOf } from "../kernel/money.ts";
import { booked } from "../ledger/index.ts";
import { netPaidFen, type Order, unsettledShare } from "../order/index.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { commissionProgrammes, commissions, communities, membershipsOf, orders, outbox, teams } from "../table/keys.ts";
import { accountChanged, accountOf, readAccount } from "./account.ts";
import type { Commission, CommissionProgramme, CommissionRule } from "./model.ts";
import { awaitRelease } from "./release.ts";
import { takeBack } from "./take-back.ts";

type Deps = { table: Table; env: Env };

/** Commissions of a commit: each is two rows, with an account and an event more where each has a beneficiary of its own. */
const A_COMMIT = 24;

/**
 * Accrues what a team that filled by itself earns its beneficiaries, once each, frozen: nothing for a subsidised one, nothing for one's
 * own order. A page of seats at a time; who comes again goes on. False: `untilMs` (epoch ms) came first, or not every seat is indexed.
 */
export async function accrueCommissions(deps: Deps, teamId: string, untilMs: number): Promise<boolean> {
  const { env, table } = deps;
  const programme = await table.load(commissionProgrammes, { name: "commission" }, { eventually: true });
  if (!programme?.active) return true;
  const team = await table.load(teams, { teamId });
  if (team?.state !== "SUCCEEDED" || team.outcome !== "natural") return true;
  const known = new Map<string, Promise<string[]>>();
  let found = 0;
  for await (const page of seatPagesIn(table, teamId)) {
    if (env.clock.now() >= untilMs) return false;
    const seats = page.filter(counts);
    found += seats.length;
    await accrue(deps, await earned(deps, programme, team, seats, known));
  }
  return found === team.paid;
}

type Earned = Pick<Commission, "orderId" | "memberId" | "rule" | "bps" | "amountFen"> & { storeId: string };

async function earned(
  { table }: Deps,
  programme: CommissionProgramme,
  team: Team,
  seats: readonly Order[],
  known: Map<string, Promise<string[]>>,
): Promise<Earned[]> {
  const remembered = (id: string, look: () => Promise<string[]>) => {
    const found = known.get(id) ?? look();
    known.set(id, found);
    return found;
  };
  const leadersOf = (communityId: string) =>
    remembered(communityId, async () => (await table.load(communities, { communityId }))?.leaders ?? []);
  const rolesOf = (memberId: string) =>
    remembered(memberId, async () =>
      (await table.page(membershipsOf(memberId), { limit: 50 })).items.map(({ role }) => role),
    );
  const all: Earned[] = [];
  for (const order of seats) {
    const { communityId, inviterId } = order.origin;
    const leaders = communityId === undefined ? [] : await leadersOf(communityId);
    const leader = leaders.find((id) => id === order.placedBy) ?? leaders.find((id) => id === inviterId) ?? leaders[0];
    const by = new Map<string, CommissionRule>();
    if (inviterId !== undefined && (await rolesOf(inviterId)).some((role) => role === "koc" || role === "leader"))
      by.set(inviterId, "koc");
    // who serves and invited is paid once, at the higher rate
    if (leader !== undefined && !(by.has(leader) && programme.bps.koc > programme.bps.leader)) by.set(leader, "leader");
    by.delete(order.memberId);
    for (const [memberId, rule] of by) {
      const bps = programme.bps[rule];
      // a batch's seat is known to keep less before its difference goes back
      const amountFen = shareOf(unsettledShare(order, team)?.keptFen ?? netPaidFen(order), bps);
      if (amountFen > 0) all.push({ orderId: order.orderId, storeId: order.storeId, memberId, rule, bps, amountFen });
    }
  }
  return all;
}

async function accrue(deps: Deps, all: readonly Earned[]): Promise<void> {
  const { env, table } = deps;
  for (let i = 0; i < all.length; i += A_COMMIT) {
    const some = all.slice(i, i + A_COMMIT);
    await decide(async () => {
      const there = await table.loadMany(commissions, some);
      const fresh = some.filter(
        (one) => !there.some(({ orderId, memberId }) => orderId === one.orderId && memberId === one.memberId),
      );
      if (fresh.length === 0) return;
      const at = env.clock.now();
      const writes: Write[] = fresh.flatMap(({ storeId, ...one }) => [
        commissions.create({ ...one, returnedFen: 0, state: "FROZEN", accruedAt: at }),
        booked(env, {
          subject: one.orderId,
          kind: "commission",
          reference: one.memberId,
          party: accountOf(one.memberId),
          amountFen: one.amountFen,
          at,
          storeId,
        }),
      ]);
      for (const [memberId, mine] of Map.groupBy(fresh, (one) => one.memberId)) {
        const frozenFen = mine.reduce((sum, { amountFen }) => sum + amountFen, 0);
        writes.push(
          accountChanged(await readAccount(deps, memberId), { frozenFen }),
          outbox.create(
            makeEvent(env, {
              type: "commission.accrued",
              actor: { kind: "system" },
              data: { memberId, orders: mine.length, amountFen: frozenFen },
            }),
          ),
        );
      }
      await table.commit(writes);
    });
    // who gave it back or handed it over before this found no commission to act on
    const now = new Map((await table.loadMany(orders, some)).map((order) => [order.orderId, order]));
    for (const { orderId } of some) {
      const order = now.get(orderId) as Stored<Order>;
      if (order.refundedFen) await takeBack(deps, orderId);
      if ((order.handedOverAt ?? order.disposedAt) !== undefined) await awaitRelease(deps, orderId);
    }
  }
}
