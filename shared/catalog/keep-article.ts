import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { DomainError } from "../kernel/problem.ts";
import { audited } from "../table/audit.ts";
import { decide, type Stored, type Table, type Write } from "../table/entity.ts";
import { articleCodes, articles, outbox, suppliers } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { Article } from "./model.ts";

/** What staff say of an article; how it is sold (`sale`) is fixed when it is made, because stock and orders rest on it. */
export type ArticleFacts = Omit<Article, "articleId" | "sale" | "retired" | "createdAt">;

/** Throws ARTICLE_NOT_FOUND. */
export async function loadArticle(deps: { table: Pick<Table, "load"> }, articleId: string): Promise<Stored<Article>> {
  const article = await deps.table.load(articles, { articleId });
  if (!article) throw new DomainError("ARTICLE_NOT_FOUND");
  return article;
}

/**
 * The writes that make an article, or change it from what was read, with its code's row, audit and event: at most 5. A code
 * that another article has fails as CODE_TAKEN.
 */
export function articleWrites(env: Env, by: string, current: Stored<Article> | undefined, next: Article): Write[] {
  const { articleId, code, retired: _, createdAt: __, ...facts } = next;
  const before = current?.code;
  return [
    current ? articles.replace({ ...next, version: current.version }) : articles.create(next),
    ...(before === undefined || before === code ? [] : [articleCodes.remove({ code: before })]),
    ...(code === undefined || before === code ? [] : [articleCodes.create({ code, articleId }).or("CODE_TAKEN")]),
    audited(env, {
      staffId: by,
      action: current ? "article.update" : "article.create",
      target: articleId,
      change: { code, ...facts },
    }),
    outbox.create(
      makeEvent(env, {
        type: current ? "article.changed" : "article.created",
        actor: { kind: "staff", id: by },
        data: { articleId },
      }),
    ),
  ];
}

/** Adds an article. A kit's components must be distinct, exist, not be kits or retired: KIT_COMPONENT_INVALID. Throws CODE_TAKEN, SUPPLIER_NOT_FOUND. */
export async function createArticle(
  deps: { env: Env; table: Table },
  input: { by: string; article: ArticleFacts & Pick<Article, "sale">; once: Once<Stored<Article>> },
): Promise<Stored<Article>> {
  const { env, table } = deps;
  const { sale } = input.article;
  await requireSupplier(table, input.article.supplierId);
  if (sale.by === "kit") await requireComponents(table, sale.components);
  const articleId = env.ids.next("AR");
  const article: Stored<Article> = {
    articleId,
    ...input.article,
    retired: false,
    createdAt: env.clock.now(),
    version: 1,
  };
  await table.commit([...articleWrites(env, input.by, undefined, article), ...input.once(article)]);
  return article;
}

async function requireSupplier(table: Table, supplierId: string | undefined): Promise<void> {
  if (supplierId !== undefined && !(await table.load(suppliers, { supplierId })))
    throw new DomainError("SUPPLIER_NOT_FOUND");
}

async function requireComponents(table: Table, components: readonly { articleId: string }[]): Promise<void> {
  const ids = components.map(({ articleId }) => articleId);
  const found = await table.loadMany(
    articles,
    ids.map((articleId) => ({ articleId })),
  );
  const usable = new Set(found.filter((a) => !a.retired && a.sale.by !== "kit").map((a) => a.articleId));
  const wrong = ids.find((id, i) => !usable.has(id) || ids.indexOf(id) !== i);
  if (wrong) throw new DomainError("KIT_COMPONENT_INVALID", wrong);
}

/**
 * Changes what is said of an article; campaigns and orders keep what they were made with. `version` is the one that the
 * change was made from: VERSION_CONFLICT when somebody else changed it since or at the same moment. Throws ARTICLE_NOT_FOUND,
 * ARTICLE_RETIRED, CODE_TAKEN, SUPPLIER_NOT_FOUND.
 */
export async function updateArticle(
  deps: { env: Env; table: Table },
  input: { by: string; articleId: string; version: number; article: ArticleFacts },
): Promise<Stored<Article>> {
  const { env, table } = deps;
  return decide(async () => {
    const current = await loadArticle(deps, input.articleId);
    if (current.retired) throw new DomainError("ARTICLE_RETIRED");
    if (current.version !== input.version) throw new DomainError("VERSION_CONFLICT");
    if (input.article.supplierId !== current.supplierId) await requireSupplier(table, input.article.supplierId);
    const { articleId, sale, retired, createdAt, version } = current;
    const next: Article = { ...input.article, articleId, sale, retired, createdAt };
    await table.commit(articleWrites(env, input.by, current, next));
    return { ...next, version: version + 1 };
  });
}

/** Takes an article out of the range for good: nothing new is sold of it. Retiring it again changes nothing. */
export async function retireArticle(
  deps: { env: Env; table: Table },
  input: { by: string; articleId: string; reason: string },
): Promise<Stored<Article>> {
  const { env, table } = deps;
  const { articleId, reason } = input;
  return decide(async () => {
    const article = await loadArticle(deps, articleId);
    if (article.retired) return article;
    await table.commit([
      articles.patch({ articleId }).asRead(article).set({ retired: true }),
      audited(env, { staffId: input.by, action: "article.retire", target: articleId, reason }),
      outbox.create(
        makeEvent(env, { type: "article.retired", actor: { kind: "staff", id: input.by }, data: { articleId } }),
      ),
    ]);
    return { ...article, retired: true, version: article.version + 1 };
  });
}
