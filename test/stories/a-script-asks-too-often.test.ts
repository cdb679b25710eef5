import { expect, test } from "vitest";
import { limits } from "../../functions/runtime/limits.ts";
import { meterDifference } from "../../local/meter.ts";
import { type Answer, openWorld, refusal } from "./world.ts";

const world = await openWorld({ concurrency: { Shop: 6, default: 3 } });
const { neighbour, neighbours, campaign, formedTeam, join, open, call, local, platform, pass, made, recount } = world;
const { minute } = world.times;
const { campaignId } = await campaign({ unitsPerStore: 40, perMemberLimit: 5 });

const limited = ({ status }: Answer) => status === 429;
/** Sends it so many times, ten at once. */
async function hammer(times: number, send: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  const one = async () => {
    while (times-- > 0) answers.push(await send());
  };
  await Promise.all(Array.from({ length: 10 }, one));
  return answers;
}

test("a script that joins a hundred times is told to wait, and nobody else is", async () => {
  const { teamId } = await formedTeam(await neighbour("团长"), campaignId);
  const { teamId: otherTeamId } = await formedTeam(await neighbour("另一位团长"), campaignId);
  const script = await neighbour("脚本");
  const others = await neighbours("邻居1", "邻居2", "邻居3");
  const [answers, ...meanwhile] = await Promise.all([
    hammer(100, () => join(script, teamId)),
    ...others.map((who) => join(who, otherTeamId)),
    ...others.map((who) => who.get(`/v1/teams/${teamId}`)),
  ]);
  expect(answers.filter(limited).length).toBeGreaterThanOrEqual(85);
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(meanwhile.map(({ status }) => status)).toEqual([201, 201, 201, 200, 200, 200]);
  for (const answer of answers.filter(limited)) {
    expect(refusal(answer)).toEqual({ status: 429, code: "TOO_MANY_REQUESTS" });
    const wait = Number(answer.headers.get("retry-after"));
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(limits.join.perMs / limits.join.burst / 1000);
  }
  // other things it may still do
  expect((await script.get(`/v1/teams/${teamId}`)).status).toBe(200);
  expect((await open(script, campaignId)).status).toBe(409);
  await recount();
});

test("who has to wait costs no write, who need not costs two units, and after the time told it goes on", async () => {
  const { teamId } = await formedTeam(await neighbour("三号团长"), campaignId);
  const script = await neighbour("三号脚本");
  const first = await join(script, teamId, {}, "the-first-one-of-three");
  expect(first.status).toBe(201);
  await hammer(30, () => join(script, teamId));
  await platform.idle();

  const before = platform.meter.snapshot();
  const answers = await hammer(20, () => join(script, teamId));
  const units = meterDifference(before, platform.meter.snapshot())
    .filter((row) => row.function === "Shop")
    .reduce((sum, row) => sum + row.writeUnits, 0);
  expect(answers.filter(limited).length).toBeGreaterThan(10);
  expect(units).toBe(2 * answers.filter((answer) => !limited(answer)).length);

  // the answer it has already is told as often as it likes
  const told = await hammer(20, () => join(script, teamId, {}, "the-first-one-of-three"));
  expect(told.map(({ status, text }) => `${status} ${text}`)).toEqual(told.map(() => `201 ${first.text}`));

  await hammer(5, () => join(script, teamId));
  const last = await join(script, teamId);
  expect(last.status).toBe(429);
  await pass(Number(last.headers.get("retry-after")) * 1000);
  expect((await join(script, teamId)).status).toBe(409);
  await pass(minute);
  expect((await hammer(limits.join.burst, () => join(script, teamId))).filter(limited)).toEqual([]);
});

test("signing in, opening, paying and asking for the pickup code have their limits too, each member his own", async () => {
  const [li, wang] = await neighbours("李", "王");
  const seat = await made(open(li!, campaignId));
  const codes = await Promise.all(
    Array.from({ length: 2 * limits.login.burst }, () => local("wechat/login-code", { user: "王" })),
  );
  const sent: Record<Exclude<keyof typeof limits, "join">, () => Promise<Answer>> = {
    login: () => call("POST", "/v1/login", undefined, { code: codes.pop().code }),
    open: () => open(wang!, campaignId, { storeId: `ST${"0".repeat(24)}` }),
    order: () =>
      wang!.post("/v1/orders", { lines: [{ articleId: `AR${"0".repeat(24)}`, units: 1 }], place: world.here }),
    pay: () => li!.post(`/v1/orders/${seat.orderId}/payment`),
    post: () => wang!.post(`/v1/communities/CM${"0".repeat(24)}/posts`, { kind: "text", text: "好" }),
    comment: () => wang!.post(`/v1/posts/PS${"0".repeat(24)}/comments`, { text: "好" }),
    pickupCode: () => li!.post(`/v1/orders/${seat.orderId}/pickup-code`),
    evidence: () => li!.post(`/v1/orders/${seat.orderId}/evidence`, { contentType: "image/jpeg" }),
  };
  for (const [name, send] of Object.entries(sent)) {
    const { burst } = limits[name as keyof typeof limits];
    const answers = await hammer(2 * burst, send);
    const passed = answers.filter((answer) => !limited(answer));
    expect({ name, passed: passed.length >= burst - 1, limited: 2 * burst - passed.length > burst / 2 }).toEqual({
      name,
      passed: true,
      limited: true,
    });
    expect(answers.filter(limited).map((answer) => answer.body.code)).toEqual(
      answers.filter(limited).map(() => "TOO_MANY_REQUESTS"),
    );
  }
  expect((await neighbour("刚来的")).memberId).toMatch(/^MB/);
  expect((await open(li!, campaignId)).status).toBe(409);
});
