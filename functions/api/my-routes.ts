import * as z from "zod";
import { type Share, sharesOf, shareTitle, type Team } from "../../shared/groupbuy/index.ts";
import { memberState, memberStates, type Order, seatLifecycle, seatState } from "../../shared/order/index.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { ordersOfMember, teams } from "../../shared/table/keys.ts";
import type { Deps } from "../runtime/deps.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { shareView, toShare } from "./groupbuy-routes.ts";
import { headlineOf, orderLine, teamView, toOrderLine, toTeam } from "./groupbuy-views.ts";
import { siftedPage } from "./list-page.ts";

interface Mine {
  order: Stored<Order>;
  /** Only where what the order is to its member hangs on it. */
  team: Stored<Team> | undefined;
}

/** Orders with the teams of those that `needs` says so of; read eventually, but for a team that is not seen so yet. */
async function withTeams(deps: Deps, rows: Stored<Order>[], needs: (order: Order) => boolean): Promise<Mine[]> {
  const ids = [...new Set(rows.filter(needs).flatMap(({ teamId }) => teamId ?? []))];
  const load = (some: string[], eventually: boolean) =>
    deps.table.loadMany(
      teams,
      some.map((teamId) => ({ teamId })),
      { eventually },
    );
  const byId = new Map((await load(ids, true)).map((team) => [team.teamId, team]));
  const unseen = ids.filter((teamId) => !byId.has(teamId));
  for (const team of await load(unseen, false)) byId.set(team.teamId, team);
  return rows.map((order) => ({ order, team: byId.get(order.teamId ?? "") }));
}

const myOrder = orderLine
  .extend({
    state: z.enum(memberStates).meta({
      description:
        "to_pay 待付款, forming 待成团, to_collect 待提货, to_receive 待收货, done 已完成, refunded 退款, cancelled 已取消",
    }),
    headline: z.string(),
  })
  .meta({ id: "MyOrder" });
const toMyOrder = ({ order, team }: Mine): z.input<typeof myOrder> => ({
  ...toOrderLine(order),
  state: memberState(order, team),
  headline: headlineOf(order, seatState(order, team)),
});

/** A seat that its member has, or had until the team was decided: not given up, neither unpaid nor by leaving. */
const inTeam = ({ teamId, seat, leftAt }: Order): boolean =>
  teamId !== undefined && seat !== "RELEASED" && leftAt === undefined;

const standings = ["open", "succeeded", "failed"] as const;
const standingOf = ({ state }: Team): (typeof standings)[number] =>
  state === "SUCCEEDED" ? "succeeded" : state === "FAILED" || state === "ABANDONED" ? "failed" : "open";

const myTeam = z
  .object({
    team: teamView,
    standing: z.enum(standings).meta({ description: "open 拼团中, succeeded 已成团, failed 未成团" }),
    lacks: z.int().meta({
      description: "Members, of a batch units, that have yet to be paid for until it succeeds; 0 once it is decided",
    }),
    leader: z.boolean().meta({ description: "You opened it, or inherited it" }),
    orderId: z.string(),
    seat: z.enum(seatLifecycle.states).meta({ description: "Yours" }),
    units: z.int(),
    share: shareView.optional().meta({ description: "Your link to it, where you made one" }),
  })
  .meta({ id: "MyTeam" });
interface MyTeam {
  order: Stored<Order>;
  team: Stored<Team>;
  share: Share | undefined;
}
function lacksOf({ state, size, paid, paidUnits = 0, terms: { batch } }: Team): number {
  if (state !== "FORMING" && state !== "OPENING") return 0;
  return batch ? Math.max(0, batch.minUnits - paidUnits) : size - paid;
}
const toMyTeam = ({ order, team, share }: MyTeam, now: number): z.input<typeof myTeam> => ({
  team: toTeam(team, now),
  standing: standingOf(team),
  lacks: lacksOf(team),
  leader: team.leaderOrderId === order.orderId,
  orderId: order.orderId,
  seat: seatState(order, team),
  units: order.units,
  ...(share && { share: toShare(share, shareTitle(team)) }),
});

const sparse = "A page may hold fewer than its limit, even none, while there is a nextCursor.";

export const myShop: Route[] = [
  route({
    method: "get",
    path: "/v1/orders",
    summary: "我的订单",
    description: `Newest first; of one state where it is named. ${sparse}`,
    actor: "member",
    owns: "self",
    query: listQuery.extend({ state: z.enum(memberStates).optional().meta({ description: "Of this state only" }) }),
    ok: listOf(myOrder),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query: { state, ...asked }, actor: { memberId } }) =>
      siftedPage(deps, ordersOfMember(memberId), `orders ${memberId} ${state ?? ""}`, asked, async (rows) => {
        const mine = await withTeams(deps, rows, ({ seat }) => seat === "PAID");
        return mine.filter(({ order, team }) => state === undefined || memberState(order, team) === state);
      }),
    view: ({ items, nextCursor }) => ({ items: items.map(toMyOrder), nextCursor }),
  }),
  route({
    method: "get",
    path: "/v1/me/teams",
    summary: "我的拼团",
    description: `The teams and batches you have a seat in, or had one in when they were decided; the latest seat first. ${sparse}`,
    actor: "member",
    owns: "self",
    query: listQuery.extend({ standing: z.enum(standings).optional().meta({ description: "Of this standing only" }) }),
    ok: listOf(myTeam),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query: { standing, ...asked }, actor: { memberId } }) =>
      siftedPage(deps, ordersOfMember(memberId), `teams ${memberId} ${standing ?? ""}`, asked, async (rows) => {
        const mine = (await withTeams(deps, rows.filter(inTeam), () => true)).flatMap(({ order, team }) =>
          team && (standing === undefined || standingOf(team) === standing) ? [{ order, team }] : [],
        );
        const links = await sharesOf(
          deps,
          memberId,
          mine.map(({ team }) => team.teamId),
        );
        return mine.map(({ order, team }): MyTeam => ({ order, team, share: links.get(team.teamId) }));
      }),
    view: ({ items, nextCursor }, deps) => ({
      items: items.map((one) => toMyTeam(one, deps.env.clock.now())),
      nextCursor,
    }),
  }),
];
