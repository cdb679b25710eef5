import fc from "fast-check";
import { expect, test } from "vitest";
import { makeId } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { feedOf, posts, postsInReview, postsOfMember, sharedLines, topicOf } from "../../shared/table/keys.ts";
import { type Post, postLifecycle } from "../../shared/ugc/index.ts";
import { moved } from "../../shared/ugc/post-writes.ts";
import { openTestTable } from "../engine/table.ts";

const { table, env } = await openTestTable();
const now = env.clock.now();
const fresh = (prefix: "PS" | "CM" | "MB" | "OR" | "AR") => makeId(prefix, now, env.rng.bytes(14));

const share = (state: Post["state"]): Post => ({
  ...{
    postId: fresh("PS"),
    communityId: fresh("CM"),
    kind: "share",
    authorId: fresh("MB"),
    text: "很新鲜",
    images: [],
  },
  ...{ topics: ["晒单日"], bought: { orderId: fresh("OR"), articleId: fresh("AR"), name: "青菜" } },
  ...{ state, createdAt: now, comments: 0, reactions: 0, reports: 0 },
});

/** Where a post is found. */
async function places({ postId, communityId, authorId, bought }: Post) {
  const found = async <T extends { postId: string }>(query: Parameters<typeof table.page<T>>[0]) =>
    (await table.page(query, { limit: 50 })).items.some((one) => one.postId === postId);
  return {
    feed: await found(feedOf(communityId)),
    topic: await found(topicOf(communityId, "晒单日")),
    review: await found(postsInReview()),
    mine: await found(postsOfMember(authorId!)),
    line: (await table.load(sharedLines, bought!)) !== undefined,
  };
}
const expected = (state: Post["state"]) => ({
  feed: state === "PUBLISHED",
  topic: state === "PUBLISHED",
  review: state === "IN_REVIEW",
  mine: state !== "WITHDRAWN",
  line: state !== "WITHDRAWN" && state !== "REMOVED",
});

test("whatever happens to a post, it is found where its state says and nowhere else", async () => {
  const steps = fc.array(fc.constantFrom(...postLifecycle.events), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(steps, async (events) => {
      const first = share("CHECKING");
      await table.commit([posts.create(first), sharedLines.create({ ...first.bought!, postId: first.postId })]);
      for (const event of events) {
        const post = (await table.load(posts, first)) as Stored<Post>;
        const allowed = postLifecycle.allows(post.state, event);
        try {
          await table.commit(moved(env, post, event, { by: "system" }).writes);
          expect(allowed).toBe(true);
        } catch (error) {
          if (allowed || !(error instanceof DomainError)) throw error;
          expect(error.code).toBe("POST_STATE");
        }
        const after = (await table.load(posts, first)) as Stored<Post>;
        expect(after.state).toBe(allowed ? postLifecycle.to(event) : post.state);
        expect(await places(after)).toEqual(expected(after.state));
      }
    }),
    { numRuns: 25 },
  );
});

test("two who move a post at once don't both do so", async () => {
  const first = share("IN_REVIEW");
  await table.commit([posts.create(first), sharedLines.create({ ...first.bought!, postId: first.postId })]);
  const post = (await table.load(posts, first)) as Stored<Post>;
  const tries = (["approved", "removed", "withdrawn"] as const).map((event) =>
    table.commit(moved(env, post, event, { by: "system" }).writes),
  );
  const outcomes = await Promise.allSettled(tries);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const after = (await table.load(posts, first)) as Stored<Post>;
  expect(await places(after)).toEqual(expected(after.state));
});
