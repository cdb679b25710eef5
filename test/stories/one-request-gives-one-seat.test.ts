import { expect, test } from "vitest";
import { twinsOfOneRequest } from "../races/seats.ts";
import { openWorld, refusal } from "./world.ts";

const world = await openWorld({ concurrency: { Shop: 10, default: 4 } });
const { neighbour, neighbours, campaign, formedTeam, paidSeat, join, open, pay, rows, recount, platform, made, team } =
  world;
const { campaignId } = await campaign({ unitsPerStore: 40, perMemberLimit: 5, invitesRequired: 3 });

const seatsOf = async (memberId: string) => ((await rows()).get("Order") ?? []).filter((o) => o.memberId === memberId);
const leader = async (name: string) => formedTeam(await neighbour(name), campaignId);

test("opening, joining and leaving, asked again with the same key, answer the same bytes and do nothing twice", async () => {
  const [li, wang] = await neighbours("李", "王");
  const opened = await open(li!, campaignId, {}, "open-the-team-1");
  expect(opened.status).toBe(201);
  await pay(li!, opened.body);
  const { teamId } = opened.body;
  const joined = await join(wang!, teamId, {}, "join-the-team-1");
  expect(joined.status).toBe(201);
  await pay(wang!, joined.body);
  const left = await wang!.post(`/v1/orders/${joined.body.orderId}/departure`, undefined, "leave-the-team-1");
  expect(left.status).toBe(200);
  await platform.idle();

  const again = [
    { first: opened, second: await open(li!, campaignId, {}, "open-the-team-1") },
    { first: joined, second: await join(wang!, teamId, {}, "join-the-team-1") },
    {
      first: left,
      second: await wang!.post(`/v1/orders/${joined.body.orderId}/departure`, undefined, "leave-the-team-1"),
    },
  ];
  for (const { first, second } of again) {
    expect({ status: second.status, text: second.text }).toEqual({ status: first.status, text: first.text });
    expect(second.headers.get("idempotency-replayed")).toBe("true");
  }
  expect(await seatsOf(li!.memberId)).toHaveLength(1);
  expect(await seatsOf(wang!.memberId)).toHaveLength(1);
  expect((await world.book()).refunds).toHaveLength(1);

  expect(refusal(await join(wang!, teamId, { units: 2 }, "join-the-team-1"))).toEqual({
    status: 422,
    code: "IDEMPOTENCY_KEY_REUSED",
  });
  expect(refusal(await join(wang!, teamId, {}, "short"))).toEqual({ status: 400, code: "IDEMPOTENCY_KEY_MISSING" });
  await recount();
});

test("eight twins of one request, all under way at once, get one seat and one answer", async () => {
  expect(await twinsOfOneRequest(world, 2, 8)).toMatchObject({ rounds: 2, overlapped: 2 });
});

test("an answer lost before or after the commit of a join still gives exactly one seat", async () => {
  for (const kind of ["lost-answer-before", "lost-answer-after"] as const) {
    // once: the table's client asks again by itself; as often as it asks at all: the member asks again with the same key
    for (const times of [1, 3]) {
      const { teamId } = await leader(`团长 ${kind} ${times}`);
      const who = await neighbour(`邻居 ${kind} ${times}`);
      const key = `lost-answer-${kind}-${times}`;
      const fault = platform.gateway.fault({
        match: { action: "TransactWriteItems", function: "Shop", pkPrefix: `TEAM#${teamId}` },
        kind,
        times,
      });
      const first = await join(who, teamId, {}, key);
      expect(fault.hits).toBe(times);
      if (times === 1) expect(first.status).toBe(201);
      const second = await join(who, teamId, {}, key);
      expect(second.status).toBe(201);
      if (first.status === 201) expect(second.text).toBe(first.text);
      else expect(refusal(first)).toEqual({ status: 503, code: "TRY_AGAIN" });
      expect(await seatsOf(who.memberId)).toHaveLength(1);
      expect(await team(teamId)).toMatchObject({ paid: 1, remainingInvites: 2 });
    }
  }
  await recount();
});

test("a lost answer to the commit of the last payment still completes the team once", async () => {
  const { teamId } = await leader("吴");
  const [a, b, c] = await neighbours("吴1", "吴2", "吴3");
  await paidSeat(a!, teamId);
  await paidSeat(b!, teamId);
  const seat = await made(join(c!, teamId));
  const fault = platform.gateway.fault({
    match: { action: "TransactWriteItems", function: "Hooks", pkPrefix: `TEAM#${teamId}` },
    kind: "lost-answer-after",
    times: 3,
  });
  await world.payAtChannel(c!, seat.orderId);
  await platform.idle();
  expect(fault.hits).toBe(3);
  // where even the client's own retries got no answer, the channel tells again
  await world.pass(16_000);
  expect(await team(teamId)).toMatchObject({ state: "SUCCEEDED", paid: 4 });
  const succeeded = (await world.events("team.succeeded")).filter((event) => event.data.teamId === teamId);
  expect(succeeded).toHaveLength(1);
  await recount();
});
