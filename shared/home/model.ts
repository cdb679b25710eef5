import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { pictureUrl, typedText } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";

/** What a page may name in all, so that showing it stays a few reads: articles, each of a category's counted, and campaigns. */
export const mostNamed = { blocks: 30, articles: 60, campaigns: 30 } as const;

const link = z.discriminatedUnion("to", [
  z.strictObject({ to: z.literal("campaign"), campaignId: idOf("CP") }),
  z.strictObject({ to: z.literal("article"), articleId: idOf("AR") }),
  z.strictObject({ to: z.literal("category"), category: typedText(1, 20) }),
]);

/** A block of the home page, shown from `from` until before `until`; a row holds these as epoch ms, the API as date-times. */
export const homeBlock = <M extends z.ZodType>(moment: M) => {
  const shown = { title: typedText(1, 20).optional(), from: moment.optional(), until: moment.optional() };
  return z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("banner"), imageUrl: pictureUrl, link: link.optional(), ...shown }),
    z.strictObject({
      kind: z.literal("campaigns"),
      campaigns: z.union([z.literal("current"), z.array(idOf("CP")).min(1).max(10)]),
      ...shown,
    }),
    z.strictObject({ kind: z.literal("articles"), articles: z.array(idOf("AR")).min(1).max(20), ...shown }),
    z.strictObject({
      kind: z.literal("category"),
      category: typedText(1, 20),
      count: z.int().min(1).max(20),
      ...shown,
    }),
    z.strictObject({ kind: z.literal("notice"), text: typedText(1, 200), ...shown }),
  ]);
};

/** The home page of the chain (scope `chain`), or of one store. */
export const homePage = z.object({
  scope: z.string(),
  blocks: z.array(homeBlock(epochMs)).max(mostNamed.blocks),
});
export type HomePage = z.infer<typeof homePage>;
export type HomeBlock = HomePage["blocks"][number];
