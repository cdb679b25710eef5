import { expect } from "vitest";
import type { Team } from "../../shared/groupbuy/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import type { Order } from "../../shared/order/index.ts";
import type { World } from "../stories/world.ts";

/** What came of a race that was run many times. */
export interface Tally {
  rounds: number;
  /** Rounds in which everybody's commit was under way at the same time. */
  overlapped: number;
  /** How often each side was first. */
  won: Record<string, number>;
}

/** For a run's reader: `the last seat: 100 rounds, 100 overlapped; won: the first 61, the second 39`. */
export const told = (name: string, { rounds, overlapped, won }: Tally): string =>
  `race: ${name}: ${rounds} rounds, ${overlapped} overlapped; ${Object.entries(won)
    .map(([who, times]) => `${who} ${times}`)
    .join(", ")}`;

/** Counts the rounds of a race, each of which must have been one. */
export function newTally() {
  const tally: Tally = { rounds: 0, overlapped: 0, won: {} };
  return {
    tally,
    count(overlapped: boolean, winner: string) {
      tally.rounds += 1;
      tally.overlapped += overlapped ? 1 : 0;
      tally.won[winner] = (tally.won[winner] ?? 0) + 1;
    },
  };
}

/** Has the workers of a function started before its race, so that none comes late because it had to load. */
export const awake = (world: World, functionId: "Shop" | "Hooks", count: number): Promise<void> =>
  world.awaken(count, () =>
    functionId === "Shop" ? world.call("GET", "/v1/campaigns") : world.call("POST", "/hooks/wechat/pay"),
  );

/** Does it for every item, at most `atOnce` of them at a time; answers in the order of the items. */
export async function sideBySide<T, R>(
  items: readonly T[],
  atOnce: number,
  act: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const answers: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next++;
      answers[index] = await act(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  return answers;
}

/** Rounds are told in bunches of people who are there anyway: their sizes, at most `most`, `times` in all. */
export const bunches = (times: number, most: number): number[] =>
  Array.from({ length: Math.ceil(times / most) }, (_, i) => Math.min(most, times - i * most));

/** What the table holds, found by id; read once for all rounds. */
export async function readBack(world: World) {
  const all = await world.rows();
  const of = <T>(entity: string) => (all.get(entity) ?? []) as unknown as T[];
  const teams = new Map(of<Team>("Team").map((team) => [team.teamId, team]));
  const orders = new Map(of<Order>("Order").map((order) => [order.orderId, order]));
  const { refunds } = (await world.book()) as { refunds: { paymentNo: string; status: string; refundFen: number }[] };
  const back = Map.groupBy(refunds, ({ paymentNo }) => paymentNo.slice(2, -2));
  const events = Map.groupBy(of<DomainEvent>("Outbox"), ({ type, data }) => `${type} ${data.teamId}`);
  return {
    of,
    team: (teamId: string): Team => teams.get(teamId)!,
    order: (orderId: string): Order => orders.get(orderId)!,
    /** Fen that the channel gave back of this order's payments, one number a refund. */
    givenBack: (orderId: string): number[] =>
      (back.get(orderId.slice(2)) ?? []).map(({ status, refundFen }) =>
        status === "SUCCESS" ? refundFen : Number.NaN,
      ),
    /** How often a team's event was written. */
    told: (type: string, teamId: string): number => events.get(`${type} ${teamId}`)?.length ?? 0,
  };
}

/** Lets time pass until no refund is under way. */
export async function refundsDone(world: World): Promise<void> {
  for (let patience = 20; ; patience--) {
    await world.pass(2 * world.times.minute);
    const { refunds } = await world.book();
    const running = world.platform.machines.executions({ status: "RUNNING", machine: refundMachine(world) });
    if (running.length === 0 && refunds.every((r: { status: string }) => r.status === "SUCCESS")) return;
    expect(patience, "rounds of two minutes left for the refunds").toBeGreaterThan(0);
  }
}
const refundMachine = (world: World): string =>
  world.platform.template
    .byType("AWS::StepFunctions::StateMachine")
    .map(({ id }) => id)
    .find((id) => id.startsWith("Refund"))!;
