import { findArticles } from "../catalog/index.ts";
import { requireMember } from "../community/index.ts";
import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { beginsLikePicture, isPictureOf, type Seal } from "../kernel/pictures.ts";
import { DomainError } from "../kernel/problem.ts";
import { minute } from "../kernel/time.ts";
import { audited } from "../table/audit.ts";
import { decide, type Table, type Write } from "../table/entity.ts";
import { dues, orders, outbox, posts, sharedLines } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import type { Post } from "./model.ts";
import type { PictureHeads } from "./ports.ts";
import { loadPost, moved } from "./post-writes.ts";
import { answerablePost } from "./read-posts.ts";

/** What a member or the staff give of a post. */
export interface PostDraft {
  kind: "text" | "recipe" | "share" | "announcement";
  text: string;
  images: string[];
  topics: string[];
  ingredients?: { articleId: string; units: number }[] | undefined;
  bought?: { orderId: string; articleId: string } | undefined;
}
type Deps = { env: Env; table: Table };
interface Pictures {
  blindIndex: Seal;
  evidence: PictureHeads;
}

/** A sweep looks at what the event's own check did not decide, from then on. */
const CHECKED_BY_MS = minute;

const blank = { comments: 0, reactions: 0, reports: 0 };

/** The writes of a post that waits for its check. */
const submitted = (env: Env, post: Post): Write[] => [
  posts.create(post),
  dues.create({ kind: "moderation", id: post.postId, at: post.createdAt + CHECKED_BY_MS, since: post.createdAt }),
  outbox.create(
    makeEvent(env, {
      type: "post.submitted",
      actor: { kind: "member", id: post.authorId! },
      origin: {
        channel: "mini",
        communityId: post.communityId,
        ...(post.parentId !== undefined && { originId: post.parentId }),
      },
      data: { postId: post.postId, communityId: post.communityId, kind: post.kind, memberId: post.authorId! },
    }),
  ),
];

/** Throws INPUT_INVALID with the place of each picture that is not the member's own, has not arrived, or is none. */
async function requirePictures(deps: Pictures, memberId: string, images: readonly string[]): Promise<void> {
  const flaws = await Promise.all(
    images.map(async (key) => {
      if (!isPictureOf(deps.blindIndex, { folder: "posts", owner: memberId }, key))
        return "no key that was given out to you";
      const head = await deps.evidence.head(key);
      if (!head) return "has not arrived";
      return beginsLikePicture(key, head) ? undefined : "is no picture of the type that was announced";
    }),
  );
  const errors = flaws.flatMap((message, i) => (message === undefined ? [] : [{ path: `body.images.${i}`, message }]));
  if (errors.length > 0) throw new DomainError("INPUT_INVALID", "a picture that can't be shown", { errors });
}

/** Ingredients with the names of their articles. Throws ARTICLE_NOT_FOUND. */
async function named(table: Table, ingredients: { articleId: string; units: number }[]) {
  const found = await findArticles(
    table,
    ingredients.map(({ articleId }) => articleId),
  );
  return ingredients.map(({ articleId, units }) => {
    const article = found(articleId);
    if (!article || article.retired) throw new DomainError("ARTICLE_NOT_FOUND", articleId);
    return { articleId, name: article.name, units };
  });
}

/** The line of the author's own order, once it was handed over. Throws ORDER_NOT_FOUND, SHARE_LINE. */
async function lineBought(
  table: Table,
  memberId: string,
  { orderId, articleId }: { orderId: string; articleId: string },
) {
  const order = await table.load(orders, { orderId });
  if (!order || order.memberId !== memberId) throw new DomainError("ORDER_NOT_FOUND");
  const line = order.lines.find((one) => one.articleId === articleId);
  if (!line || order.stage !== "HANDED_OVER" || order.seat !== "PAID")
    throw new DomainError("SHARE_LINE", line ? `the order is ${order.stage}` : "no line of the order");
  return { orderId, articleId, name: line.name };
}

/**
 * A member's post to a community: its author sees it at once, others once it has passed its check. Throws COMMUNITY_NOT_FOUND, NOT_COMMUNITY_MEMBER, NOT_LEADER (announcements are the leaders'), ARTICLE_NOT_FOUND,
 * ORDER_NOT_FOUND, SHARE_LINE, POST_SHARED (the line has a share), INPUT_INVALID of a picture.
 */
export async function writePost(
  deps: Deps & Pictures,
  input: { communityId: string; memberId: string; draft: PostDraft; once: Once<Post> },
): Promise<Post> {
  const { env, table } = deps;
  const { communityId, memberId, draft } = input;
  const { role } = await requireMember(deps, { communityId, memberId });
  if (draft.kind === "announcement" && role !== "leader") throw new DomainError("NOT_LEADER");
  await requirePictures(deps, memberId, draft.images);
  const bought = draft.bought && (await lineBought(table, memberId, draft.bought));
  const post: Post = {
    postId: env.ids.next("PS"),
    communityId,
    kind: draft.kind,
    authorId: memberId,
    text: draft.text,
    images: draft.images,
    topics: draft.topics,
    ...(draft.ingredients && { ingredients: await named(table, draft.ingredients) }),
    ...(bought && { bought }),
    state: "CHECKING",
    createdAt: env.clock.now(),
    ...blank,
  };
  await table.commit([
    ...submitted(env, post),
    ...(bought
      ? [
          sharedLines
            .create({ orderId: bought.orderId, articleId: bought.articleId, postId: post.postId })
            .or("POST_SHARED"),
        ]
      : []),
    ...input.once(post),
  ]);
  return post;
}

/** Staff tell a community something: a person answers for it, on the record, and everybody in it sees it at once. */
export async function announce(
  deps: Deps,
  input: { communityId: string; text: string; by: string; once: Once<Post> },
): Promise<Post> {
  const { env, table } = deps;
  const { communityId, by } = input;
  const postId = env.ids.next("PS");
  const post: Post = {
    ...{ postId, communityId, kind: "announcement", staffId: by, text: input.text, images: [], topics: [] },
    ...{ state: "PUBLISHED", createdAt: env.clock.now() },
    ...blank,
  };
  await table.commit([
    posts.create(post),
    audited(env, { staffId: by, action: "post.announce", target: postId, change: { communityId, text: input.text } }),
    outbox.create(
      makeEvent(env, {
        type: "post.announced",
        actor: { kind: "staff", id: by },
        data: { postId, communityId, kind: "announcement" },
      }),
    ),
    ...input.once(post),
  ]);
  return post;
}

/** A comment on a published post, checked as a post is. Throws POST_NOT_FOUND (also of a comment), NOT_COMMUNITY_MEMBER. */
export async function writeComment(
  deps: Deps,
  input: { postId: string; memberId: string; text: string; once: Once<Post> },
): Promise<Post> {
  const { env, table } = deps;
  const { postId: parentId, memberId } = input;
  const { kind, communityId } = await answerablePost(deps, { postId: parentId, memberId });
  if (kind === "comment") throw new DomainError("POST_NOT_FOUND");
  const post: Post = {
    ...{ postId: env.ids.next("PS"), communityId, kind: "comment", parentId, authorId: memberId, text: input.text },
    ...{ images: [], topics: [], state: "CHECKING", createdAt: env.clock.now() },
    ...blank,
  };
  await table.commit([...submitted(env, post), ...input.once(post)]);
  return post;
}

/** An author takes a post or comment back; one that is gone is gone. Throws POST_NOT_FOUND of anybody else's. */
export async function withdrawPost(deps: Deps, { postId, memberId }: { postId: string; memberId: string }) {
  await decide(async () => {
    const post = await loadPost(deps, postId);
    if (post.authorId !== memberId) throw new DomainError("POST_NOT_FOUND");
    if (post.state === "WITHDRAWN" || post.state === "REMOVED") return;
    await deps.table.commit(moved(deps.env, post, "withdrawn", { by: "member", byId: memberId }).writes);
  });
}
