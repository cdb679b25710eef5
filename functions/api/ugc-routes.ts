import * as z from "zod";
import { cartLines } from "../../shared/cart/index.ts";
import { loadCommunity, requireMember } from "../../shared/community/index.ts";
import { shortNames } from "../../shared/identity/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { type PictureType, pictureKey, pictureTypes } from "../../shared/kernel/pictures.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import {
  commentsOf,
  feedOf,
  posts,
  postsInReview,
  postsOfMember,
  reportsOf,
  topicOf,
} from "../../shared/table/keys.ts";
import {
  announce,
  decidePost,
  MOST_INGREDIENTS,
  type Post,
  postKinds,
  postLifecycle,
  react,
  recipeToCart,
  report,
  type Seen,
  seenBy,
  visiblePost,
  withdrawPost,
  writeComment,
  writePost,
} from "../../shared/ugc/index.ts";
import type { Deps } from "../runtime/deps.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const communityPath = z.strictObject({ communityId: idOf("CM") });
const postPath = z.strictObject({ postId: idOf("PS") });

const words = typedText(1, 2000).meta({ example: "今天的青菜特别嫩,清炒两分钟就好。" });
const topic = typedText(1, 20)
  .refine((name) => !/[#\s]/u.test(name), "without # and spaces")
  .meta({ example: "周一食谱日" });
const told = {
  text: words,
  images: z
    .array(text(1, 200))
    .max(9)
    .refine((keys) => new Set(keys).size === keys.length, "each picture once")
    .default([])
    .meta({ description: "Keys given out by /v1/me/pictures, 9 at most" }),
  topics: z
    .array(topic)
    .max(3)
    .refine((topics) => new Set(topics).size === topics.length, "each topic once")
    .default([])
    .meta({ description: "话题, without the #" }),
};
const draftBody = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("text"), ...told }),
  z.strictObject({
    kind: z.literal("recipe").meta({ description: "食谱: its ingredients go to the cart by one tap" }),
    ...told,
    ingredients: z
      .array(z.strictObject({ articleId: idOf("AR"), units: z.int().min(1).max(99) }))
      .min(1)
      .max(MOST_INGREDIENTS)
      .refine((list) => new Set(list.map(({ articleId }) => articleId)).size === list.length, "each article once"),
  }),
  z.strictObject({
    kind: z.literal("share").meta({ description: "晒单: of a line of your order, once you have it" }),
    ...told,
    bought: z.strictObject({ orderId: idOf("OR"), articleId: idOf("AR") }),
  }),
  z.strictObject({ kind: z.literal("announcement").meta({ description: "公告: a leader's" }), ...told }),
]);

const postView = z
  .object({
    postId: z.string(),
    communityId: z.string(),
    kind: z.enum(postKinds),
    text: z.string(),
    images: z.array(z.string()).meta({ description: "Addresses, for ten minutes" }),
    topics: z.array(z.string()),
    ingredients: z.array(z.object({ articleId: z.string(), name: z.string(), units: z.int() })).optional(),
    bought: z
      .object({ articleId: z.string(), name: z.string() })
      .optional()
      .meta({ description: "What a share is of" }),
    author: z
      .object({
        name: z.string().meta({ description: "Shortened", example: "王**" }),
        role: z.enum(["member", "koc", "leader", "manager", "staff"]),
      })
      .optional()
      .meta({ description: "Absent of somebody who is not in the community any more" }),
    mine: z.boolean(),
    state: z.enum(postLifecycle.states).meta({
      description: "CHECKING and IN_REVIEW: its author alone sees it as yet; PUBLISHED: everybody in the community",
    }),
    comments: z.int(),
    reactions: z.int(),
    reacted: z.boolean().meta({ description: "Whether you did" }),
    createdAt: isoOutput,
  })
  .meta({ id: "Post" });
const toPost = ({ evidence }: Deps, { post, author, mine, reacted }: Seen) => ({
  postId: post.postId,
  communityId: post.communityId,
  kind: post.kind,
  text: post.text,
  images: post.images.map((key) => evidence.view(key)),
  topics: post.topics,
  ...(post.ingredients && { ingredients: post.ingredients }),
  ...(post.bought && { bought: { articleId: post.bought.articleId, name: post.bought.name } }),
  ...(author && { author }),
  mine,
  state: post.state,
  comments: post.comments,
  reactions: post.reactions,
  reacted,
  createdAt: toIso(post.createdAt),
});

/** What somebody has just written, to himself. */
const writtenView = z
  .object({
    postId: z.string(),
    kind: z.enum(postKinds),
    state: z.enum(postLifecycle.states).meta({ description: "CHECKING: you see it; others do once it has passed" }),
    createdAt: isoOutput,
  })
  .meta({ id: "WrittenPost" });
const toWritten = ({ postId, kind, state, createdAt }: Post) => ({ postId, kind, state, createdAt: toIso(createdAt) });

type Posts = Awaited<ReturnType<typeof listPage<Post>>>;

/** A page of posts as a member sees them; a cursor that is none is refused before anything is read. */
async function seenPage(
  deps: Deps,
  memberId: string,
  asked: { scope: string; cursor: string | undefined },
  page: () => Promise<Posts>,
) {
  deps.cursors.open(asked.cursor, asked.scope);
  const { items, nextCursor } = await page();
  // an index may still show what has just been taken down
  const shown = items.filter((post) => post.state === "PUBLISHED" || post.authorId === memberId);
  return { items: await seenBy(deps, memberId, shown), nextCursor };
}

/** A page of what is published under a topic. */
async function ofTopic(
  deps: Deps,
  { communityId, topic }: { communityId: string; topic: string },
  scope: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Posts> {
  const { items, nextCursor } = await listPage(deps, topicOf(communityId, topic), scope, query);
  const found = new Map((await deps.table.loadMany(posts, items, { eventually: true })).map((p) => [p.postId, p]));
  return { items: items.flatMap(({ postId }) => found.get(postId) ?? []), nextCursor };
}

export const ugcShop: Route[] = [
  route({
    method: "post",
    path: "/v1/me/pictures",
    summary: "上传帖子图片",
    description:
      "Gives out a form for one picture: POST it to `url` as multipart/form-data with `fields` first and the picture as `file` last, within ten minutes; then name `key` in a post's images.",
    actor: "member",
    owns: "self",
    limit: "evidence",
    body: z.strictObject({ contentType: z.enum(Object.keys(pictureTypes) as [PictureType, ...PictureType[]]) }),
    status: 201,
    ok: z
      .object({
        key: z.string(),
        url: z.string(),
        fields: z.record(z.string(), z.string()),
        maxBytes: z.int(),
        expiresAt: isoOutput,
      })
      .meta({ id: "PictureForm" }),
    problems: [],
    run: async (deps, { actor: { memberId }, body: { contentType: type } }) => {
      const key = pictureKey(deps.env, deps.blindIndex, { folder: "posts", owner: memberId, type });
      return { key, ...deps.evidence.upload(key, type) };
    },
    view: ({ expiresAt, ...form }) => ({ ...form, expiresAt: toIso(expiresAt) }),
  }),
  route({
    method: "post",
    path: "/v1/communities/{communityId}/posts",
    summary: "在社群发帖",
    description:
      "You see it at once, your neighbours once WeChat's check has passed it; with pictures, or where the check is in doubt, a person looks first. Your inbox tells when it does not pass.",
    actor: "member",
    owns: "self",
    idempotent: true,
    limit: "post",
    params: communityPath,
    body: draftBody,
    status: 201,
    ok: writtenView,
    problems: [
      "COMMUNITY_NOT_FOUND",
      "NOT_COMMUNITY_MEMBER",
      "NOT_LEADER",
      "ARTICLE_NOT_FOUND",
      "ORDER_NOT_FOUND",
      "SHARE_LINE",
      "POST_SHARED",
    ],
    run: (deps, { params, body, actor, once }) =>
      writePost(deps, { ...params, memberId: actor.memberId, draft: body, once }),
    view: (post) => toWritten(post),
  }),
  route({
    method: "get",
    path: "/v1/communities/{communityId}/posts",
    summary: "社群动态",
    description: "What is published, newest first; of one topic where it is named.",
    actor: "member",
    owns: "none",
    params: communityPath,
    query: listQuery.extend({ topic: topic.optional() }),
    ok: listOf(postView),
    problems: ["COMMUNITY_NOT_FOUND", "NOT_COMMUNITY_MEMBER", "CURSOR_INVALID"],
    run: (deps, { params: { communityId }, query, actor: { memberId } }) => {
      const { topic, cursor } = query;
      const scope = topic === undefined ? `posts ${communityId}` : `posts ${communityId} ${topic}`;
      return seenPage(deps, memberId, { scope, cursor }, async () => {
        await requireMember(deps, { communityId, memberId });
        return topic === undefined
          ? listPage(deps, feedOf(communityId), scope, query)
          : ofTopic(deps, { communityId, topic }, scope, query);
      });
    },
    view: ({ items, nextCursor }, deps) => ({ items: items.map((one) => toPost(deps, one)), nextCursor }),
  }),
  route({
    method: "get",
    path: "/v1/me/posts",
    summary: "我的发帖",
    description: "In every state, newest first.",
    actor: "member",
    owns: "self",
    query: listQuery,
    ok: listOf(postView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query, actor: { memberId } }) => {
      const scope = `posts of ${memberId}`;
      return seenPage(deps, memberId, { scope, cursor: query.cursor }, () =>
        listPage(deps, postsOfMember(memberId), scope, query),
      );
    },
    view: ({ items, nextCursor }, deps) => ({ items: items.map((one) => toPost(deps, one)), nextCursor }),
  }),
  route({
    method: "get",
    path: "/v1/posts/{postId}",
    summary: "帖子详情",
    actor: "member",
    owns: "none",
    params: postPath,
    ok: postView,
    problems: ["POST_NOT_FOUND", "NOT_COMMUNITY_MEMBER"],
    run: async (deps, { params, actor: { memberId } }) => {
      const [seen] = await seenBy(deps, memberId, [await visiblePost(deps, { ...params, memberId })]);
      return seen!;
    },
    view: (seen, deps) => toPost(deps, seen),
  }),
  route({
    method: "delete",
    path: "/v1/posts/{postId}",
    summary: "删除自己的帖子或评论",
    actor: "member",
    owns: "self",
    params: postPath,
    status: 204,
    ok: z.undefined(),
    problems: ["POST_NOT_FOUND"],
    run: (deps, { params, actor: { memberId } }) => withdrawPost(deps, { ...params, memberId }),
  }),
  route({
    method: "post",
    path: "/v1/posts/{postId}/comments",
    summary: "评论",
    description: "Checked as a post is.",
    actor: "member",
    owns: "self",
    idempotent: true,
    limit: "comment",
    params: postPath,
    body: z.strictObject({ text: words }),
    status: 201,
    ok: writtenView,
    problems: ["POST_NOT_FOUND", "NOT_COMMUNITY_MEMBER"],
    run: (deps, { params, body, actor: { memberId }, once }) =>
      writeComment(deps, { ...params, ...body, memberId, once }),
    view: (post) => toWritten(post),
  }),
  route({
    method: "get",
    path: "/v1/posts/{postId}/comments",
    summary: "评论列表",
    description: "The earliest first.",
    actor: "member",
    owns: "none",
    params: postPath,
    query: listQuery,
    ok: listOf(postView),
    problems: ["POST_NOT_FOUND", "NOT_COMMUNITY_MEMBER", "CURSOR_INVALID"],
    run: (deps, { params: { postId }, query, actor: { memberId } }) => {
      const scope = `comments ${postId}`;
      return seenPage(deps, memberId, { scope, cursor: query.cursor }, async () => {
        await visiblePost(deps, { postId, memberId });
        return listPage(deps, commentsOf(postId), scope, query);
      });
    },
    view: ({ items, nextCursor }, deps) => ({ items: items.map((one) => toPost(deps, one)), nextCursor }),
  }),
  ...([true, false] as const).map((likes) =>
    route({
      method: likes ? "put" : "delete",
      path: "/v1/posts/{postId}/reaction",
      summary: likes ? "点赞" : "取消点赞",
      description: "One a member; once more changes nothing.",
      actor: "member",
      owns: "self",
      limit: "comment",
      params: postPath,
      ok: z.object({ reactions: z.int() }),
      problems: ["POST_NOT_FOUND", "NOT_COMMUNITY_MEMBER"],
      run: (deps, { params, actor: { memberId } }) => react(deps, { ...params, memberId, likes }),
    }),
  ),
  route({
    method: "post",
    path: "/v1/posts/{postId}/reports",
    summary: "举报",
    description: "Once a member; the third report hides it until a person has decided.",
    actor: "member",
    owns: "self",
    limit: "comment",
    params: postPath,
    body: z.strictObject({ reason: typedText(1, 200).meta({ example: "广告" }) }),
    status: 204,
    ok: z.undefined(),
    problems: ["POST_NOT_FOUND", "NOT_COMMUNITY_MEMBER"],
    run: (deps, { params, body, actor: { memberId } }) => report(deps, { ...params, ...body, memberId }),
  }),
  route({
    method: "post",
    path: "/v1/posts/{postId}/to-cart",
    summary: "食谱食材一键加入购物车",
    description: "Beside what is in the cart; prices and stock are looked at when it is priced.",
    actor: "member",
    owns: "self",
    idempotent: true,
    params: postPath,
    ok: z.object({
      lines: cartLines.meta({ description: "The cart as it is then" }),
      left: z.array(z.string()).meta({ description: "Articles that the cart has no room for, or not for all units" }),
    }),
    problems: ["POST_NOT_FOUND", "NOT_COMMUNITY_MEMBER"],
    run: (deps, { params, actor: { memberId }, once }) => recipeToCart(deps, { ...params, memberId, once }),
  }),
];

const moderators = {
  actor: "staff",
  owns: "none",
  roles: ["admin", "ops", "customer_service"],
  scope: "chain",
} as const;

export const ugcOps: Route[] = [
  route({
    method: "post",
    path: "/ops/v1/communities/{communityId}/posts",
    summary: "发布门店公告",
    description: "In the community's feed at once, in the store's name.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "community_operator", "store_manager"],
    scope: "store",
    storeOf: async (deps, { params }) => (await loadCommunity(deps, params.communityId)).storeId,
    idempotent: true,
    params: communityPath,
    body: z.strictObject({ text: words }),
    status: 201,
    ok: writtenView,
    problems: ["COMMUNITY_NOT_FOUND"],
    run: (deps, { params, body, actor, once }) => announce(deps, { ...params, ...body, by: actor.staffId, once }),
    view: (post) => toWritten(post),
  }),
  route({
    ...moderators,
    method: "get",
    path: "/ops/v1/moderation",
    summary: "待审核内容",
    description: "Posts and comments that wait for a person, the oldest first, with what members reported of them.",
    query: listQuery,
    ok: listOf(
      z
        .object({
          postId: z.string(),
          parentId: z.string().optional().meta({ description: "Of a comment: the post it is about" }),
          communityId: z.string(),
          kind: z.enum(postKinds),
          author: z.string().meta({ description: "Shortened", example: "王**" }),
          text: z.string(),
          images: z.array(z.string()),
          topics: z.array(z.string()),
          why: z
            .string()
            .optional()
            .meta({ description: "images, reports, WeChat's label of what it suspects, or `unchecked` and its code" }),
          reports: z.array(z.object({ reason: z.string(), at: isoOutput })),
          createdAt: isoOutput,
        })
        .meta({ id: "PostInReview" }),
    ),
    problems: ["CURSOR_INVALID"],
    run: async (deps, { query }) => {
      const { items, nextCursor } = await listPage(deps, postsInReview(), "moderation", query);
      const waiting = items.filter(({ state }) => state === "IN_REVIEW");
      const nameOf = await shortNames(
        deps,
        waiting.flatMap(({ authorId }) => authorId ?? []),
      );
      const reports = await Promise.all(
        waiting.map(async ({ postId, why }) =>
          why === "reports" ? (await deps.table.page(reportsOf(postId), { limit: 20 })).items : [],
        ),
      );
      return { items: waiting.map((post, i) => ({ post, reports: reports[i]! })), nameOf, nextCursor };
    },
    view: ({ items, nameOf, nextCursor }, { evidence }) => ({
      items: items.map(({ post, reports }) => ({
        postId: post.postId,
        ...(post.parentId !== undefined && { parentId: post.parentId }),
        communityId: post.communityId,
        kind: post.kind,
        author: post.authorId === undefined ? "门店" : nameOf(post.authorId),
        text: post.text,
        images: post.images.map((key) => evidence.view(key)),
        topics: post.topics,
        ...(post.why !== undefined && { why: post.why }),
        reports: reports.map(({ reason = "", at }) => ({ reason, at: toIso(at) })),
        createdAt: toIso(post.createdAt),
      })),
      nextCursor,
    }),
  }),
  route({
    ...moderators,
    method: "post",
    path: "/ops/v1/moderation/{postId}",
    summary: "审核内容",
    description:
      "approve: neighbours see what was in review; remove: nobody sees it any more, also of what is published. On the record; the author is told, with the reason of a removal.",
    params: postPath,
    body: z.strictObject({ decision: z.enum(["approve", "remove"]), reason: typedText(1, 100) }),
    ok: z
      .object({ postId: z.string(), state: z.enum(postLifecycle.states), why: z.string().optional() })
      .meta({ id: "ModeratedPost" }),
    problems: ["POST_NOT_FOUND", "POST_STATE"],
    run: (deps, { params, body, actor }) => decidePost(deps, { ...params, ...body, by: actor.staffId }),
    view: ({ postId, state, why }) => ({ postId, state, ...(why !== undefined && { why }) }),
  }),
];
