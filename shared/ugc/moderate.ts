import type { Env } from "../kernel/env.ts";
import { audited } from "../table/audit.ts";
import { decide, loadLasting, type Table } from "../table/entity.ts";
import { members } from "../table/keys.ts";
import type { PostEvent } from "./lifecycle.ts";
import type { Post } from "./model.ts";
import type { ContentCheck, Verdict } from "./ports.ts";
import { loadPost, moved } from "./post-writes.ts";

type Deps = { env: Env; table: Table };

const events: Record<Exclude<Verdict["kind"], "busy" | "unknown">, PostEvent> = {
  pass: "passed",
  review: "doubted",
  refused: "doubted",
  risky: "refused",
};

/**
 * Has a post checked that waits for it: it is published, put before a person, or refused. False: WeChat did not answer, and it
 * goes on waiting; true: it was decided, now or before. Pictures are for a person to look at.
 */
export async function checkPost(deps: Deps & { content: ContentCheck }, postId: string): Promise<boolean> {
  const { env, table } = deps;
  const waiting = await loadPost(deps, postId);
  if (waiting.state !== "CHECKING") return true;
  const verdict = await verdictOn(deps, waiting);
  if (verdict.kind === "busy" || verdict.kind === "unknown") return false;
  await decide(async (round) => {
    const post = round === 0 ? waiting : await loadPost(deps, postId);
    if (post.state !== "CHECKING") return;
    const why =
      verdict.kind === "pass" ? undefined : verdict.kind === "refused" ? `unchecked ${verdict.code}` : verdict.label;
    await table.commit(moved(env, post, events[verdict.kind], { by: "system", why }).writes);
  });
  return true;
}

async function verdictOn(deps: Deps & { content: ContentCheck }, post: Post): Promise<Verdict> {
  const author = await loadLasting(deps.table, members, { memberId: post.authorId! });
  if (!author) return { kind: "refused", code: "erased" };
  const text = [...post.topics.map((topic) => `#${topic}#`), post.text].join("\n");
  const verdict = await deps.content.checkText({
    openid: author.openid,
    scene: post.kind === "comment" ? "comment" : "forum",
    text,
  });
  return verdict.kind === "pass" && post.images.length > 0 ? { kind: "review", label: "images" } : verdict;
}

/** A person approves of what is in review, or removes it or what is published; the author is told why. Throws POST_NOT_FOUND, POST_STATE. */
export async function decidePost(
  deps: Deps,
  input: { postId: string; decision: "approve" | "remove"; reason: string; by: string },
): Promise<Post> {
  const { postId, decision, reason, by } = input;
  return decide(async () => {
    const before = await loadPost(deps, postId);
    const approves = decision === "approve";
    const { post, writes } = moved(deps.env, before, approves ? "approved" : "removed", {
      by: "staff",
      byId: by,
      why: approves ? undefined : reason,
    });
    await deps.table.commit([
      ...writes,
      audited(deps.env, {
        staffId: by,
        action: `post.${decision}`,
        target: postId,
        reason,
        change: { before: before.state, why: before.why, after: post.state },
      }),
    ]);
    return post;
  });
}
