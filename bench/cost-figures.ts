import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { synthesize } from "../infra/synth.ts";
import { catalogue } from "../local/demo/catalogue.ts";
import { createMoves, type Seat } from "../local/demo/group-buy.ts";
import { createClient, type Member } from "../local/demo/http-client.ts";
import { hireClerk, openStores } from "../local/demo/seed.ts";
import { places } from "../local/location.ts";
import type { Use } from "../local/parts.ts";
import { type Platform, startPlatform } from "../local/platform.ts";
import { day, hour, minute, startOfDay } from "../shared/kernel/time.ts";
import prices from "./aws-prices.json" with { type: "json" };
import type { Bench } from "./bench.ts";

type Priced = keyof typeof prices.perRequest;
type Used = Record<Priced, number>;

const teams = 50;
/** One team in five lacks its last seat at the deadline. */
const failsEvery = 5;
const size = 4;
/** Of a hundred routings so many come from what was decided for the block before. */
const fromCache = 95;
const durationMinutes = 120;
const tracedEvery = 20;
const anything = z.unknown();
const sites = places.filter(({ store }) => store);

/**
 * `cost.per_1000_orders_usd`: what the services bill for a thousand orders of teams of four: each member signs in, sees the list and
 * the campaign, comes by the leader's link, joins, pays, looks at the order and once at the team, and in the end collects and reads
 * the inbox, or is refunded, as one team in five fails; metered on the embedded default and priced
 * by `aws-prices.json`. `cost.fixed_usd_per_month`: what is there without a single order, jobs of every minute among it. How long
 * a function ran is this machine's time, of requests one after the other.
 */
export async function costFigures(bench: Bench): Promise<void> {
  const uses: Use[] = [];
  const platform = await startPlatform({
    dataDir: bench.folder("cost"),
    startAt: startOfDay(Date.now()) + 10 * hour,
    progress: bench.progress,
    observe: (use) => void uses.push(use),
  });
  bench.atEnd(platform.stop);
  const memoryGb = new Map(
    platform.template
      .byType("AWS::Lambda::Function")
      .map(({ id, properties }) => [id, Number(properties.MemorySize) / 1024]),
  );
  const { username, password } = z
    .object({ username: z.string(), password: z.string() })
    .parse(JSON.parse(readFileSync(platform.cognito.adminFile, "utf8")));
  const client = createClient(platform.url);
  const admin = client.staff(username, password);
  const moves = createMoves(client, admin);

  const stores = await openStores(admin);
  const { articleId } = await admin.post("/ops/v1/articles", catalogue[0]!, z.object({ articleId: z.string() }));
  const units = bench.few(teams) * size;
  for (const storeId of stores.values())
    await admin.post(
      `/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`,
      { delta: units, reason: "到货" },
      anything,
    );
  const allotments = [...stores.values()].map((storeId) => ({ storeId, units }));
  const { campaignId } = await moves.publish({
    name: "邻里团",
    articleId,
    durationMinutes,
    invitesRequired: size - 1,
    allotments,
  });
  const clerks = new Map<string, Awaited<ReturnType<typeof hireClerk>>>();
  for (const [name, storeId] of stores) clerks.set(storeId, await hireClerk(client, admin, `clerk-${name}`, storeId));
  await platform.idle();

  // members who have been here before: signing up is no part of an order
  const nameOf = (team: number, place: number) => `邻居${team}-${place}`;
  for (let i = 0; i < bench.few(teams); i++) for (let j = 0; j < size; j++) await client.member(nameOf(i, j));

  const meter = usageOf(platform, uses, memoryGb);
  meter.take();
  const fixed = await idleMinutes(platform, 10, meter, join(bench.folder("prod"), "out"));

  let routed = 0;
  let blocks = 0;
  /** A block that was routed before, but for every twentieth: that is a new one. */
  const place = () => {
    if (routed++ % (100 / (100 - fromCache)) === 0) blocks++;
    const site = sites[blocks % sites.length]!;
    return { place: { lat: site.lat + Math.floor(blocks / sites.length) * 0.002, lng: site.lng, datum: "wgs84" } };
  };
  const looksAround = async (member: Member) => {
    await member.get("/v1/campaigns?limit=20", anything);
    await member.get(`/v1/campaigns/${campaignId}`, anything);
  };
  const pays = async (seat: Seat) => {
    await moves.pay(seat);
    await platform.idle();
    await moves.order(seat);
    await moves.teamChanges(seat.member, seat.teamId, "0");
  };
  const seats: Seat[] = [];
  const failed: Seat[] = [];
  const count = bench.few(teams);
  const out = countAnswers();
  for (let i = 0; i < count; i++) {
    const fails = i % failsEvery === failsEvery - 1;
    const team: Seat[] = [];
    let token = "";
    for (let j = 0; j < (fails ? size - 1 : size); j++) {
      const member = await client.member(nameOf(i, j));
      await looksAround(member);
      const [lead] = team;
      const seat = lead
        ? await moves.join(member, lead.teamId, token, place())
        : await moves.open(member, campaignId, place());
      await pays(seat);
      if (!lead) ({ token } = await moves.share(member, seat.teamId));
      team.push(seat);
    }
    (fails ? failed : seats).push(...team);
    if (i % 10 === 9) bench.progress(`cost: ${i + 1} of ${count} teams`);
  }
  await moves.advance((durationMinutes + 5) * minute);
  await platform.idle();
  for (let i = 0; i < 6; i++) {
    await moves.advance(minute);
    await platform.idle();
  }
  for (const seat of failed) await moves.order(seat);
  await moves.advance(6 * hour);
  for (const seat of seats) {
    const { code } = await seat.member.post(
      `/v1/orders/${seat.orderId}/pickup-code`,
      undefined,
      z.object({ code: z.string() }),
    );
    await clerks.get(seat.storeId)!.post(`/ops/v1/stores/${seat.storeId}/pickups`, { code }, anything);
    await platform.idle();
    await seat.member.get("/v1/inbox", anything);
  }
  const orders = seats.length + failed.length;
  const used = meter.take();
  used["cloudfront.out"] = out.stop();
  const transitions = (machine: string, executions: number) =>
    executions === 0 ? 0 : meter.transitions(machine) / executions;
  const parts = pricesOf(used, 1000 / orders);
  const value = parts.reduce((sum, [, usd]) => sum + usd, 0);
  const asked = meter.asked();
  bench.tell({
    figure: "cost.per_1000_orders_usd",
    value,
    unit: "USD",
    orders,
    teams: count,
    failed_teams: Math.floor(count / failsEvery),
    from_known_blocks: 1 - blocks / routed,
    roads_asked_of_new_blocks: asked / blocks,
    if_roads_were_asked_of_each: bench.rounded(
      value +
        ((blocks - asked) / orders) *
          1000 *
          (prices.perRequest["location.matrix"].usd / prices.perRequest["location.matrix"].per),
    ),
    transitions_a_team: transitions("GroupDeadline", count),
    transitions_a_refund: transitions("Refund", failed.length),
    ...Object.fromEntries(parts.filter(([, usd]) => usd > 0).map(([name, usd]) => [name, bench.rounded(usd)])),
  });
  bench.tell({ figure: "cost.fixed_usd_per_month", value: fixed.usd, unit: "USD", ...fixed.parts });
  await platform.stop();
}

/** What was used since the last look, priced units by name; what jobs of the clock use is left out of `take`. */
function usageOf(platform: Platform, uses: Use[], memoryGb: Map<string, number>) {
  const byClock = (label: string) => label.startsWith("schedule ");
  const units = (wanted: boolean) =>
    platform.meter
      .snapshot()
      .filter(({ label }) => byClock(label) === wanted)
      .reduce((sum, row) => ({ read: sum.read + row.readUnits, write: sum.write + row.writeUnits }), {
        read: 0,
        write: 0,
      });
  let before = { orders: units(false), clock: units(true) };
  let entered: Use[] = [];
  let ways = 0;
  const takeOf = (ofClock: boolean): Used => {
    const now = units(ofClock);
    const then = ofClock ? before.clock : before.orders;
    const mine = uses.filter(
      (use) => use.kind === "transition" || use.kind === "log" || byClock(use.label) === ofClock,
    );
    const invocations = mine.filter((use) => use.kind === "invocation");
    const requests = invocations.filter((use) => ["Shop", "Ops", "Hooks", "Site"].includes(use.function)).length;
    const calls = (service: string, action?: string) =>
      mine.filter(
        (use) => use.kind === "call" && use.service === service && (action === undefined || use.action === action),
      );
    const cells = calls("geo", "CalculateRouteMatrix").reduce(
      (sum, use) => sum + (use.kind === "call" ? (use.json.DestinationPositions as unknown[]).length : 0),
      0,
    );
    return {
      "dynamodb.write": now.write - then.write,
      "dynamodb.read": now.read - then.read,
      "lambda.requests": invocations.length,
      "lambda.gb_s": invocations.reduce(
        (sum, use) => sum + (Math.ceil(use.ms) / 1000) * memoryGb.get(use.function)!,
        0,
      ),
      http_api: requests,
      cloudfront: requests,
      "cloudfront.out": 0,
      waf: requests,
      states: ofClock ? 0 : mine.filter((use) => use.kind === "transition").length,
      "location.matrix": cells,
      "location.geocode": calls("geo", "SearchPlaceIndexForText").length,
      kms: calls("kms").length,
      secrets: calls("secretsmanager").length,
      // with its time stamp and id a line takes some sixty bytes more
      logs: ofClock ? 0 : mine.reduce((sum, use) => sum + (use.kind === "log" ? use.bytes + 60 : 0), 0),
      xray: invocations.length / tracedEvery,
    };
  };
  return {
    take(): Used {
      const used = takeOf(false);
      entered = uses.filter((use) => use.kind === "transition");
      ways = uses.filter((use) => use.kind === "call" && use.action === "CalculateRouteMatrix").length;
      before = { orders: units(false), clock: units(true) };
      uses.length = 0;
      return used;
    },
    takeOfClock: () => takeOf(true),
    transitions: (machine: string) =>
      entered.filter((use) => use.kind === "transition" && use.machine.startsWith(machine)).length,
    /** How often the roads were asked for. */
    asked: () => ways,
  };
}

const pricesOf = (used: Used, factor: number): [Priced, number][] =>
  (Object.keys(prices.perRequest) as Priced[]).map((name) => {
    const { usd, per } = prices.perRequest[name];
    return [name, (used[name] * factor * usd) / per];
  });

/** What stands in the bill without an order: resources of the two stacks, and the jobs of every minute. */
async function idleMinutes(platform: Platform, minutes: number, meter: ReturnType<typeof usageOf>, folder: string) {
  for (let i = 0; i < minutes; i++) {
    platform.clock.advance(minute);
    await platform.idle();
  }
  const used = meter.takeOfClock();
  const factor = (30 * day) / minute / minutes;
  const parts: Record<string, number> = {};
  const add = (name: string, usd: number) => {
    parts[name] = Math.round(((parts[name] ?? 0) + usd) * 100) / 100;
  };
  for (const [name, usd] of pricesOf(used, factor)) if (usd > 0) add(`jobs.${name}`, usd);
  const { usd, per } = prices.perMonth.scheduler;
  add("jobs.scheduler", (used["lambda.requests"] * factor * usd) / per);
  for (const [name, usd] of await standing(folder)) add(name, usd);
  meter.take();
  return { usd: Object.values(parts).reduce((sum, part) => sum + part, 0), parts };
}

/** What the two stacks of `prod` cost by being there; metrics as if each were written every hour. */
async function standing(folder: string): Promise<[string, number][]> {
  const own = { publicUrl: "https://shop.example", certificateArn: "arn:aws:acm:us-east-1:000000000000:certificate/0" };
  await synthesize({ stage: "prod", outDir: folder, ...own });
  const resources = readdirSync(folder)
    .filter((file) => file.endsWith(".template.json"))
    .flatMap((file) => Object.values(template.parse(JSON.parse(readFileSync(join(folder, file), "utf8"))).Resources));
  const rules = resources.reduce((sum, { Properties }) => sum + (Properties?.Rules?.length ?? 0), 0);
  return [
    ...resources.flatMap(({ Type }): [string, number][] =>
      Object.hasOwn(prices.perMonth.resources, Type)
        ? [[Type, prices.perMonth.resources[Type as keyof typeof prices.perMonth.resources]]]
        : [],
    ),
    ["rules of AWS::WAFv2::WebACL", rules * prices.perMonth.wafRule],
  ];
}
const template = z.object({
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Properties: z.object({ Rules: z.array(z.unknown()).optional().catch(undefined) }).optional(),
    }),
  ),
});

/** Bytes of the answers that `fetch` gets from now on, headers reckoned at half a kB each. */
function countAnswers(): { stop(): number } {
  const real = globalThis.fetch;
  let bytes = 0;
  globalThis.fetch = async (...request) => {
    const response = await real(...request);
    bytes += Number(response.headers.get("content-length") ?? 0) + 500;
    return response;
  };
  return {
    stop() {
      globalThis.fetch = real;
      return bytes;
    },
  };
}
