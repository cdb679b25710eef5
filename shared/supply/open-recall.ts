import { loadArticle } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { dues, lots, outbox, recalls } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { changeRecord } from "./goods-record.ts";
import { recallLifecycle } from "./lifecycle.ts";
import type { Recall } from "./model.ts";

type Deps = { env: Env; table: Table };

/** Throws RECALL_NOT_FOUND. */
export async function loadRecall(deps: Pick<Deps, "table">, recallId: string): Promise<Stored<Recall>> {
  const recall = await deps.table.load(recalls, { recallId });
  if (!recall) throw new DomainError("RECALL_NOT_FOUND");
  return recall;
}

const recorded = (env: Env, by: string, recall: Recall, what: "opened" | "closed", reason: string): Write[] => [
  audited(env, { staffId: by, action: `recall.${what}`, target: recall.recallId, reason }),
  outbox.create(
    makeEvent(env, {
      type: `recall.${what}`,
      actor: { kind: "staff", id: by },
      data: { recallId: recall.recallId, articleId: recall.articleId },
    }),
  ),
];

/**
 * Calls an article back, or one lot of it: from this commit on nothing of the article is published, opened or resumed; its open
 * campaigns are suspended and its buyers told from the event on. Throws ARTICLE_NOT_FOUND, LOT_NOT_FOUND (of that article).
 */
export async function openRecall(
  deps: Deps,
  input: { by: string; articleId: string; lotId?: string | undefined; reason: string; once: Once<Recall> },
): Promise<Recall> {
  const { env, table } = deps;
  const { by, articleId, lotId, reason } = input;
  await loadArticle(deps, articleId);
  const lot = lotId === undefined ? undefined : await table.load(lots, { lotId });
  if (lotId !== undefined && lot?.articleId !== articleId) throw new DomainError("LOT_NOT_FOUND");
  return decide(async () => {
    const at = env.clock.now();
    const recall: Recall = {
      recallId: env.ids.next("RC"),
      articleId,
      ...(lot && { lotId: lot.lotId, storeId: lot.storeId, since: lot.receivedAt ?? lot.createdAt }),
      reason,
      state: "OPEN",
      by,
      at,
      buyers: 0,
    };
    const { recallId } = recall;
    await table.commit([
      recalls.create(recall),
      await changeRecord(table, { of: "article", id: articleId }, (record) => ({
        ...record,
        recalls: [...record.recalls, recallId],
      })),
      dues.create({ kind: "recall", id: recallId, at, since: at }),
      ...recorded(env, by, recall, "opened", reason),
      ...input.once(recall),
    ]);
    return recall;
  });
}

/** Ends a recall: its article may be sold again. Campaigns stay suspended until somebody resumes them. Throws RECALL_STATE. */
export async function closeRecall(
  deps: Deps,
  input: { by: string; recallId: string; reason: string; once: Once<Recall> },
): Promise<Recall> {
  const { env, table } = deps;
  return decide(async () => {
    const { version, ...recall } = await loadRecall(deps, input.recallId);
    if (!recallLifecycle.allows(recall.state, "closed")) throw new DomainError("RECALL_STATE", `it is ${recall.state}`);
    const closed: Recall = { ...recall, state: recallLifecycle.to("closed") };
    await table.commit([
      recalls.patch(recall).asRead({ version }).move("state", recallLifecycle, "closed"),
      await changeRecord(table, { of: "article", id: recall.articleId }, (record) => ({
        ...record,
        recalls: record.recalls.filter((id) => id !== recall.recallId),
      })),
      ...recorded(env, input.by, recall, "closed", input.reason),
      ...input.once(closed),
    ]);
    return closed;
  });
}
