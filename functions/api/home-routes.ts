import { createHash } from "node:crypto";
import * as z from "zod";
import {
  type HomePage,
  homeBlock,
  keepHome,
  mostNamed,
  readHome,
  type ShownBlock,
  showHome,
} from "../../shared/home/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoInput, isoOutput, toIso } from "../../shared/kernel/time.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { type Route, route } from "../runtime/route.ts";
import { shelfView, toShelf } from "./catalog-routes.ts";
import { campaignView, toCampaign } from "./groupbuy-views.ts";

const storePath = z.strictObject({ storeId: idOf("ST") });
const title = z.string().optional();

const shownView = z
  .object({
    blocks: z.array(
      z.discriminatedUnion("kind", [
        z.object({
          kind: z.literal("banner"),
          title,
          imageUrl: z.string(),
          link: z
            .discriminatedUnion("to", [
              z.object({ to: z.literal("campaign"), campaignId: z.string() }),
              z.object({ to: z.literal("article"), articleId: z.string() }),
              z.object({ to: z.literal("category"), category: z.string() }),
            ])
            .optional(),
        }),
        z.object({ kind: z.literal("campaigns"), title, campaigns: z.array(campaignView) }),
        z.object({ kind: z.literal("articles"), title, articles: z.array(shelfView) }),
        z.object({ kind: z.literal("category"), title, category: z.string(), articles: z.array(shelfView) }),
        z.object({ kind: z.literal("notice"), title, text: z.string() }),
      ]),
    ),
  })
  .meta({ id: "Home" });
const toBlock = (block: ShownBlock): z.input<typeof shownView>["blocks"][number] => {
  if (block.kind === "campaigns") return { ...block, campaigns: block.campaigns.map(toCampaign) };
  if (block.kind === "articles" || block.kind === "category")
    return { ...block, articles: block.articles.map(({ article, left }) => toShelf(article, left)) };
  return block;
};

export const homeShop: Route[] = [
  route({
    method: "get",
    path: "/v1/stores/{storeId}/home",
    summary: "首页",
    description:
      "The blocks of the store's home page, else of the chain's, with what can be had at this store now: what is over, sold out or suspended is left out. Honours If-None-Match.",
    actor: "member",
    owns: "none",
    params: storePath,
    ok: shownView,
    problems: ["STORE_NOT_FOUND"],
    run: async (deps, { params }) => ({ blocks: (await showHome(deps, params.storeId)).map(toBlock) }),
    etag: (home) => createHash("sha256").update(JSON.stringify(home)).digest("base64url").slice(0, 22),
  }),
];

const blocksOf = <M extends z.ZodType>(moment: M) =>
  z
    .array(homeBlock(moment))
    .max(mostNamed.blocks)
    .meta({
      description: `In the order in which they are shown, each from \`from\` until before \`until\`, where these are given. In all at most ${mostNamed.articles} articles, those of a category counted, and ${mostNamed.campaigns} campaigns are named. campaigns "current": the store's open ones, the newest first`,
    });
const pageView = z
  .object({
    scope: z.string().meta({ description: "chain, or the store" }),
    blocks: blocksOf(isoOutput),
    version: z.int().meta({ description: "Send it back with a change" }),
  })
  .meta({ id: "HomePage" });
const toPage = ({ scope, blocks, version }: Stored<HomePage>): z.input<typeof pageView> => ({
  scope,
  blocks: blocks.map(({ from, until, ...block }) => ({
    ...block,
    ...(from !== undefined && { from: toIso(from) }),
    ...(until !== undefined && { until: toIso(until) }),
  })),
  version,
});
const keepers = { actor: "staff", owns: "none", roles: ["admin", "ops"], scope: "chain" } as const;

export const homeOps: Route[] = (["/ops/v1/home", "/ops/v1/stores/{storeId}/home"] as const).flatMap((path) => {
  const ofStore = path.includes("{storeId}");
  const params = ofStore ? storePath : z.strictObject({});
  const scopeOf = (given: { storeId?: string }) => given.storeId ?? "chain";
  return [
    route({
      ...keepers,
      method: "get",
      path,
      summary: ofStore ? "门店首页" : "首页配置",
      params,
      ok: pageView,
      problems: [],
      run: (deps, { params: given }) => readHome(deps, scopeOf(given)),
      view: (page) => toPage(page),
    }),
    route({
      ...keepers,
      method: "put",
      path,
      summary: ofStore ? "设置门店首页" : "设置首页",
      description: ofStore
        ? "Puts these blocks in the place of the store's page, which is shown there in place of the chain's; without blocks the chain's is."
        : "Puts these blocks in the place of the chain's page, which is shown at every store without one of its own.",
      params,
      body: z.strictObject({
        blocks: blocksOf(isoInput),
        version: z.int().min(0).meta({ description: "Of the answer that the change was made from, 0 at first" }),
        reason: typedText(1, 200).meta({ example: "周末换首页" }),
      }),
      ok: pageView,
      problems: ["VERSION_CONFLICT", ...(ofStore ? (["STORE_NOT_FOUND"] as const) : [])],
      run: (deps, { params: given, body: { blocks, version, reason }, actor }) =>
        keepHome(deps, { scope: scopeOf(given), blocks }, { version, reason, staffId: actor.staffId }),
      view: (page) => toPage(page),
    }),
  ];
});
