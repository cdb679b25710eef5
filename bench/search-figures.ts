import { performance } from "node:perf_hooks";
import { type Article, indexArticles } from "../shared/catalog/index.ts";
import type { Bench } from "./bench.ts";

const count = 10_000;
const asked = 20_000;
const places = ["奉贤", "崇明", "南汇", "松江", "金山", "青浦", "阳山", "云南", "山东", "新疆"];
const words = ["有机", "本地", "新鲜", "冰鲜", "冷冻", "手工", "农家", "特级", "精选", "儿童"];
const goods = ["黄桃", "草莓", "土鸡蛋", "鲜牛奶", "基围虾", "牛腩", "小青菜", "番茄", "玉米", "豆腐"];

/** `search.p99_us`: a query among ten thousand articles, by what is typed of their names; `search.build_ms`: the index of them. */
export async function searchFigures(bench: Bench): Promise<void> {
  const articles = Array.from({ length: count }, (_, i) => {
    const name = `${places[i % 10]}${words[Math.floor(i / 10) % 10]}${goods[Math.floor(i / 100) % 10]}${Math.floor(i / 1000)}号`;
    return { articleId: `AR${i}`, name, category: goods[i % 10], code: `SC-${i}` } as unknown as Article;
  });
  const building = performance.now();
  const index = indexArticles(articles);
  const buildMs = performance.now() - building;
  const times = new Float64Array(bench.few(asked));
  let found = 0;
  for (let i = -500; i < times.length; i++) {
    const { name } = articles[((i + 500) * 7919) % count]!;
    const from = (i + 500) % 3;
    const query = name.slice(from, from + 2 + ((i + 500) % 4));
    const began = performance.now();
    const hits = index.search(query);
    if (i >= 0) times[i] = performance.now() - began;
    found += hits.length > 0 ? 1 : 0;
  }
  if (found !== times.length + 500)
    throw new Error(`${times.length + 500 - found} queries out of a name found nothing`);
  times.sort();
  const share = (part: number) => Math.round(times[Math.ceil(times.length * part) - 1]! * 1_000);
  bench.tell({
    figure: "search.p99_us",
    value: share(0.99),
    unit: "us",
    p50: share(0.5),
    articles: count,
    n: times.length,
  });
  bench.tell({ figure: "search.build_ms", value: Math.round(buildMs), unit: "ms", articles: count });
}
