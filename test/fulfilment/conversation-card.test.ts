import { expect, test } from "vitest";
import { questionOf } from "../../shared/fulfilment/conversation-card.ts";
import { askedAt } from "../../shared/fulfilment/rate-goods.ts";
import { parseIso, toIso } from "../../shared/kernel/time.ts";

const line = (name: string, more: object = {}) => ({
  articleId: `AR-${name}`,
  name,
  units: 1,
  aloneFen: 1000,
  unitFen: 1000,
  amountFen: 1000,
  ...more,
});

test.each([
  ["what was bought before", [line("水饺", { zone: "frozen" }), line("青菜")], ["青菜"], "上次的“青菜”吃着怎么样?"],
  ["what was weighed", [line("青菜"), line("排骨", { packedGrams: 930 })], [], "“排骨”称了930克,够一家人吃吗?"],
  [
    "what is frozen",
    [line("青菜"), line("水饺", { zone: "frozen" })],
    ["土豆"],
    "“水饺”要冷冻,回家路上久不久,需要冰袋吗?",
  ],
  ["the first time", [line("青菜")], [], "第一次来取货,是邻居介绍的吗?"],
  ["what it is for", [line("青菜")], ["土豆"], "今天的“青菜”打算怎么做?"],
] as const)("the counter asks about %s", (_what, lines, earlier, asked) => {
  expect(
    questionOf(
      { lines: [...lines] },
      [...earlier].map((name) => ({ lines: [line(name)] })),
    ),
  ).toBe(asked);
});

test.each([
  ["2026-11-23T10:00:00+08:00", "2026-11-23T12:00:00+08:00"],
  ["2026-11-23T19:59:59+08:00", "2026-11-23T21:59:59+08:00"],
  ["2026-11-23T20:00:00+08:00", "2026-11-24T08:00:00+08:00"],
  ["2026-11-23T23:30:00+08:00", "2026-11-24T08:00:00+08:00"],
  ["2026-11-24T05:59:00+08:00", "2026-11-24T08:00:00+08:00"],
  ["2026-11-24T06:00:00+08:00", "2026-11-24T08:00:00+08:00"],
])("who collects at %s is asked at %s, and nobody at night", (handedOver, asked) => {
  expect(toIso(askedAt(parseIso(handedOver)))).toBe(asked);
});
