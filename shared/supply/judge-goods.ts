import { loadArticle } from "../catalog/index.ts";
import type { Env } from "../kernel/env.ts";
import type { FieldError } from "../kernel/problem.ts";
import { dayOf } from "../kernel/time.ts";
import type { Table } from "../table/entity.ts";
import { goodsExceptions, goodsRecords, recalls, suppliers } from "../table/keys.ts";
import { type GoodsException, type GoodsRule, goodsRules } from "./model.ts";
import { type QualityScore, qualityScore } from "./quality.ts";
import { qualityPolicy } from "./quality-policy.ts";

export interface GoodsJudgement {
  /** Rules that are broken and not excepted, each with its figures and what would pass. */
  broken: FieldError[];
  /** Exceptions in force that a broken rule is excused by. */
  exceptions: GoodsException[];
  /** In force for a price below the margin floor. */
  margin?: GoodsException;
  /** What is not known, for people. */
  notes: string[];
  article: QualityScore;
  supplier?: QualityScore;
  /** What members said of the article; no score comes of it. */
  ratings?: { tasty: number; all: number };
}

/**
 * Whether an article's goods may be sold until `until` (epoch ms, the end of pickup): licences, certificates, score, recalls. An
 * article that names no supplier, or has no lots, breaks nothing by that: it is noted. Throws ARTICLE_NOT_FOUND.
 */
export async function judgeGoods(
  deps: { env: Env; table: Table },
  input: { articleId: string; until: number },
): Promise<GoodsJudgement> {
  const { table } = deps;
  const { articleId, until } = input;
  const now = deps.env.clock.now();
  const article = await loadArticle(deps, articleId);
  const { supplierId } = article;
  const [record, supplier, ofSupplier] = await Promise.all([
    table.load(goodsRecords, { of: "article", id: articleId }),
    supplierId === undefined ? undefined : table.load(suppliers, { supplierId }),
    supplierId === undefined ? undefined : table.load(goodsRecords, { of: "supplier", id: supplierId }),
  ]);
  const [own, suppliersOwn] = [qualityScore(record, now), qualityScore(ofSupplier, now)];
  const broken: [GoodsRule, string][] = [];
  const notes: string[] = [];

  if (!supplier) notes.push("没有登记供应商:证照和供应商质量未知");
  else {
    if (supplier.state === "SUSPENDED")
      broken.push(["supplier", `${supplier.supplierId} is suspended: resume it first`]);
    if (supplier.licences.length === 0)
      broken.push(["licence", `${supplier.supplierId} has no licence on record: add one`]);
    const last = dayOf(until);
    for (const { kind, number, validUntil } of supplier.licences)
      if (validUntil < last) {
        const told = validUntil < dayOf(now) ? "expired on" : "ends before pickup does, on";
        broken.push(["licence", `${kind} ${number} ${told} ${validUntil}: it must hold until ${last}`]);
      }
  }
  const good = (record?.lots ?? []).filter(
    ({ units, rejected = 0, certified, bestBefore }) =>
      certified && rejected < units && (bestBefore === undefined || bestBefore >= dayOf(now)),
  );
  if (article.needsCertificate && good.length === 0)
    broken.push([
      "certificate",
      "no certified lot that was accepted or is expected: announce one with its certificate",
    ]);
  for (const [whose, { score }] of [
    ["the article", own],
    ["its supplier", suppliersOwn],
  ] as const)
    if (score !== undefined && score < qualityPolicy.threshold)
      broken.push([
        "score",
        `the quality score of ${whose} is ${score}: ${qualityPolicy.threshold} or more would pass`,
      ]);
  if (own.score === undefined) notes.push("没有验收过的到货批次:商品质量未知");
  for (const recallId of record?.recalls ?? [])
    broken.push(["recall", `recall ${recallId} stands: close it when the goods are safe`]);

  const excused = await exceptionsOf(table, articleId, now);
  const margin = excused.find(({ rule }) => rule === "margin");
  return {
    ...(margin && { margin }),
    broken: broken
      .filter(([rule]) => !excused.some((exception) => exception.rule === rule))
      .map(([rule, message]) => ({ path: `goods.${rule}`, message })),
    exceptions: excused.filter(({ rule }) => broken.some(([name]) => name === rule)),
    notes,
    article: own,
    ...(supplier && { supplier: suppliersOwn }),
    ...(record?.ratings && { ratings: record.ratings }),
  };
}

/** What is excepted at `now` (epoch ms). */
async function exceptionsOf(table: Table, articleId: string, now: number): Promise<GoodsException[]> {
  const rows = await table.loadMany(
    goodsExceptions,
    goodsRules.map((rule) => ({ articleId, rule })),
  );
  return rows.filter(({ expiresAt }) => expiresAt > now).map(({ version: _, ...exception }) => exception);
}

/** The recall that stands against an article and is not excepted, in words; undefined where there is none. */
export async function standingRecall(deps: { env: Env; table: Table }, articleId: string): Promise<string | undefined> {
  const record = await deps.table.load(goodsRecords, { of: "article", id: articleId });
  const recallId = record?.recalls[0];
  return recallId && !(await recallExcepted(deps, articleId)) ? recallId : undefined;
}

/** The same, for goods that lie in a store: the recall of a lot concerns the lot's store alone. */
export async function recallAt(
  deps: { env: Pick<Env, "clock">; table: Table },
  articleId: string,
  storeId: string,
): Promise<string | undefined> {
  const record = await deps.table.load(goodsRecords, { of: "article", id: articleId });
  for (const recallId of record?.recalls ?? []) {
    const recall = await deps.table.load(recalls, { recallId });
    if ((recall?.storeId ?? storeId) === storeId && !(await recallExcepted(deps, articleId))) return recallId;
  }
  return undefined;
}

const recallExcepted = async (deps: { env: Pick<Env, "clock">; table: Table }, articleId: string): Promise<boolean> =>
  (await exceptionsOf(deps.table, articleId, deps.env.clock.now())).some(({ rule }) => rule === "recall");
