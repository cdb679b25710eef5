import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { day, toIso, wholeSecond } from "../kernel/time.ts";
import { type Order, orderFacts } from "../order/index.ts";
import type { PurchaseLine } from "../supply/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { dues, orders, outbox, purchaseLines, teams } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { openLineOf } from "./receive-arrival.ts";
import { counts, onLine, seatsIn } from "./team-seats.ts";

type Deps = { table: Table; env: Env };

/** The latest that an arrival may be put off to, from now. */
const LATEST = 60 * day;

/**
 * Puts off when a store's line is promised for: pickup of its orders then begins at `expectedAt` (epoch ms) and lasts as long as
 * before. Each member is told from the event on, and may take a refund until the goods are there. Throws what `openLineOf` throws,
 * INPUT_INVALID.
 */
export async function movePromise(
  deps: Deps,
  input: {
    by: string;
    campaignId: string;
    storeId: string;
    expectedAt: number;
    reason: string;
    once: Once<PurchaseLine>;
  },
): Promise<PurchaseLine> {
  const { env, table } = deps;
  const { by, reason } = input;
  const pickupFrom = wholeSecond(input.expectedAt);
  return decide(async () => {
    const line = await openLineOf(deps, input);
    const { lineId } = line;
    const at = env.clock.now();
    const earliest = Math.max(at, line.pickupFrom);
    if (pickupFrom <= earliest || pickupFrom > at + LATEST)
      throw new DomainError("INPUT_INVALID", undefined, {
        errors: [{ path: "body.expectedAt", message: `after ${toIso(earliest)}, and not after ${toIso(at + LATEST)}` }],
      });
    const pickupUntil = line.pickupUntil + pickupFrom - line.pickupFrom;
    const { version, ...moved } = { ...line, pickupFrom, pickupUntil, movedAt: at };
    await table.commit([
      purchaseLines.patch(line).asRead({ version }).set({ pickupFrom, pickupUntil, movedAt: at }),
      dues.create({ kind: "promise", id: lineId, at, since: at }),
      outbox.create(
        makeEvent(env, { type: "arrival.moved", actor: { kind: "staff", id: by }, data: { lineId, pickupFrom } }),
      ),
      audited(env, { staffId: by, action: "arrival.move", target: lineId, reason, change: { to: toIso(pickupFrom) } }),
      ...input.once(moved),
    ]);
    return moved;
  });
}

/**
 * Gives every order of a line the window that the line has now, each with the event that tells its member, once a move however
 * often this runs. Answers whether all are done; false: `untilMs` (epoch ms) came first, or not every seat is indexed yet.
 */
export async function carryPromise(deps: Deps, lineId: string, untilMs: number): Promise<boolean> {
  const { env, table } = deps;
  const line = await table.load(purchaseLines, { lineId });
  for (const { teamId } of line?.communities ?? []) {
    let paid = 0;
    for await (const seat of seatsIn(table, teamId)) {
      if (!counts(seat)) continue;
      paid += 1;
      if (env.clock.now() >= untilMs) return false;
      if (waits(seat) && seat.pickupFrom !== line?.pickupFrom) await moveOrder(deps, lineId, seat);
    }
    if (paid !== (await table.load(teams, { teamId }))?.paid) return false;
  }
  return true;
}

const waits = (order: Order): boolean => onLine(order) && (order.stage === "PLACED" || order.stage === "READY");

async function moveOrder({ env, table }: Deps, lineId: string, { orderId }: Order): Promise<void> {
  await decide(async () => {
    const [line, order]: [Stored<PurchaseLine> | undefined, Stored<Order> | undefined] = await Promise.all([
      table.load(purchaseLines, { lineId }),
      table.load(orders, { orderId }),
    ]);
    if (!line || !order || !waits(order) || order.pickupFrom === line.pickupFrom) return;
    const { pickupFrom, pickupUntil, articleName } = line;
    await table.commit([
      // found by the day its pickup begins on
      orders.replace({ ...order, pickupFrom, pickupUntil }),
      outbox.create(
        makeEvent(env, {
          type: "order.promise_moved",
          actor: { kind: "system" },
          origin: order.origin,
          data: { ...orderFacts(order), articleName, pickupFrom },
        }),
      ),
    ]);
  });
}
