import { requireMember } from "../community/index.ts";
import { shortNames } from "../identity/index.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Vault } from "../kernel/vault.ts";
import type { Stored, Table } from "../table/entity.ts";
import { memberships, postMarks } from "../table/keys.ts";
import type { Post } from "./model.ts";
import { loadPost } from "./post-writes.ts";

/**
 * A post as a member may see it: his own whatever its state, those of others while they are published and he is in their
 * community. Throws POST_NOT_FOUND, NOT_COMMUNITY_MEMBER.
 */
export async function visiblePost(
  deps: { table: Pick<Table, "load"> },
  { postId, memberId }: { postId: string; memberId: string },
): Promise<Stored<Post>> {
  const post = await loadPost(deps, postId);
  if (post.authorId === memberId && post.state !== "WITHDRAWN") return post;
  if (post.state !== "PUBLISHED") throw new DomainError("POST_NOT_FOUND");
  await requireMember(deps, { communityId: post.communityId, memberId });
  return post;
}

/** A published post that a member may answer: he is in its community, also where it is his own. Throws POST_NOT_FOUND, NOT_COMMUNITY_MEMBER. */
export async function answerablePost(
  deps: { table: Pick<Table, "load"> },
  who: { postId: string; memberId: string },
): Promise<Stored<Post>> {
  const post = await visiblePost(deps, who);
  if (post.state !== "PUBLISHED") throw new DomainError("POST_NOT_FOUND");
  if (post.authorId === who.memberId)
    await requireMember(deps, { communityId: post.communityId, memberId: who.memberId });
  return post;
}

/** How posts look to a member: who wrote each, by a shortened name while he is in the community, and whether the member reacted. */
export interface Seen {
  post: Post;
  /** Undefined: he has left, or was erased. */
  author: { name: string; role: "member" | "koc" | "leader" | "manager" | "staff" } | undefined;
  mine: boolean;
  reacted: boolean;
}

/** Three reads a page, however many posts there are; all of them eventual. */
export async function seenBy(
  deps: { table: Pick<Table, "loadMany">; vault: Pick<Vault, "open"> },
  memberId: string,
  posts: readonly Post[],
): Promise<Seen[]> {
  const eventually = { eventually: true };
  const keys = new Map(
    posts.flatMap(({ communityId, authorId }) =>
      authorId === undefined ? [] : [[`${communityId}${authorId}`, { communityId, memberId: authorId }] as const],
    ),
  );
  const marks = posts.map(({ postId }) => ({ postId, mark: "reaction" as const, memberId }));
  const [there, reactions] = await Promise.all([
    deps.table.loadMany(memberships, [...keys.values()], eventually),
    deps.table.loadMany(postMarks, marks, eventually),
  ]);
  const roles = new Map(there.map((one) => [`${one.communityId}${one.memberId}`, one.role]));
  const nameOf = await shortNames(
    deps,
    there.map((one) => one.memberId),
  );
  const reacted = new Set(reactions.map(({ postId }) => postId));
  return posts.map((post) => {
    const role = roles.get(`${post.communityId}${post.authorId}`);
    return {
      post,
      author:
        post.authorId === undefined ? { name: "门店", role: "staff" } : role && { name: nameOf(post.authorId), role },
      mine: post.authorId === memberId,
      reacted: reacted.has(post.postId),
    };
  });
}
