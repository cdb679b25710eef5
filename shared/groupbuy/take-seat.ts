import { isMemberOf } from "../community/index.ts";
import { couponFor, couponHeld, funderAccount } from "../coupon/index.ts";
import { communityStore, type Place, type RouteChoice, type RoutingDeps, routeOrder } from "../fulfilment/index.ts";
import { addressHash } from "../identity/index.ts";
import { makeEvent, type Origin } from "../kernel/event.ts";
import { providerNumber } from "../kernel/ids.ts";
import { DomainError, type ProblemCode } from "../kernel/problem.ts";
import { dayOf, wholeSecond } from "../kernel/time.ts";
import { linesOf, loadTeam, type Order, orderFacts, seatState } from "../order/index.ts";
import { decide, loadLasting, Stale, type Stored, type Write } from "../table/entity.ts";
import {
  allotments,
  campaigns,
  dues,
  guards,
  members,
  orders,
  outbox,
  shares,
  teams,
  totalCaps,
} from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { clocks } from "./clocks.ts";
import type { Campaign, Guard, Team, Terms } from "./model.ts";
import { priceWith } from "./quote-seat.ts";
import { sizeOf, termsOf } from "./terms.ts";

export type SeatDeps = RoutingDeps & {
  /** A keyed hash by which equal texts are found. */
  blindIndex(text: string): string;
};

/** A member's seat as opening and joining answer it: the order as committed, and the team it is in. */
export interface Seat {
  order: Order;
  team: Team;
  /** Why this store serves it, in words. */
  why: string;
}

export interface SeatRequest {
  memberId: string;
  units: number;
  /** Only in a batch with case packs: up to how many units are taken to fill a case. */
  upToUnits?: number | undefined;
  /** Where the member is; a batch, which its community's store serves, does not ask. */
  place?: Place | undefined;
  /** One of the stores offered; the nearest able one where absent. */
  storeId?: string | undefined;
  fulfilment: "pickup" | "delivery";
  shareToken?: string | undefined;
  /** One of the member's coupons. */
  couponGrantId?: string | undefined;
  /** The community leader who takes the seat in the member's name. */
  placedBy?: string | undefined;
  once: Once<Seat>;
}

/**
 * Opens a team of a campaign with its leader's seat, held until paid; nobody else sees the team before. Throws
 * CAMPAIGN_NOT_FOUND, CAMPAIGN_NOT_OPEN, CAMPAIGN_SUSPENDED, CAMPAIGN_KIND (a batch), what `takeSeat` throws.
 */
export function openTeam(
  deps: SeatDeps,
  input: SeatRequest & { campaignId: string; communityId?: string | undefined },
): Promise<Seat> {
  return decide(async (round) => {
    const campaign = await openCampaignOf(deps, input.campaignId);
    const now = deps.env.clock.now();
    if (campaign.batch) throw new DomainError("CAMPAIGN_KIND", "order in your community's team");
    if (campaign.state === "SUSPENDED") throw new DomainError("CAMPAIGN_SUSPENDED");
    if (campaign.state !== "OPEN" || now >= campaign.closesAt || now > campaign.hardEnd - clocks.joinMargin)
      throw new DomainError("CAMPAIGN_NOT_OPEN", undefined, { facts: { campaignId: campaign.campaignId } });
    if (input.communityId !== undefined && !(await isMemberOf(deps, input.communityId, input.memberId)))
      throw new DomainError("NOT_ADMITTED_COMMUNITY", "communityId must be one of your communities");
    if (campaign.admits === "community" && input.communityId === undefined)
      throw new DomainError("INPUT_INVALID", undefined, {
        errors: [
          { path: "body.communityId", message: "this campaign is for communities: say which of yours opens the team" },
        ],
      });
    const teamId = deps.env.ids.next("TM");
    const orderId = deps.env.ids.next("OR");
    const terms = termsOf(campaign);
    const prepared = await prepareSeat(deps, input, {
      round,
      guard: await refuseSecondSeat(deps, campaign.campaignId, input.memberId),
      campaign,
      terms,
      teamId,
      orderId,
      hardEnd: campaign.hardEnd,
      leader: true,
      originId: teamId,
      communityId: input.communityId,
    });
    const team: Team = {
      teamId,
      campaignId: campaign.campaignId,
      state: "OPENING",
      size: sizeOf(campaign),
      held: 1,
      paid: 0,
      free: sizeOf(campaign) - 1,
      leaderId: input.memberId,
      leaderOrderId: orderId,
      storeId: prepared.order.storeId,
      ...(input.communityId !== undefined && { communityId: input.communityId }),
      openedAt: now,
      terms,
      origin: { ...prepared.order.origin, originId: campaign.campaignId },
    };
    const seat = { order: prepared.order, team, why: prepared.why };
    await deps.table.commit([teams.create(team), ...prepared.writes, ...input.once(seat)]);
    return seat;
  });
}

/**
 * Takes a seat in a forming team, or orders in a batch, and holds it until paid. Throws TEAM_NOT_VISIBLE, TEAM_CLOSED (with the
 * campaign to open one's own in), BATCH_CUT_OFF, TEAM_CLOSING, TEAM_FULL, CAMPAIGN_SUSPENDED, NOT_ADMITTED_…, what `takeSeat`
 * throws.
 */
export function joinTeam(deps: SeatDeps, input: SeatRequest & { teamId: string }): Promise<Seat> {
  return decide(async (round) => {
    const team = await deps.table.load(teams, { teamId: input.teamId });
    if (!team) throw new DomainError("TEAM_NOT_FOUND");
    if (team.leaderId === input.memberId && (team.state === "OPENING" || team.state === "FORMING"))
      throw new DomainError("TEAM_OWN");
    if (team.state === "OPENING") throw new DomainError("TEAM_NOT_VISIBLE");
    const own = { facts: { campaignId: team.campaignId } };
    const closed = (current: Pick<Team, "state" | "outcome" | "free"> | undefined): DomainError => {
      const over = current?.state !== "FORMING" || deps.env.clock.now() >= (team.deadline ?? 0);
      if (team.terms.batch && over) return new DomainError("BATCH_CUT_OFF");
      if (current?.state === "SUCCEEDED" && current.outcome === "natural")
        return new DomainError("TEAM_FULL", undefined, own);
      if (current?.state !== "FORMING") return new DomainError("TEAM_CLOSED", undefined, own);
      return current.free < 1
        ? new DomainError("TEAM_FULL", undefined, own)
        : new DomainError("TEAM_CLOSING", undefined, own);
    };
    const latest = deps.env.clock.now() + clocks.joinMargin;
    const deadline = team.deadline ?? 0;
    const campaign = await openCampaignOf(deps, team.campaignId, { eventually: true });
    const guard = await refuseSecondSeat(deps, campaign.campaignId, input.memberId, team);
    if (team.state !== "FORMING" || deadline < latest || team.free < 1) throw closed(team);
    if (campaign.state === "SUSPENDED") throw new DomainError("CAMPAIGN_SUSPENDED");
    if (campaign.state === "CANCELLED") throw new DomainError("TEAM_CLOSED", undefined, own);
    const orderId = deps.env.ids.next("OR");
    const prepared = await prepareSeat(deps, input, {
      round,
      guard,
      campaign,
      terms: team.terms,
      teamId: team.teamId,
      orderId,
      hardEnd: deadline,
      leader: false,
      originId: team.teamId,
      communityId: team.communityId,
      team,
    });
    const seat = { order: prepared.order, team, why: prepared.why };
    await deps.table.commit([
      teams
        .patch({ teamId: team.teamId })
        .when("state", "=", "FORMING")
        .when("free", ">=", 1)
        .when("deadline", ">=", latest)
        .add({ held: 1, free: -1 })
        .or(closed),
      ...prepared.writes,
      ...input.once(seat),
    ]);
    return seat;
  });
}

async function openCampaignOf(
  deps: SeatDeps,
  campaignId: string,
  how: { eventually?: boolean } = {},
): Promise<Stored<Campaign>> {
  const campaign = await deps.table.load(campaigns, { campaignId }, how);
  if (!campaign || campaign.state === "DRAFT") throw new DomainError("CAMPAIGN_NOT_FOUND");
  return campaign;
}

/**
 * One live seat a campaign and member: held, or paid in a team that is not decided. Answers the guard as read, which the
 * commit then replaces on condition that nobody else did. Throws ORDER_UNPAID, TEAM_ALREADY_JOINED, TEAM_OTHER_JOINED.
 */
async function refuseSecondSeat(
  deps: SeatDeps,
  campaignId: string,
  memberId: string,
  wanted?: Team,
): Promise<Stored<Guard> | undefined> {
  const guard = await deps.table.load(guards, { campaignId, memberId });
  if (!guard?.liveOrderId) return guard;
  const live = await deps.table.load(orders, { orderId: guard.liveOrderId });
  const team = live && (await loadTeam(deps.table, live));
  if (!live || !team) return guard;
  const facts = { facts: { orderId: live.orderId, teamId: team.teamId } };
  if (live.seat === "HELD") throw new DomainError("ORDER_UNPAID", undefined, facts);
  if (seatState(live, team) !== "PAID") return guard;
  throw new DomainError(wanted?.teamId === team.teamId ? "TEAM_ALREADY_JOINED" : "TEAM_OTHER_JOINED", undefined, facts);
}

interface SeatPlan {
  /** How often this was decided before on what went stale. */
  round: number;
  guard: Stored<Guard> | undefined;
  campaign: Campaign;
  terms: Terms;
  teamId: string;
  orderId: string;
  /** Nothing is held beyond it: the team's deadline, or the campaign's hard end for a leader. */
  hardEnd: number;
  leader: boolean;
  originId: string;
  communityId: string | undefined;
  team?: Team;
}

/**
 * Everything of a new seat but the team's own row: limit, admission, route, price, and the writes that take the units and
 * place the order. Throws UNITS_LIMIT, NOT_ADMITTED_…, SOLD_OUT, NO_STORE_IN_RANGE, STORE_NOT_ABLE, ADDRESS_NOT_FOUND,
 * DELIVERY_NOT_OFFERED, SHARE_NOT_FOUND, COUPON_….
 */
async function prepareSeat(
  deps: SeatDeps,
  input: SeatRequest,
  plan: SeatPlan,
): Promise<{ order: Order; why: string; writes: Write[] }> {
  const { campaign, terms, guard } = plan;
  const now = deps.env.clock.now();
  const units = mostUnits(input, terms);
  const counted = Object.values(guard?.units ?? {}).reduce((a, b) => a + b, 0);
  if (counted + units > terms.perMemberLimit)
    throw new DomainError("UNITS_LIMIT", undefined, { facts: { limit: terms.perMemberLimit, counted } });
  const { memberId } = input;
  const member = await (terms.admits === "new"
    ? deps.table.load(members, { memberId })
    : loadLasting(deps.table, members, { memberId }));
  if (!member) throw new DomainError("MEMBER_NOT_FOUND");
  const own = { facts: { campaignId: campaign.campaignId } };
  if (terms.admits === "new" && plan.team && member.firstPaidAt !== undefined)
    throw new DomainError("NOT_ADMITTED_NEW", undefined, own);
  if (
    terms.admits === "community" &&
    plan.team &&
    !(plan.communityId && (await isMemberOf(deps, plan.communityId, input.memberId)))
  )
    throw new DomainError(
      "NOT_ADMITTED_COMMUNITY",
      terms.batch && `join community ${plan.communityId} first`,
      terms.batch ? {} : own,
    );
  const inviterId = await inviterOf(deps, input, campaign.campaignId);
  const route = await storeOf(deps, input, plan, units);
  if (terms.admits === "store" && plan.team && route.storeId !== plan.team.storeId)
    throw new DomainError("NOT_ADMITTED_STORE", undefined, own);

  const channel = terms.batch ? "batch" : "mini";
  const { articleId, aloneFen, teamFen, grams, zone } = terms;
  const priced = { units, unitFen: teamFen, floorFen: terms.floorFen };
  const lines = [{ articleId, amountFen: teamFen * units }];
  const use = { lines, storeId: route.storeId, channel } as const;
  const grantId = input.couponGrantId;
  const coupon = grantId === undefined ? undefined : await couponFor(deps, { memberId, grantId }, use, now);
  const { payableFen, discounts } = priceWith(priced, terms, coupon?.faceFen);
  const holdUntil = wholeSecond(Math.min(now + terms.holdMs, plan.hardEnd));
  const origin: Origin = {
    originId: plan.originId,
    channel,
    ...(plan.communityId !== undefined && { communityId: plan.communityId }),
    ...(inviterId !== undefined && { inviterId }),
  };
  const order: Order = {
    orderId: plan.orderId,
    memberId: input.memberId,
    storeId: route.storeId,
    day: dayOf(now),
    campaignId: campaign.campaignId,
    teamId: plan.teamId,
    seat: "HELD",
    stage: "PLACED",
    shipping: "NONE",
    ...linesOf(
      {
        articleId,
        name: terms.articleName,
        units,
        aloneFen,
        unitFen: teamFen,
        ...(grams !== undefined && { grams }),
        ...(zone !== undefined && { zone }),
      },
      terms.components,
    ),
    ...(discounts.length > 0 && { discounts, ...(terms.floorFen !== undefined && { floorFen: terms.floorFen }) }),
    ...(coupon && { coupon: { grantId: coupon.grant.grantId, funder: funderAccount(coupon.grant.terms) } }),
    ...(input.placedBy !== undefined && { placedBy: input.placedBy }),
    ...(terms.batch && { wantedUnits: input.units, upToUnits: units }),
    ...(terms.batch?.sourced === "to_order" && { sourced: "to_order" }),
    ...(terms.profitSharing && { profitSharing: true }),
    createdAt: now,
    holdUntil,
    ...(input.place && "address" in input.place && { addressHash: addressHash(deps, input.place.address) }),
    firstOrder: member.firstPaidAt === undefined,
    routed: route.routed,
    origin,
    pickupFrom: terms.pickupFrom,
    pickupUntil: terms.pickupUntil,
    paymentNo: providerNumber(plan.orderId, 1),
    attempt: 1,
    paymentState: "CREATED",
    payableFen,
  };
  const actor = { kind: "member" as const, id: input.placedBy ?? input.memberId };
  const looksAt = holdUntil + clocks.grace;
  const taken = { campaignId: campaign.campaignId, storeId: route.storeId, articleId };
  const unitsTaken = allotments.patch(taken).add({ left: -units }).when("left", ">=", units).when("state", "=", "OPEN");
  const nextGuard = { units: { ...guard?.units, [plan.orderId]: units }, liveOrderId: plan.orderId };
  return {
    order,
    why: route.why,
    writes: [
      // gone meanwhile: a batch has no other store; else read again, another one may still have it
      terms.batch ? unitsTaken.or("SOLD_OUT") : unitsTaken,
      ...(campaign.totalCap === undefined
        ? []
        : [
            totalCaps
              .patch({ campaignId: campaign.campaignId })
              .add({ left: -units })
              .when("left", ">=", units)
              .or("SOLD_OUT" satisfies ProblemCode),
          ]),
      guard
        ? guards.replace({ ...guard, ...nextGuard })
        : guards.create({ campaignId: campaign.campaignId, memberId: input.memberId, ...nextGuard }),
      orders.create(order),
      ...(coupon ? [couponHeld(coupon.grant, plan.orderId)] : []),
      dues.create({ kind: "hold", id: order.orderId, at: looksAt, since: looksAt }),
      outbox.create(
        makeEvent(deps.env, {
          type: "seat.held",
          actor,
          origin,
          data: { ...orderFacts(order), leader: plan.leader },
        }),
      ),
      ...(input.placedBy === undefined
        ? []
        : [
            outbox.create(
              makeEvent(deps.env, {
                type: "seat.placed_for",
                actor,
                origin,
                data: { ...orderFacts(order), placedBy: input.placedBy, holdUntil },
              }),
            ),
          ]),
    ],
  };
}

/** The units a seat may come to. Throws INPUT_INVALID for a tolerance that can't be. */
function mostUnits({ units, upToUnits = units }: SeatRequest, { batch }: Terms): number {
  const wrong =
    upToUnits < units
      ? `must be ${units} or more`
      : upToUnits > units && batch?.casePack === undefined && "leave it out: this campaign has no cases to fill";
  if (wrong)
    throw new DomainError("INPUT_INVALID", undefined, { errors: [{ path: "body.upToUnits", message: wrong }] });
  return upToUnits;
}

/** The store that serves a seat: a batch's own, or the one the seat is routed to. */
async function storeOf(deps: SeatDeps, input: SeatRequest, plan: SeatPlan, units: number): Promise<RouteChoice> {
  const { campaign, terms, team } = plan;
  const { articleId } = terms;
  const window = { from: Math.max(terms.pickupFrom, deps.env.clock.now()), until: terms.pickupUntil };
  const refuse = (path: string, message: string) =>
    new DomainError("INPUT_INVALID", undefined, { errors: [{ path: `body.${path}`, message }] });
  if (terms.batch && team) {
    if (input.fulfilment === "delivery") throw new DomainError("DELIVERY_NOT_OFFERED");
    if (input.storeId !== undefined && input.storeId !== team.storeId)
      throw refuse("storeId", `leave it out: store ${team.storeId} serves this community`);
    return communityStore(deps, { storeId: team.storeId, window });
  }
  if (!input.place) throw refuse("place", "say where you are: the order is routed by it");
  const asked = new Map<string, number>();
  const left = async (storeIds: readonly string[]) => {
    const keys = storeIds.map((storeId) => ({ campaignId: campaign.campaignId, storeId, articleId }));
    for (const storeId of storeIds) asked.set(storeId, 0);
    for (const row of await deps.table.loadMany(allotments, keys, { eventually: plan.round === 0 }))
      if (row.state === "OPEN") asked.set(row.storeId, row.left);
    return asked;
  };
  return routeOrder(deps, {
    place: input.place,
    pickedStoreId: input.storeId,
    articleId,
    units,
    allotmentLeft: left,
    window,
    fulfilment: input.fulfilment,
  }).catch((error: unknown) => {
    const short = [...asked.values()].filter((n) => n < units).length;
    // nobody is turned away on what was read eventually: once more, consistently
    if (error instanceof DomainError && plan.round === 0 && short > 0) throw new Stale("units left, as first read");
    const soldOut = asked.size > 0 && short === asked.size;
    if (error instanceof DomainError && error.code === "NO_STORE_IN_RANGE" && soldOut)
      throw new DomainError("SOLD_OUT", undefined, { facts: { campaignId: campaign.campaignId } });
    throw error;
  });
}

/** Who shared the link the member came by; nobody's own link counts. */
async function inviterOf(deps: SeatDeps, input: SeatRequest, campaignId: string): Promise<string | undefined> {
  if (input.shareToken === undefined) return undefined;
  const share = await deps.table.load(shares, { token: input.shareToken });
  if (!share || (share.campaignId ?? campaignId) !== campaignId) throw new DomainError("SHARE_NOT_FOUND");
  return share.inviterId === input.memberId ? undefined : share.inviterId;
}
