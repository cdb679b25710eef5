import { loadArticle } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { toIso } from "../kernel/time.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table } from "../table/entity.ts";
import { goodsExceptions, outbox } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { GoodsException } from "./model.ts";
import { qualityPolicy } from "./quality-policy.ts";

/**
 * Lets an article be published although it breaks a rule, at the name of whoever grants it, until `expiresAt` (epoch ms, at most 90
 * days away). A later one for the same rule takes its place. Throws ARTICLE_NOT_FOUND, INPUT_INVALID.
 */
export async function grantException(
  deps: { env: Env; table: Table },
  input: Pick<GoodsException, "articleId" | "rule" | "reasonCode" | "reason" | "expiresAt"> & {
    by: string;
    once: Once<GoodsException>;
  },
): Promise<GoodsException> {
  const { env, table } = deps;
  const { by, once, ...facts } = input;
  const at = env.clock.now();
  const latest = at + qualityPolicy.longestException;
  if (facts.expiresAt <= at || facts.expiresAt > latest)
    throw new DomainError("INPUT_INVALID", undefined, {
      errors: [{ path: "body.expiresAt", message: `after now and not after ${toIso(latest)}` }],
    });
  await loadArticle(deps, facts.articleId);
  return decide(async () => {
    const current = await table.load(goodsExceptions, facts);
    const granted: GoodsException = { ...facts, approver: by, at };
    await table.commit([
      current ? goodsExceptions.replace({ ...granted, version: current.version }) : goodsExceptions.create(granted),
      audited(env, {
        staffId: by,
        action: "goods.except",
        target: facts.articleId,
        reason: facts.reason,
        change: { rule: facts.rule, reasonCode: facts.reasonCode, expiresAt: toIso(facts.expiresAt) },
      }),
      outbox.create(
        makeEvent(env, {
          type: "goods.excepted",
          actor: { kind: "staff", id: by },
          data: { articleId: facts.articleId, rule: facts.rule, reasonCode: facts.reasonCode },
        }),
      ),
      ...once(granted),
    ]);
    return granted;
  });
}
