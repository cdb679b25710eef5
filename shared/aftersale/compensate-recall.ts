import { accountOf, type Bearer, compensationOf } from "../groupbuy/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { pairId } from "../kernel/ids.ts";
import { proportionOf } from "../kernel/money.ts";
import { DomainError } from "../kernel/problem.ts";
import { minute } from "../kernel/time.ts";
import { keptFen, type Order } from "../order/index.ts";
import type { Recall, RecallBuyer } from "../supply/index.ts";
import { audited } from "../table/audit.ts";
import { decide, Stale, type Stored, type Table, type Write } from "../table/entity.ts";
import {
  buyersFrom,
  buyersOf,
  dues,
  orders,
  outbox,
  recallBuyers,
  recallCompensations,
  recalls,
} from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { RecallCompensation } from "./model.ts";

type Deps = { env: Env; table: Table };

/** A recall's compensation and how many buyers the recall has found. Throws RECALL_NOT_FOUND, COMPENSATION_NOT_FOUND. */
export async function recallCompensated(
  table: Table,
  recallId: string,
): Promise<{ compensation: Stored<RecallCompensation>; recall: Stored<Recall> }> {
  const [recall, compensation] = await Promise.all([
    table.load(recalls, { recallId }),
    table.load(recallCompensations, { recallId }),
  ]);
  if (!recall) throw new DomainError("RECALL_NOT_FOUND");
  if (!compensation) throw new DomainError("COMPENSATION_NOT_FOUND");
  return { recall, compensation };
}

/**
 * Has everybody compensated who has goods that are called back (问题批次赔付), by one rule, whenever they were collected; once a recall. The
 * backlog works it off. Throws RECALL_NOT_FOUND, RECALL_COMPENSATED, SUPPLIER_NOT_FOUND.
 */
export async function compensateRecall(
  deps: Deps,
  input: Pick<RecallCompensation, "recallId" | "rule" | "reason" | "by"> & {
    bearer: Bearer;
    once: Once<{ compensation: RecallCompensation; recall: Recall }>;
  },
): Promise<{ compensation: RecallCompensation; recall: Recall }> {
  const { env, table } = deps;
  const { once, ...asked } = input;
  const { recallId, rule, reason, bearer, by } = asked;
  return decide(async () => {
    const [recall, known] = await Promise.all([
      table.load(recalls, { recallId }),
      table.load(recallCompensations, { recallId }),
    ]);
    if (!recall) throw new DomainError("RECALL_NOT_FOUND");
    if (known) throw new DomainError("RECALL_COMPENSATED");
    await accountOf(table, bearer, ""); // whoever bears it must be there
    const at = env.clock.now();
    const compensation: RecallCompensation = { ...asked, at, given: 0, givenFen: 0, passed: 0 };
    await table.commit([
      recallCompensations.create(compensation),
      dues.create({ kind: "compensation", id: recallId, at, since: at }),
      audited(env, { staffId: by, action: "recall.compensate", target: recallId, reason, change: { rule, bearer } }),
      outbox.create(
        makeEvent(env, {
          type: "recall.compensated",
          actor: { kind: "staff", id: by },
          data: { recallId, articleId: recall.articleId },
        }),
      ),
      ...once({ compensation, recall }),
    ]);
    return { compensation, recall };
  });
}

/**
 * Compensates the buyers that a recall has found, each order once, however often and by how many this runs. Answers true when it is
 * done: the recall's list is complete and everybody on it was looked at; false when `untilMs` (epoch ms) came first, and when some
 * order is still being settled; a number (epoch ms) while the list is being made.
 */
export async function carryCompensation(deps: Deps, recallId: string, untilMs: number): Promise<boolean | number> {
  const { env, table } = deps;
  const [recall, compensation] = await Promise.all([
    table.load(recalls, { recallId }),
    table.load(recallCompensations, { recallId }),
  ]);
  if (!recall || !compensation || compensation.doneAt !== undefined) return true;
  let whole = compensation.next === undefined;
  let after: Record<string, string> | undefined;
  do {
    const from = compensation.next === undefined ? buyersOf(recallId) : buyersFrom(recallId, compensation.next);
    const page = await table.page(from, { limit: 100, after });
    for (const buyer of page.items) {
      if (buyer.outcome) continue;
      if (env.clock.now() >= untilMs) {
        await goOnWith(table, recallId, buyer.orderId);
        return false;
      }
      if (!(await compensateBuyer(deps, recall, compensation, buyer))) whole = false;
    }
    after = page.next;
  } while (after);
  if (compensation.next !== undefined) await goOnWith(table, recallId, undefined);
  if (!whole) return false;
  if (recall.state === "OPEN" && recall.listedAt === undefined) return env.clock.now() + minute;
  await table.commit([recallCompensations.patch({ recallId }).set({ doneAt: env.clock.now() })]);
  return true;
}

const goOnWith = (table: Table, recallId: string, next: string | undefined): Promise<void> =>
  table.commit([recallCompensations.patch({ recallId }).set({ next })]);

/** Answers false where the order is still being settled and has its turn later. */
async function compensateBuyer(
  deps: Deps,
  recall: Recall,
  { rule, bearer, by, recallId }: RecallCompensation,
  { orderId }: RecallBuyer,
): Promise<boolean> {
  const { env, table } = deps;
  const settled = (outcome: Omit<NonNullable<RecallBuyer["outcome"]>, "at">): Write[] => [
    recallBuyers
      .patch({ recallId, orderId })
      .whenMissing("outcome")
      .set({ outcome: { ...outcome, at: env.clock.now() } }),
    recallCompensations
      .patch({ recallId })
      .add(outcome.passed ? { passed: 1 } : { given: 1, givenFen: outcome.givenFen ?? 0 }),
  ];
  /** What `most` allows of the rule's amount, or what the order has left. */
  const give = async (order: Stored<Order>, most = Number.POSITIVE_INFINITY): Promise<void> => {
    const amountFen = Math.min(most, amountOf(rule, recall, order));
    if (amountFen < 1) return table.commit(settled({ passed: "nothing_left" }));
    const { writes } = await compensationOf(deps, order, {
      refundId: pairId("RF", orderId, recallId),
      amountFen,
      account: await accountOf(table, bearer as Bearer, order.storeId),
      actor: { kind: "staff", id: by },
    });
    return table.commit([...writes, ...settled({ givenFen: amountFen })]);
  };
  try {
    await decide(async () => {
      const [order, buyer] = await Promise.all([
        table.load(orders, { orderId }),
        table.load(recallBuyers, { recallId, orderId }),
      ]);
      if (!order || !buyer || buyer.outcome) return;
      if (order.seat !== "PAID") return table.commit(settled({ passed: "refunded" }));
      if (order.handedOverAt === undefined) return table.commit(settled({ passed: "not_handed_over" }));
      try {
        await give(order);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        // another run was here since the buyer was read
        if (error.code === "ORDER_STATE") throw new Stale(`${recallId} ${orderId}`);
        if (error.code !== "COMPENSATION_LIMIT") throw error;
        await give(order, Number(error.facts?.leftFen));
      }
    });
    return true;
  } catch (error) {
    if (error instanceof DomainError && error.code === "TRY_AGAIN") return false;
    throw error;
  }
}

/** What the rule comes to for an order, fen: a part of what its line of the recalled article keeps of the payment, or the same for all. */
function amountOf(rule: RecallCompensation["rule"], { articleId }: Recall, order: Order): number {
  if (rule.by === "amount") return rule.fen;
  const sum = (some: Order["lines"]) => some.reduce((all, { amountFen }) => all + amountFen, 0);
  const ofLine = sum(order.lines.filter((line) => line.articleId === articleId));
  const paid = proportionOf(keptFen(order), ofLine, sum(order.lines));
  return Math.max(1, proportionOf(paid, rule.percent, 100));
}
