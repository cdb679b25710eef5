import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { minute } from "../kernel/time.ts";
import { type Order, seatShare, seatState } from "../order/index.ts";
import type { Recall } from "../supply/index.ts";
import { Stale, type Table } from "../table/entity.ts";
import { allCampaigns, allStores, dues, movementsBy, orders, outbox, recallBuyers, recalls } from "../table/keys.ts";
import { partOf } from "./goods.ts";
import { teamLifecycle } from "./lifecycle.ts";
import type { Campaign } from "./model.ts";
import { stopRecalled, teamsIn } from "./run-campaign.ts";
import { counts, seatsIn } from "./team-seats.ts";

type Deps = { env: Env; table: Table };
type Part = NonNullable<ReturnType<typeof partOf>>;

/** How long after it was opened a recall is gone through once more: by then every index shows what was written before it. */
const SETTLED = minute;
/** How often a recall is gone through while teams of its article may still gain buyers. */
const WHILE_LIVE = 10 * minute;

/**
 * Carries a recall out: suspends the article's open campaigns, and finds every order that was paid and not refunded, whose buyer
 * is told by an event, once an order however often this runs. While teams that live on may gain buyers it is gone through again
 * every ten minutes. Answers true when this due row is done, false when `untilMs` (epoch ms) came first, or when (epoch ms) the
 * indexes will have caught up.
 */
export async function carryRecall(deps: Deps, recallId: string, untilMs: number): Promise<boolean | number> {
  const { env, table } = deps;
  const recall = await table.load(recalls, { recallId });
  if (recall?.state !== "OPEN") return true;
  let live = false;
  for await (const [campaign, part] of campaignsOf(table, recall.articleId)) {
    if (campaign.state === "OPEN") await stopRecalled(deps, campaign);
    for await (const team of teamsIn(table, campaign.campaignId)) {
      if (!teamLifecycle.terminal(team.state)) live = true;
      else if (team.state !== "SUCCEEDED") continue;
      for await (const order of seatsIn(table, team.teamId)) {
        if (env.clock.now() >= untilMs) return false;
        const paid = counts(order) && ["PAID", "CONFIRMED"].includes(seatState(order, team));
        // whom a batch's last case left out has bought nothing
        const units = (order.shortAt === undefined ? seatShare(order, team)?.units : undefined) ?? order.units;
        if (paid && units > 0 && concerns(recall, order))
          await found(deps, recall, { ...order, units: units * part.units }, part.name);
      }
    }
  }
  for await (const order of fromCarts(table, recall)) {
    if (env.clock.now() >= untilMs) return false;
    if (order.seat === "HELD") live = true;
    const sold = order.lines.find(({ articleId }) => articleId === recall.articleId);
    if (sold && order.seat === "PAID" && concerns(recall, order))
      await found(deps, recall, { ...order, units: sold.units }, sold.name);
  }
  const now = env.clock.now();
  if (now < recall.at + SETTLED) return recall.at + SETTLED;
  if (recall.listedAt === undefined) await table.commit([recalls.patch({ recallId }).set({ listedAt: now })]);
  if (live) await lookAgain(deps, recallId, (Math.floor(now / WHILE_LIVE) + 1) * WHILE_LIVE);
  return true;
}

/** Every order from the cart that took units of a recalled article, by the movements of the stores' stock. */
async function* fromCarts(table: Table, { articleId, storeId }: Recall): AsyncGenerator<Order> {
  for await (const store of storeId === undefined ? everyStore(table) : [storeId])
    for (const kind of ["order", "reroute"] as const) {
      let after: Record<string, string> | undefined;
      do {
        const page = await table.page(movementsBy(store, articleId, kind), { limit: 100, after });
        const keys = page.items.map(({ cause }) => ({ orderId: cause.split("#")[1] ?? "" }));
        for (const order of await table.loadMany(orders, keys)) if (order.teamId === undefined) yield order;
        after = page.next;
      } while (after);
    }
}

async function* everyStore(table: Table): AsyncGenerator<string> {
  let after: Record<string, string> | undefined;
  do {
    const page = await table.page(allStores(), { limit: 100, after });
    for (const { storeId } of page.items) yield storeId;
    after = page.next;
  } while (after);
}

/** A due row of its own, for this is no lateness; on the full ten minutes, so that runs at the same time make one. */
async function lookAgain({ table }: Deps, recallId: string, at: number): Promise<void> {
  try {
    await table.commit([dues.create({ kind: "recall", id: recallId, at, since: at })]);
  } catch (error) {
    if (!(error instanceof Stale)) throw error;
  }
}

/** Every campaign that an article is in, itself or in a kit, with what it is there. */
async function* campaignsOf(table: Table, articleId: string): AsyncGenerator<[Campaign, Part]> {
  let after: Record<string, string> | undefined;
  do {
    const page = await table.page(allCampaigns(), { limit: 100, after });
    for (const campaign of page.items) {
      const part = partOf(campaign, articleId);
      if (part && campaign.state !== "DRAFT") yield [campaign, part];
    }
    after = page.next;
  } while (after);
}

/** A recalled lot concerns the orders of its store that were not handed over before it came. */
const concerns = (recall: Recall, order: Order): boolean =>
  recall.storeId === undefined ||
  (order.storeId === recall.storeId && (order.handedOverAt ?? Number.POSITIVE_INFINITY) >= (recall.since ?? 0));

/** Puts a buyer on the list, with the event that tells it; one that is there already stays as it is. */
async function found({ env, table }: Deps, { recallId }: Recall, order: Order, articleName: string): Promise<void> {
  const { orderId, memberId, storeId, units } = order;
  if (await table.load(recallBuyers, { recallId, orderId })) return;
  try {
    await table.commit([
      recallBuyers.create({ recallId, orderId, memberId, storeId, units, toldAt: env.clock.now() }),
      recalls.patch({ recallId }).add({ buyers: 1 }),
      outbox.create(
        makeEvent(env, {
          type: "recall.buyer_found",
          actor: { kind: "system" },
          origin: order.origin,
          data: { recallId, orderId, memberId, articleName },
        }),
      ),
    ]);
  } catch (error) {
    if (!(error instanceof Stale)) throw error; // another run was here
  }
}
