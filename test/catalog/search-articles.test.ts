import fc from "fast-check";
import { expect, test } from "vitest";
import { type Article, indexArticles } from "../../shared/catalog/index.ts";
import { folded } from "../../shared/catalog/search-articles.ts";

const article = (name: string, i: number, category = "水果", code?: string) =>
  ({ articleId: `AR${i}`, name, category, ...(code && { code }) }) as unknown as Article;
const named = (...names: string[]) => indexArticles(names.map((name, i) => article(name, i)));
const found = (index: ReturnType<typeof named>, query: string) => index.search(query).map(({ name }) => name);

test("what is called exactly so comes first, then what begins with it, then what has it, then what comes near", () => {
  const index = named("农家土鸡蛋", "土鸡蛋礼盒", "土鸡蛋", "鸡蛋糕", "土豆");
  expect(found(index, "土鸡蛋")).toEqual(["土鸡蛋", "土鸡蛋礼盒", "农家土鸡蛋"]);
  expect(found(index, "土鸡旦蛋")).toEqual([]);
  expect(found(index, "农家鸡蛋")).toEqual(["农家土鸡蛋"]);
  expect(found(index, "蛋")).toEqual(["土鸡蛋", "鸡蛋糕", "农家土鸡蛋", "土鸡蛋礼盒"]);
});

test("width, case, spaces and stops do not count, and category and code are looked at too", () => {
  const index = indexArticles([article("Ａ２鲜 牛奶", 1, "乳品", "SC-0012"), article("草莓", 2)]);
  for (const query of ["a2鲜牛奶", "A2 鲜牛奶", "Ａ２", "乳品", "sc0012", "ＳＣ－００１２", "a2·鲜牛奶!"])
    expect(found(index, query)).toEqual(["Ａ２鲜 牛奶"]);
  for (const query of ["", " ", "。!", "🍓", "\u0000"]) expect(found(index, query)).toEqual([]);
});

const anyName = fc.string({ unit: fc.constantFrom(..."奉贤黄桃土鸡蛋鲜牛奶Ａ2ab 🥬-·"), minLength: 1, maxLength: 12 });

test("an article is found by its whole name and by every pair of characters in it, first where nothing is called the same", () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyName, { minLength: 1, maxLength: 30, selector: folded }), (names) => {
      const index = named(...names);
      for (const name of names) {
        const characters = [...folded(name)];
        if (characters.length === 0) continue;
        expect(found(index, name)[0]).toBe(name);
        for (let i = 1; i < characters.length; i++)
          expect(found(index, characters[i - 1]! + characters[i])).toContain(name);
      }
    }),
  );
});

test("folding a text twice changes nothing, and any query is answered", () => {
  const index = named("黄桃", "草莓");
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (query) => {
      expect(folded(folded(query))).toBe(folded(query));
      expect(index.search(query).length).toBeLessThanOrEqual(2);
    }),
  );
});
