import { loadArticle, stockLimit, stockWrites } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { loadStore } from "../store/index.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table, type Write } from "../table/entity.ts";
import { lots, outbox, stocks, suppliers } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { remember } from "./goods-record.ts";
import { lotLifecycle } from "./lifecycle.ts";
import type { Lot } from "./model.ts";

type Deps = { env: Env; table: Table };

/** What the check of a lot found: units turned away, of those that came, and why. */
export interface LotCheck {
  rejected: number;
  reason?: string | undefined;
}

/**
 * Tells of a lot that comes to a store, or has come: with `check` it is received in the same commit. Its supplier is the
 * article's unless named. Throws STORE_NOT_FOUND, ARTICLE_NOT_FOUND, SUPPLIER_NOT_FOUND, INPUT_INVALID (more rejected than came).
 */
export async function announceLot(
  deps: Deps,
  input: Pick<Lot, "storeId" | "articleId" | "units"> & {
    by: string;
    supplierId?: string | undefined;
    certificate?: Lot["certificate"] | undefined;
    bestBefore?: string | undefined;
    check?: LotCheck | undefined;
    once: Once<Lot>;
  },
): Promise<Lot> {
  const { by, once, check, ...facts } = input;
  const [article] = await Promise.all([loadArticle(deps, facts.articleId), loadStore(deps, facts.storeId)]);
  const supplierId = facts.supplierId ?? article.supplierId;
  if (supplierId !== undefined && !(await deps.table.load(suppliers, { supplierId })))
    throw new DomainError("SUPPLIER_NOT_FOUND");
  return decide(async () => {
    const announced: Lot = {
      ...facts,
      supplierId,
      lotId: deps.env.ids.next("LT"),
      state: "EXPECTED",
      createdAt: deps.env.clock.now(),
    };
    const lot = check ? checked(deps.env, announced, by, check) : announced;
    await deps.table.commit([
      lots.create(lot),
      ...(await told(deps, by, lot, check ? "received" : "announced")),
      ...once(lot),
    ]);
    return lot;
  });
}

/**
 * A lot that came for a campaign's purchase order, and the writes that go with it but the stock: its good units go where the
 * commit that these are put into says.
 */
export async function lotOfPurchase(
  deps: Deps,
  input: Pick<Lot, "storeId" | "articleId" | "units"> & {
    by: string;
    campaignId: string;
    supplierId?: string | undefined;
    certificate?: Lot["certificate"] | undefined;
    bestBefore?: string | undefined;
    check: LotCheck;
  },
): Promise<{ lot: Lot; writes: Write[] }> {
  const { by, check, ...facts } = input;
  const announced: Lot = {
    ...facts,
    lotId: deps.env.ids.next("LT"),
    state: "EXPECTED",
    createdAt: deps.env.clock.now(),
  };
  const lot = checked(deps.env, announced, by, check);
  return { lot, writes: [lots.create(lot), ...(await remembered(deps, by, lot, "received"))] };
}

/** Receives an announced lot. Throws LOT_NOT_FOUND (of that store), LOT_STATE (it was checked), INPUT_INVALID. */
export async function checkLot(
  deps: Deps,
  input: { by: string; storeId: string; lotId: string; check: LotCheck; once: Once<Lot> },
): Promise<Lot> {
  return decide(async () => {
    const current = await deps.table.load(lots, { lotId: input.lotId });
    if (current?.storeId !== input.storeId) throw new DomainError("LOT_NOT_FOUND");
    if (lotLifecycle.terminal(current.state)) throw new DomainError("LOT_STATE", `it is ${current.state}`);
    const lot = checked(deps.env, current, input.by, input.check);
    await deps.table.commit([
      lots.replace({ ...lot, version: current.version }),
      ...(await told(deps, input.by, lot, "received")),
      ...input.once(lot),
    ]);
    return lot;
  });
}

function checked(env: Env, lot: Lot, by: string, { rejected, reason }: LotCheck): Lot {
  if (rejected > lot.units)
    throw new DomainError("INPUT_INVALID", undefined, {
      errors: [{ path: "body.rejected", message: `at most the ${lot.units} units that came` }],
    });
  const event = rejected === 0 ? "accepted" : rejected < lot.units ? "partlyAccepted" : "rejected";
  return {
    ...lot,
    state: lotLifecycle.to(event),
    rejected,
    ...(reason !== undefined && { reason }),
    checkedBy: by,
    receivedAt: env.clock.now(),
  };
}

/** What goes with a lot: the stock it brings, what article and supplier remember, audit and event. */
async function told(deps: Deps, by: string, lot: Lot, what: "announced" | "received"): Promise<Write[]> {
  const { env, table } = deps;
  const { lotId, storeId, articleId, units, rejected = 0 } = lot;
  const accepted = what === "received" ? units - rejected : 0;
  const stock = accepted > 0 ? await table.load(stocks, { storeId, articleId }) : undefined;
  const online = (stock?.online ?? 0) + accepted;
  if (online > stockLimit)
    throw new DomainError("INPUT_INVALID", undefined, {
      errors: [{ path: "body.units", message: `the stock would exceed ${stockLimit} units` }],
    });
  return [
    ...(accepted > 0
      ? stockWrites(env, {
          by,
          current: stock,
          next: { storeId, articleId, online },
          cause: `lot#${lotId}`,
          reason: "到货验收",
        })
      : []),
    ...(await remembered(deps, by, lot, what)),
  ];
}

async function remembered(
  { env, table }: Deps,
  by: string,
  lot: Lot,
  what: "announced" | "received",
): Promise<Write[]> {
  const { lotId, storeId, articleId, units, rejected = 0 } = lot;
  return [
    ...(await remember(table, lot)),
    audited(env, {
      staffId: by,
      action: `lot.${what}`,
      target: lotId,
      reason: lot.reason,
      change: { units, rejected },
    }),
    outbox.create(
      makeEvent(env, {
        type: `lot.${what}`,
        actor: { kind: "staff", id: by },
        data: { lotId, storeId, articleId, units, rejected },
      }),
    ),
  ];
}
