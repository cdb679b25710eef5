import { expect, test } from "vitest";
import { teamLifecycle } from "../../shared/groupbuy/lifecycle.ts";
import type { Team } from "../../shared/groupbuy/model.ts";
import { bucketOf } from "../../shared/kernel/ids.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { Stale } from "../../shared/table/entity.ts";
import { dueBuckets, dues, dueUntil, idempotency, openidLinks, teams, teamsOf } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

const { table, env, clock } = await openTestTable();

const aTeam = (more: Partial<Team> = {}): Team => ({
  teamId: env.ids.next("TM"),
  campaignId: env.ids.next("CP"),
  state: "FORMING",
  size: 4,
  held: 0,
  paid: 1,
  free: 3,
  leaderId: env.ids.next("MB"),
  leaderOrderId: env.ids.next("OR"),
  storeId: env.ids.next("ST"),
  openedAt: clock.now(),
  terms: {
    name: "有机蔬菜",
    articleId: env.ids.next("AR"),
    articleName: "青菜",
    perishable: true,
    invitesRequired: 3,
    aloneFen: 1000,
    teamFen: 800,
    costFen: 500,
    durationMs: 86_400_000,
    holdMs: 900_000,
    perMemberLimit: 2,
    admits: "anyone",
    leaderLeaves: "transfer",
    hardEnd: clock.now() + 9e8,
    pickupFrom: clock.now(),
    pickupUntil: clock.now() + 9e8,
  },
  origin: { channel: "mini" },
  ...more,
});

test("a row is read back as it was written, its key kept to the letter", async () => {
  const team = aTeam();
  await table.commit([teams.create(team)]);
  expect(await table.load(teams, { teamId: team.teamId })).toEqual({ ...team, version: 1 });
  await table.commit([openidLinks.create({ appid: "wx1", openid: "oAbC", memberId: env.ids.next("MB") })]);
  expect(await table.load(openidLinks, { appid: "wx1", openid: "oabc" })).toBeUndefined();
});

test("64 racers for 3 free seats: 3 get one, the others their problem, the counters are exact", async () => {
  const team = aTeam();
  await table.commit([teams.create(team)]);
  const results = await Promise.allSettled(
    Array.from({ length: 64 }, () =>
      table.commit([
        teams
          .patch({ teamId: team.teamId })
          .add({ held: 1, free: -1 })
          .when("free", ">=", 1)
          .or((now) => (now?.state === "FORMING" ? "TEAM_FULL" : "TEAM_CLOSED")),
      ]),
    ),
  );
  expect(results.filter((r) => r.status === "fulfilled")).toHaveLength(3);
  for (const r of results) if (r.status === "rejected") expect(r.reason).toMatchObject({ code: "TEAM_FULL" });
  expect(await table.load(teams, { teamId: team.teamId })).toMatchObject({ held: 3, free: 0, version: 4 });
});

test("a commit is all or nothing, and names the first write that failed", async () => {
  const team = aTeam();
  const row = {
    actorId: "MB",
    key: `k${team.teamId}`,
    request: "r",
    status: 200,
    body: Buffer.from("{}"),
    at: clock.now(),
  };
  await table.commit([teams.create(team)]);
  const attempt = table.commit([idempotency.create(row), teams.create(team).or("TEAM_OWN")]);
  await expect(attempt).rejects.toEqual(new DomainError("TEAM_OWN"));
  expect(await table.load(idempotency, row)).toBeUndefined();
  await expect(table.commit([teams.create(team)])).rejects.toBeInstanceOf(Stale);
});

test("a state moves only along its lifecycle", async () => {
  const team = aTeam({ state: "FAILED" });
  await table.commit([teams.create(team)]);
  const fill = teams.patch({ teamId: team.teamId }).move("state", teamLifecycle, "filled").or("TEAM_CLOSED");
  await expect(table.commit([fill])).rejects.toMatchObject({ code: "TEAM_CLOSED" });
});

test("replacing a row that changed meanwhile fails", async () => {
  const team = aTeam();
  await table.commit([teams.create(team)]);
  const read = await table.load(teams, { teamId: team.teamId });
  await table.commit([teams.patch({ teamId: team.teamId }).add({ paid: 1 })]);
  await expect(table.commit([teams.replace({ ...read!, held: 2 })])).rejects.toBeInstanceOf(Stale);
});

test("an index leads to the rows, page by page", async () => {
  const campaignId = env.ids.next("CP");
  const mine = Array.from({ length: 20 }, () => aTeam({ campaignId }));
  for (const team of mine) await table.commit([teams.create(team)]);
  const found: string[] = [];
  for (let bucket = 0; bucket < 8; bucket++) {
    let after: Record<string, string> | undefined;
    do {
      const page = await table.page(teamsOf(campaignId, bucket), { limit: 2, after });
      found.push(...page.items.map((t) => t.teamId));
      after = page.next;
    } while (after);
  }
  expect(found.sort()).toEqual(mine.map((t) => t.teamId).sort());
});

test("what is due is found in order of time, and what is not yet due is not", async () => {
  const id = env.ids.next("OR");
  for (const at of [clock.now() + 5, clock.now() - 5, clock.now()])
    await table.commit([dues.create({ kind: "hold", id, at, since: at })]);
  const { items } = await table.page(dueUntil("hold", bucketOf(id, dueBuckets.hold), clock.now()), { limit: 10 });
  expect(items.map((d) => d.at)).toEqual([clock.now() - 5, clock.now()]);
});

test("a row by itself is written on the same conditions, and fails with the same problems", async () => {
  const team = aTeam({ free: 1 });
  await table.write(teams.create(team));
  await expect(table.write(teams.create(team))).rejects.toBeInstanceOf(Stale);
  const take = () =>
    table.write(
      teams
        .patch({ teamId: team.teamId })
        .add({ held: 1, free: -1 })
        .when("free", ">=", 1)
        .or((now) => (now?.free === 0 ? "TEAM_FULL" : "TEAM_NOT_FOUND")),
    );
  const results = await Promise.allSettled(Array.from({ length: 8 }, take));
  expect(results.filter((r) => r.status === "fulfilled")).toHaveLength(1);
  for (const r of results) if (r.status === "rejected") expect(r.reason).toMatchObject({ code: "TEAM_FULL" });
  const read = await table.load(teams, { teamId: team.teamId });
  expect(read).toMatchObject({ held: 1, free: 0, version: 2 });
  await table.write(teams.remove({ teamId: team.teamId }).asRead(read!));
  await expect(table.write(teams.remove({ teamId: team.teamId }))).rejects.toBeInstanceOf(Stale);
  await expect(table.write(teams.check({ teamId: team.teamId }))).rejects.toThrow("a check by itself");
});
