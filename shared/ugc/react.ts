import type { Env } from "../kernel/env.ts";
import { decide, type Table } from "../table/entity.ts";
import { postMarks, posts } from "../table/keys.ts";
import { moved } from "./post-writes.ts";
import { answerablePost } from "./read-posts.ts";

type Deps = { env: Env; table: Table };
type Who = { postId: string; memberId: string };

/** So many members' reports hide a post until a person decides. */
const REPORTS_HIDE = 3;

/** A member likes a published post, or no longer: one each, and the post's count is exact. Answers the count as it is then. */
export async function react(deps: Deps, { likes, ...who }: Who & { likes: boolean }): Promise<{ reactions: number }> {
  const { env, table } = deps;
  return decide(async () => {
    const post = await answerablePost(deps, who);
    const key = { ...who, mark: "reaction" } as const;
    const before = await table.load(postMarks, key);
    if ((before !== undefined) === likes) return { reactions: post.reactions };
    await table.commit([
      likes ? postMarks.create({ ...key, at: env.clock.now() }) : postMarks.remove(key),
      posts
        .patch(who)
        .when("state", "=", "PUBLISHED")
        .add({ reactions: likes ? 1 : -1 }),
    ]);
    return { reactions: post.reactions + (likes ? 1 : -1) };
  });
}

/** A member reports a published post, once; the third report hides it until a person has decided. */
export async function report(deps: Deps, { reason, ...who }: Who & { reason: string }): Promise<void> {
  const { env, table } = deps;
  await decide(async () => {
    const key = { ...who, mark: "report" } as const;
    if (await table.load(postMarks, key)) return;
    const post = await answerablePost(deps, who);
    const counted = { ...post, reports: post.reports + 1 };
    const mark = postMarks.create({ ...key, reason, at: env.clock.now() });
    const hides = counted.reports >= REPORTS_HIDE;
    await table.commit([
      mark,
      ...(hides
        ? moved(env, counted, "reported", { by: "member", byId: who.memberId, why: "reports" }).writes
        : [posts.patch(who).asRead(post).add({ reports: 1 })]),
    ]);
  });
}
