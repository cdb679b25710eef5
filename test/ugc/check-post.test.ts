import { expect, test } from "vitest";
import { logIn } from "../../shared/identity/index.ts";
import { makeId } from "../../shared/kernel/ids.ts";
import { members, posts } from "../../shared/table/keys.ts";
import { checkPost, type Post } from "../../shared/ugc/index.ts";
import type { Verdict } from "../../shared/ugc/ports.ts";
import { openPlatform } from "../identity/platform.ts";

const { deps, table, env, events } = await openPlatform();
const fresh = (prefix: "PS" | "CM") => makeId(prefix, env.clock.now(), env.rng.bytes(14));

/** A post that waits, looked at by a WeChat that says so; what it is then. */
async function checked(verdict: Verdict, authorId: string, more: Partial<Post> = {}) {
  const postId = fresh("PS");
  await table.commit([
    posts.create({
      ...{ postId, communityId: fresh("CM"), kind: "text", authorId, text: "青菜", images: [], topics: [] },
      ...{ state: "CHECKING", createdAt: env.clock.now(), comments: 0, reactions: 0, reports: 0, ...more },
    }),
  ]);
  const texts: string[] = [];
  const content = {
    checkText: async ({ text }: { text: string }) => {
      texts.push(text);
      return verdict;
    },
  };
  const decided = await checkPost({ env, table, content }, postId);
  const post = await table.load(posts, { postId });
  return { decided, state: post?.state, why: post?.why, texts };
}

test("only a pass publishes; what is not known stays as it is, what can't be checked is for a person", async () => {
  const { memberId } = await logIn(deps, { code: "ann" });
  const waits = { decided: false, state: "CHECKING" };
  expect(await checked({ kind: "pass" }, memberId)).toMatchObject({ decided: true, state: "PUBLISHED" });
  expect(await checked({ kind: "busy" }, memberId)).toMatchObject(waits);
  expect(await checked({ kind: "unknown", reason: "lost" }, memberId)).toMatchObject(waits);
  const doubted = await checked({ kind: "refused", code: "61010" }, memberId);
  expect(doubted).toMatchObject({ decided: true, state: "IN_REVIEW", why: "unchecked 61010" });
  const risky = await checked({ kind: "risky", label: "20006" }, memberId);
  expect(risky).toMatchObject({ decided: true, state: "REMOVED", why: "20006" });
  const pictured = await checked({ kind: "pass" }, memberId, { images: ["posts/a/b.jpg"], topics: ["食谱"] });
  expect(pictured).toMatchObject({ state: "IN_REVIEW", why: "images", texts: ["#食谱#\n青菜"] });
});

test("what a member wrote who was erased before it was checked is for a person, unseen by WeChat", async () => {
  const { memberId } = await logIn(deps, { code: "gone" });
  await table.commit([members.remove({ memberId })]);
  const found = await checked({ kind: "pass" }, memberId);
  expect(found).toEqual({ decided: true, state: "IN_REVIEW", why: "unchecked erased", texts: [] });
});

test("a post that was decided meanwhile stays so", async () => {
  const { memberId } = await logIn(deps, { code: "late" });
  const before = (await events("post.passed")).length;
  const found = await checked({ kind: "pass" }, memberId, { state: "WITHDRAWN" });
  expect(found).toMatchObject({ decided: true, state: "WITHDRAWN", texts: [] });
  expect(await events("post.passed")).toHaveLength(before);
});
