import type { Article } from "../../shared/catalog/index.ts";
import type { Allotment, Campaign, Team } from "../../shared/groupbuy/index.ts";
import type { Order } from "../../shared/order/index.ts";
import type { Refund } from "../../shared/payment/index.ts";
import type { Facts } from "./facts.ts";
import { rowsOf, sum, type Tally } from "./tally.ts";

interface Stock {
  storeId: string;
  articleId: string;
  online: number;
}
interface Movement {
  storeId: string;
  articleId: string;
  cause: string;
  delta: number;
}
interface PurchaseLine {
  campaignId: string;
  storeId: string;
  articleId: string;
  state: string;
  good: number;
}
interface Guard {
  campaignId: string;
  memberId: string;
  units: Record<string, number>;
  liveOrderId?: string;
}

const isSeated = (o: Order) => o.disposition === "SEATED" && o.leftAt === undefined;

export function recountGoods(facts: Facts, tally: Tally): void {
  recountStock(facts, tally);
  recountSlots(facts, tally);
  for (const team of rowsOf<Team>(facts, "Team")) recountTeam(facts, team, tally);
  recountGuards(facts, tally);
}

/** Units are conserved: what came to a store is on its shelf, in its campaigns, or in its orders. */
function recountStock(facts: Facts, { same, holds }: Tally): void {
  const orders = rowsOf<Order>(facts, "Order");
  const allotments = rowsOf<Allotment>(facts, "Allotment");
  const campaigns = new Map(rowsOf<Campaign>(facts, "Campaign").map((one) => [one.campaignId, one]));
  const movements = Map.groupBy(rowsOf<Movement>(facts, "StockMovement"), (one) => `${one.storeId} ${one.articleId}`);
  const received = rowsOf<PurchaseLine>(facts, "PurchaseLine").filter(({ state }) => state === "RECEIVED");
  const lies = (o: Order) =>
    !o.sourced || received.some((line) => line.campaignId === o.campaignId && line.storeId === o.storeId);
  const served = orders.filter(
    (o) => lies(o) && (o.seat === "HELD" || (o.seat === "PAID" && o.refundId === undefined)),
  );
  const stocks = rowsOf<Stock>(facts, "Stock");
  for (const { storeId, articleId, online } of stocks) {
    const where = `${storeId} ${articleId}`;
    const moved = movements.get(where) ?? [];
    same(
      "S1",
      `${where} movements`,
      online,
      sum(moved, ({ delta }) => delta),
    );
    const inOne = ({ campaignId, articleId: sold }: Allotment) =>
      (campaigns.get(campaignId)?.components ?? [{ articleId: sold, units: 1 }]).find(
        (part) => part.articleId === articleId,
      )?.units ?? 0;
    const allotted = sum(
      allotments.filter((one) => one.storeId === storeId && one.state === "OPEN" && !one.sourced),
      (one) => one.left * inOne(one),
    );
    const taken = sum(
      served.filter((o) => o.storeId === storeId),
      (o) =>
        sum(
          o.lines.filter((line) => line.articleId === articleId),
          ({ units }) => units,
        ),
    );
    const came =
      sum(
        moved.filter(({ cause }) => /^(adjust|lot|import|pos|stocktake)#/.test(cause)),
        ({ delta }) => delta,
      ) +
      sum(
        received.filter((line) => line.storeId === storeId && line.articleId === articleId),
        ({ good }) => good,
      );
    // taken out of stock for an order, and found to be nowhere when it was picked
    const lost = sum(
      orders.filter((o) => o.storeId === storeId).flatMap((o) => o.missing ?? []),
      (one) => (one.articleId === articleId ? one.units : 0),
    );
    // what came over is in the good units of its line, and a movement besides
    same("S1", `${where} units`, online + allotted + taken + lost, came);
    holds("S1", where, `${online} units are on the shelf`, Number.isSafeInteger(online) && online >= 0);
  }
  const known = new Set(stocks.map(({ storeId, articleId }) => `${storeId} ${articleId}`));
  for (const where of movements.keys()) holds("S1", where, "units moved without a shelf", known.has(where));
  for (const { campaignId, storeId, left, units } of allotments)
    holds("S1", `${campaignId} ${storeId}`, `${left} of ${units} units are left`, left >= 0 && left <= units);
  for (const { campaignId, left } of rowsOf<{ campaignId: string; left: number }>(facts, "TotalCap")) {
    const cap = campaigns.get(campaignId)?.totalCap ?? 0;
    const taken = sum(
      orders.filter(
        (o) => o.campaignId === campaignId && (o.seat === "HELD" || (o.seat === "PAID" && o.refundId === undefined)),
      ),
      ({ units }) => units,
    );
    same("S1", `${campaignId} cap`, left, cap - taken);
  }
  const articles = new Map(rowsOf<Article>(facts, "Article").map((one) => [one.articleId, one]));
  for (const { storeId, articleId } of stocks)
    holds("A4", `${storeId} ${articleId}`, "a shelf of no article", articles.has(articleId));
}

/** A place of a slot is held by an order until it is given up or cancelled. */
function recountSlots(facts: Facts, { same }: Tally): void {
  const holders = Map.groupBy(
    rowsOf<Order>(facts, "Order").filter(
      (o) => o.slotId !== undefined && o.seat !== "RELEASED" && o.stage !== "CANCELLED",
    ),
    (o) => `${o.storeId} ${o.slotId}`,
  );
  for (const { storeId, slotId, taken } of rowsOf<{ storeId: string; slotId: string; taken: number }>(
    facts,
    "SlotCount",
  ))
    same("S1", `${storeId} ${slotId}`, taken, holders.get(`${storeId} ${slotId}`)?.length ?? 0);
}

function recountTeam(facts: Facts, team: Team, { same, holds }: Tally): void {
  const { teamId, terms } = team;
  const seats = rowsOf<Order>(facts, "Order").filter((o) => o.teamId === teamId);
  const held = seats.filter((o) => o.seat === "HELD");
  const paid = seats.filter(isSeated);
  same(
    "S2",
    teamId,
    { held: team.held, paid: team.paid, free: team.free },
    { held: held.length, paid: paid.length, free: team.size - held.length - paid.length },
  );
  holds("S2", teamId, `${team.free} of ${team.size} seats are free`, team.free >= 0);
  const live = [...held, ...paid.filter((o) => o.seat === "PAID" && o.refundId === undefined)];
  same("S2", `${teamId} members`, new Set(live.map((o) => o.memberId)).size, live.length);
  const late = paid.filter((o) => (o.paidAt ?? 0) >= (team.deadline ?? Number.POSITIVE_INFINITY));
  same(
    "S2",
    `${teamId} paid after its deadline`,
    late.map((o) => o.orderId),
    [],
  );
  const over = ["SUCCEEDED", "FAILED", "ABANDONED"].includes(team.state);
  same("S2", `${teamId} decided`, team.decidedAt !== undefined, over);
  const outcomes: Record<string, readonly (string | undefined)[]> = {
    SUCCEEDED: ["natural", "subsidised"],
    FAILED: ["deadline", "leader_left", "ops", "stock"],
  };
  holds("S2", teamId, `${team.state} by ${team.outcome}`, (outcomes[team.state] ?? [undefined]).includes(team.outcome));
  holds(
    "S2",
    teamId,
    `${team.state} without a deadline`,
    team.deadline !== undefined || !["FORMING", "SUCCEEDED"].includes(team.state),
  );
  if (team.leaderOrderId !== undefined && team.state !== "ABANDONED") {
    const leads = seats.find((o) => o.orderId === team.leaderOrderId);
    same("S2", `${teamId} leader`, team.leaderId, leads?.memberId);
  }
  if (terms.batch) recountBatch(facts, team, paid, { same, holds });
  else if (team.outcome === "natural") {
    same("S2", `${teamId} filled`, team.paid, team.size);
    for (const o of paid) same("M4", `${o.orderId} price`, (o.kit ?? o.lines[0]!).unitFen, terms.teamFen);
  }
}

/** A batch counts units as wanted; its price is the tier that they reach, for everybody, in whole cases. */
function recountBatch(facts: Facts, team: Team, paid: readonly Order[], { same, holds }: Tally): void {
  const { teamId, frozen } = team;
  const wanted = sum(paid, (o) => o.wantedUnits ?? Number.NaN);
  same("S2", `${teamId} units`, team.paidUnits ?? 0, wanted);
  if (team.state !== "SUCCEEDED" || !frozen) return;
  const { minUnits, tiers } = team.terms.batch!;
  const reached = tiers.filter((tier) => tier.fromUnits <= wanted);
  const natural = team.outcome === "natural";
  same(
    "M4",
    `${teamId} frozen`,
    { units: frozen.units, unitFen: frozen.unitFen },
    {
      units: wanted,
      unitFen: natural ? Math.min(...reached.map(({ unitFen }) => unitFen)) : tiers[0]!.unitFen,
    },
  );
  same("S2", `${teamId} minimum`, wanted >= minUnits, natural);
  const refunds = Map.groupBy(rowsOf<Refund>(facts, "Refund"), ({ orderId }) => orderId);
  for (const o of paid) {
    const back = refunds.get(o.orderId) ?? [];
    const sold = o.kit ?? o.lines[0]!;
    // once its share is settled, or where nothing was to be settled
    if (o.refundId === undefined && (o.settledAt !== undefined || back.length === 0) && sold.unitFen !== frozen.unitFen)
      holds(
        "M4",
        o.orderId,
        `${sold.unitFen} fen a unit, not settled yet at ${frozen.unitFen}`,
        o.settledAt === undefined && team.decidedAt !== undefined && facts.now - team.decidedAt < 15 * 60_000,
      );
    else holds("M4", o.orderId, "price", true);
  }
}

/** A member's part in a campaign is the orders of his that count. */
function recountGuards(facts: Facts, { same }: Tally): void {
  const orders = Map.groupBy(rowsOf<Order>(facts, "Order"), (o) => `${o.campaignId} ${o.memberId}`);
  for (const { campaignId, memberId, units, liveOrderId } of rowsOf<Guard>(facts, "Guard")) {
    const mine = orders.get(`${campaignId} ${memberId}`) ?? [];
    const held = mine.filter((o) => o.seat === "HELD").map((o) => o.orderId);
    for (const orderId of held)
      same(
        "S2",
        `${campaignId} ${memberId}`,
        { liveOrderId, counted: orderId in units },
        { liveOrderId: orderId, counted: true },
      );
    for (const orderId of Object.keys(units))
      same(
        "S2",
        `${campaignId} ${memberId} counts`,
        mine.some((o) => o.orderId === orderId && o.seat !== "RELEASED"),
        true,
      );
    if (liveOrderId !== undefined)
      same(
        "S2",
        `${campaignId} ${memberId} live`,
        mine.some((o) => o.orderId === liveOrderId && o.seat !== "RELEASED"),
        true,
      );
  }
}
