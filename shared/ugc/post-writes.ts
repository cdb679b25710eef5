import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { invariant } from "../kernel/invariant.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Stored, Table, Write } from "../table/entity.ts";
import { outbox, posts, postTopics, sharedLines } from "../table/keys.ts";
import { type PostEvent, postLifecycle } from "./lifecycle.ts";
import type { Post } from "./model.ts";

/** Throws POST_NOT_FOUND. */
export async function loadPost(deps: { table: Pick<Table, "load"> }, postId: string): Promise<Stored<Post>> {
  const post = await deps.table.load(posts, { postId });
  if (!post) throw new DomainError("POST_NOT_FOUND");
  return post;
}

/**
 * The writes that move a post along its lifecycle from what was read, with all that hangs on it: its place in the feed, under its
 * topics or below its post, the count of comments, the line that a share is of. At most 7; throws POST_STATE where the state does not allow the event.
 */
export function moved(
  env: Pick<Env, "clock" | "ids">,
  post: Stored<Post>,
  event: PostEvent,
  more: { why?: string | undefined; by: "member" | "staff" | "system"; byId?: string | undefined },
): { post: Post; writes: Write[] } {
  if (!postLifecycle.allows(post.state, event)) throw new DomainError("POST_STATE", `it is ${post.state}`);
  const state = postLifecycle.to(event);
  const { why: _, ...rest } = post;
  const next = {
    ...rest,
    state,
    ...(more.why !== undefined && { why: more.why }),
    // who has decided has looked at what was reported
    ...(event === "approved" && { reports: 0 }),
  };
  const shown = Number(state === "PUBLISHED") - Number(post.state === "PUBLISHED");
  const { postId, communityId, kind, parentId, authorId, bought } = post;
  invariant(kind !== "comment" || parentId !== undefined, "a comment is below a post");
  return {
    post: next,
    writes: [
      posts.replace(next),
      ...(parentId !== undefined && shown !== 0 ? [posts.patch({ postId: parentId }).add({ comments: shown })] : []),
      ...(shown === 0
        ? []
        : post.topics.map((topic) => {
            const place = { communityId, topic, postId };
            return shown > 0 ? postTopics.create(place) : postTopics.remove(place);
          })),
      ...(bought && postLifecycle.terminal(state) ? [sharedLines.remove(bought)] : []),
      outbox.create(
        makeEvent(env, {
          type: `post.${event}`,
          actor: { kind: more.by, ...(more.byId !== undefined && { id: more.byId }) },
          origin: { channel: "mini", communityId, ...(parentId !== undefined && { originId: parentId }) },
          data: {
            postId,
            communityId,
            kind,
            ...(authorId !== undefined && { memberId: authorId }),
            ...(event === "removed" && more.why !== undefined && { reason: more.why }),
          },
        }),
      ),
    ],
  };
}
