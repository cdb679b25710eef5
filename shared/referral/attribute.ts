import { revocationWrites } from "../coupon/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { afterSaleMs, loadTeam, type Order } from "../order/index.ts";
import { decide, Stale, type Stored, type Table } from "../table/entity.ts";
import { acquisitions, couponGrants, dues, members, orders, ordersOfMember, outbox, touchesOf } from "../table/keys.ts";
import { acquisitionLifecycle } from "./lifecycle.ts";
import type { Acquisition, ReferredBy } from "./model.ts";
import { referralPolicy } from "./policy.ts";

type Deps = { table: Table; env: Env };

interface Candidate {
  inviterId: string;
  by: ReferredBy;
  touchedAt: number;
}

/**
 * Notes by whom a member became a customer, once an order of his was paid; nothing where he was one before, or where the order went
 * back meanwhile. Who invited to the team comes before whose link was opened, of links the last one; who is the member himself, was
 * no customer before the link was opened, or shares a device with him does not count.
 */
export async function attributeOrder(deps: Deps, orderId: string): Promise<void> {
  const { table } = deps;
  const news = await decide(async () => {
    const order = await table.load(orders, { orderId });
    if (order?.paidAt === undefined || order.paymentState === "REFUNDED") return false;
    const { memberId, paidAt } = order;
    const known = await table.load(acquisitions, { memberId });
    // told again, perhaps as the first time broke off after it was noted
    if (known?.orderId === orderId) return known.state === "PENDING";
    if (known ? known.state !== "REVERSED" : !order.firstOrder) return false;
    const { inviter, passed } = await choose(deps, order);
    const noted: Acquisition = {
      memberId,
      orderId,
      paidAt,
      state: acquisitionLifecycle.to(inviter ? "referred" : "unreferred"),
      ...inviter,
      passed: passed.slice(0, 5),
    };
    await table.write(known ? acquisitions.replace({ ...noted, version: known.version }) : acquisitions.create(noted));
    return true;
  });
  if (!news) return;
  // whoever gave it back or handed it over before this was noted found nothing to act on
  const order = await table.load(orders, { orderId });
  if (order?.paymentState === "REFUNDED") await reverseAcquisition(deps, orderId);
  else if (order?.handedOverAt !== undefined) await awaitReward(deps, orderId);
}

/** The order was handed over: from then on its after-sale time runs. May be told again. */
export async function awaitReward({ table }: Deps, orderId: string): Promise<void> {
  const order = await table.load(orders, { orderId });
  if (order?.handedOverAt === undefined) return;
  const known = await table.load(acquisitions, { memberId: order.memberId });
  if (known?.orderId !== orderId || known.state !== "PENDING") return;
  const at = order.handedOverAt + afterSaleMs;
  try {
    await table.write(dues.create({ kind: "referral", id: order.memberId, at, since: at }));
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // it is there
  }
}

async function choose(
  deps: Deps,
  order: Stored<Order>,
): Promise<{ inviter: Candidate | undefined; passed: Acquisition["passed"] }> {
  const candidates = await candidatesOf(deps, order);
  const ids = [...new Set([order.memberId, ...candidates.map(({ inviterId }) => inviterId)])];
  const known = await deps.table.loadMany(
    members,
    ids.map((memberId) => ({ memberId })),
    { eventually: true },
  );
  const byId = new Map(known.map((member) => [member.memberId, member]));
  const own = new Set(byId.get(order.memberId)?.devices);
  const passed: Acquisition["passed"] = [];
  for (const candidate of candidates) {
    const { inviterId, by, touchedAt } = candidate;
    const inviter = byId.get(inviterId);
    const why =
      inviterId === order.memberId
        ? "self"
        : !inviter
          ? "unknown"
          : inviter.firstPaidAt === undefined || inviter.firstPaidAt >= touchedAt
            ? "no_order_before"
            : inviter.devices?.some((device) => own.has(device))
              ? "same_device"
              : undefined;
    if (!why) return { inviter: candidate, passed };
    passed.push({ inviterId, by, why });
  }
  return { inviter: undefined, passed };
}

/** Who may have brought the member, by precedence. */
async function candidatesOf(deps: Deps, order: Order): Promise<Candidate[]> {
  const team = await loadTeam(deps.table, order, { eventually: true });
  const joined = team !== undefined && team.leaderOrderId !== order.orderId;
  const invited = order.origin.inviterId ?? (joined ? team?.leaderId : undefined);
  const by = joined ? ("team_invite" as const) : ("share" as const);
  const atOrder = invited === undefined ? [] : [{ inviterId: invited, by, touchedAt: order.createdAt }];
  const opened: Candidate[] = [];
  let after: Record<string, string> | undefined;
  do {
    const page = await deps.table.page(touchesOf(order.memberId), { limit: 100, after, eventually: true });
    for (const { inviterId, firstAt, lastAt } of page.items) {
      // opened again since
      const touchedAt = lastAt <= order.createdAt ? lastAt : firstAt;
      if (touchedAt <= order.createdAt && touchedAt >= order.createdAt - referralPolicy.touchMs)
        opened.push({ inviterId, by: "share", touchedAt });
    }
    after = page.next;
  } while (after);
  const found = [...atOrder, ...opened.sort((a, b) => b.touchedAt - a.touchedAt)];
  return found.sort((a, b) => Number(a.by !== "team_invite") - Number(b.by !== "team_invite"));
}

/**
 * An order was refunded in full: a customer that it made is none by it. Before the reward the next order that stands is his first;
 * after it unspent rewards are taken away, and a spent one of the inviter's is kept of his next.
 */
export async function reverseAcquisition(deps: Deps, orderId: string): Promise<void> {
  const memberId = await decide(async () => {
    const order = await deps.table.load(orders, { orderId });
    if (order?.paymentState !== "REFUNDED") return undefined;
    const known = await deps.table.load(acquisitions, { memberId: order.memberId });
    if (known?.orderId !== orderId) return undefined;
    if (known.state === "REWARDED") await clawBack(deps, known);
    else if (acquisitionLifecycle.allows(known.state, "reversed"))
      await deps.table.write(acquisitions.replace({ ...known, state: acquisitionLifecycle.to("reversed") }));
    return known.state === "REWARDED" ? undefined : order.memberId;
  });
  if (memberId !== undefined) await attributeNext(deps, memberId, orderId);
}

/** Another order of his may have been paid meanwhile. */
async function attributeNext(deps: Deps, memberId: string, reversedId: string): Promise<void> {
  const { items } = await deps.table.page(ordersOfMember(memberId), { limit: 50 });
  const next = items
    .filter((one) => one.orderId !== reversedId && one.disposition === "SEATED" && one.paymentState !== "REFUNDED")
    .sort((a, b) => (a.paidAt ?? 0) - (b.paidAt ?? 0))[0];
  if (next) await attributeOrder(deps, next.orderId);
}

async function clawBack(deps: Deps, known: Stored<Acquisition>): Promise<void> {
  const grants = await deps.table.loadMany(couponGrants, known.rewards ?? []);
  const unspent = grants.filter(({ state }) => state === "GRANTED");
  const spent = grants.some(
    ({ memberId, state }) => memberId === known.inviterId && (state === "HELD" || state === "USED"),
  );
  await deps.table.commit([
    acquisitions.replace({ ...known, state: acquisitionLifecycle.to("clawedBack"), ...(spent && { owed: true }) }),
    ...revocationWrites(deps.env, unspent, { kind: "system" }),
    outbox.create(
      makeEvent(deps.env, {
        type: "referral.clawed_back",
        actor: { kind: "system" },
        data: { customerId: known.memberId, orderId: known.orderId, inviterId: known.inviterId ?? "" },
      }),
    ),
  ]);
}
