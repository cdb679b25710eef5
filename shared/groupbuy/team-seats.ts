import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { pairId } from "../kernel/ids.ts";
import { type Arrival, arrivalAt, keptOf, type Order, type SeatShare, unsettledShare } from "../order/index.ts";
import { reconcileRefundOf } from "../payment/index.ts";
import type { Page, Stored, Table, Write } from "../table/entity.ts";
import { outbox, purchaseLines, seatsOfTeam, teams } from "../table/keys.ts";
import type { Team } from "./model.ts";
import { kindOf } from "./terms.ts";

/** The team of a batch in a community: known before it is there, and made once. */
export const batchTeamId = (campaignId: string, communityId: string): string => pairId("TM", campaignId, communityId);

/** One page of a team's seats, and from where (`next`) it goes on. */
export const seatsOf = (table: Table, teamId: string, after?: Record<string, string>): Promise<Page<Order>> =>
  table.page(seatsOfTeam(teamId), { limit: 50, after });

/** The seats of a team, page by page; complete only once the index has caught up: who must have all counts against the team. */
export async function* seatPagesIn(table: Table, teamId: string): AsyncGenerator<Stored<Order>[]> {
  let after: Record<string, string> | undefined;
  do {
    const page = await seatsOf(table, teamId, after);
    yield page.items;
    after = page.next;
  } while (after);
}

/** The same, seat by seat. */
export async function* seatsIn(table: Table, teamId: string): AsyncGenerator<Stored<Order>> {
  for await (const page of seatPagesIn(table, teamId)) yield* page;
}

/** A seat whose payment counts for the team: paid, and not left while it formed. */
export const counts = (order: Order): boolean =>
  order.disposition === "SEATED" && order.leftAt === undefined && order.seat !== "RELEASED" && order.seat !== "HELD";

/** What a team's end owes a paid seat and that has not begun: all of its money, or the settling of its share of a batch. */
export type DueRefund = { cause: "team_failed" } | { cause: "settled_difference"; share: SeatShare };

export function dueRefund(order: Order, team: Pick<Team, "state" | "frozen">): DueRefund | undefined {
  if (order.seat !== "PAID" || order.refundId !== undefined || order.settledAt !== undefined) return undefined;
  if (team.state === "FAILED") return { cause: "team_failed" };
  const share = unsettledShare(order, team);
  return share && { cause: "settled_difference", share };
}

/** A seat's refund beside the one of its team's end: of goods that came short or late. One order has at most one. */
export const arrivalRefundId = ({ orderId, campaignId }: Pick<Order, "orderId" | "campaignId">): string =>
  pairId("RF", orderId, campaignId ?? orderId);

/**
 * What a paid seat still is owed of whose goods too few arrived, once its store's line is closed: what it was sold, the units it
 * got, and what goes back at the price it was settled at, fen.
 */
export function shortOf(
  order: Order,
  { line, share, units }: Arrival,
): { soldUnits: number; units: number; unitFen: number; refundFen: number } | undefined {
  if (order.seat !== "PAID" || order.refundId !== undefined || order.shortAt !== undefined) return undefined;
  if (line?.state !== "RECEIVED" || !share || units === undefined || units >= share.units) return undefined;
  const { unitFen } = share;
  return { soldUnits: share.units, units, unitFen, refundFen: share.keptFen - keptOf(order, units, unitFen) };
}

/**
 * Has `begin` begin the refund of every seat that a line which came short still owes one, a page of seats at a time. Answers
 * whether the index showed them all: who comes again goes on with those that have not begun.
 */
export async function eachShort(
  table: Table,
  lineId: string,
  begin: (seat: Stored<Order>) => Promise<unknown>,
): Promise<boolean> {
  const line = await table.load(purchaseLines, { lineId });
  if (!line?.cut || line.state !== "RECEIVED") return true;
  let whole = true;
  for (const { teamId } of line.communities) {
    const team = await table.load(teams, { teamId });
    let found = 0;
    for await (const page of seatPagesIn(table, teamId)) {
      found += page.filter(counts).length;
      await Promise.all(page.filter((seat) => onLine(seat) && shortOf(seat, arrivalAt(seat, team, line))).map(begin));
    }
    whole &&= found === team?.paid;
  }
  return whole;
}

/** Whether a seat takes part in its store's line: paid, its goods bought at the cut-off, and no other store serves it. */
export const onLine = (order: Order): boolean => counts(order) && order.seat === "PAID" && order.sourced === "to_order";

/** The event of a team's failure, and the row by which the reconciliation sees that everybody's refund began. */
export const teamFailed = (
  env: Env,
  team: Team,
  because: NonNullable<Team["outcome"]>,
  actor: { kind: "system" | "member" | "staff"; id?: string } = { kind: "system" },
): Write[] => [
  outbox.create(
    makeEvent(env, {
      type: "team.failed",
      actor,
      origin: team.origin,
      data: {
        teamId: team.teamId,
        campaignId: team.campaignId,
        ...(team.leaderId !== undefined && { leaderId: team.leaderId }),
        ...(team.terms.batch && { kind: kindOf(team.terms) }),
        because,
        paid: team.paid,
      },
    }),
  ),
  reconcileRefundOf(env, team.teamId),
];
