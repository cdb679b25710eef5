import type { Article } from "./model.ts";

/** A text as it is compared: compatibility forms, letter case, spaces and stops do not count (ＡＢ c → abc). */
export const folded = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .normalize("NFKC")
    .replaceAll(/[\p{P}\p{Z}\p{S}\p{C}]/gu, "");

/** Chinese has no spaces between words: what is looked up are its pairs of characters, and single ones. */
function gramsOf(text: string, size: 1 | 2): string[] {
  const characters = [...text];
  return size === 1 ? characters : characters.slice(1).map((second, i) => characters[i]! + second);
}

/** Beyond this share of a query's pairs an article is found though not all are in it: 土鸡旦 finds 土鸡蛋. */
const ENOUGH = 0.5;

/** What to look articles up by; made once of so many, and asked often. */
export interface ArticleIndex {
  /**
   * The articles that a query fits, the best first: called exactly so, beginning with it, with it in the name, then by how many of its
   * pairs of characters are in name, category or code; shorter names first. None for a query without letters or digits.
   */
  search(query: string): Article[];
}

/** Indexes articles by name, category and code. */
export function indexArticles(articles: readonly Article[]): ArticleIndex {
  const entries = articles.map((article) => {
    const name = folded(article.name);
    const fields = [name, folded(article.category), ...(article.code === undefined ? [] : [folded(article.code)])];
    return { article, name, fields };
  });
  const postings = new Map<string, number[]>();
  for (const [at, { fields }] of entries.entries())
    for (const gram of new Set(fields.flatMap((field) => [...gramsOf(field, 1), ...gramsOf(field, 2)]))) {
      const list = postings.get(gram);
      if (list) list.push(at);
      else postings.set(gram, [at]);
    }
  return {
    search(query) {
      const wanted = folded(query);
      if (wanted === "") return [];
      const grams = new Set(gramsOf(wanted, [...wanted].length === 1 ? 1 : 2));
      const hits = new Map<number, number>();
      for (const gram of grams) for (const at of postings.get(gram) ?? []) hits.set(at, (hits.get(at) ?? 0) + 1);
      const scored: { article: Article; score: number; name: string }[] = [];
      for (const [at, count] of hits) {
        const { article, name } = entries[at]!;
        const share = count / grams.size;
        if (share <= ENOUGH) continue;
        const place = name === wanted ? 3 : name.startsWith(wanted) ? 2 : name.includes(wanted) ? 1 : 0;
        scored.push({ article, score: place * 2 + share, name });
      }
      return scored
        .sort(
          (a, b) =>
            b.score - a.score || a.name.length - b.name.length || (a.article.articleId < b.article.articleId ? -1 : 1),
        )
        .map(({ article }) => article);
    },
  };
}
