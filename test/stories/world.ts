import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, paginateScan } from "@aws-sdk/lib-dynamodb";
import { afterAll, expect, inject } from "vitest";
import { dynamoTable } from "../../functions/adapters/dynamo/table.ts";
import { systemEnv } from "../../functions/runtime/env.ts";
import { LOCAL_CREDENTIALS } from "../../local/engine.ts";
import { type Platform, type PlatformOptions, startPlatform } from "../../local/platform.ts";
import { type Facts, readFacts } from "../../local/recount/facts.ts";
import { REGION, tableDefinition } from "../../local/template.ts";
import type { Claim, RecallCompensation } from "../../shared/aftersale/index.ts";
import type { Commission, CommissionAccount } from "../../shared/commission/index.ts";
import type { CouponGrant } from "../../shared/coupon/index.ts";
import type { Allotment, Campaign, Team } from "../../shared/groupbuy/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import { allocate } from "../../shared/kernel/money.ts";
import { day, hour, minute, toIso } from "../../shared/kernel/time.ts";
import type { DayBook, LedgerAccount, LedgerCursor, StoreDay, Transfer } from "../../shared/ledger/index.ts";
import type { Order } from "../../shared/order/index.ts";
import type { Refund } from "../../shared/payment/index.ts";
import type { Payout, ProfitShare } from "../../shared/payout/index.ts";
import type { PurchaseLine, RecallBuyer } from "../../shared/supply/index.ts";
import type { Due } from "../../shared/table/rows.ts";

/** See `recount`. Told from the rows alone, without the rules that wrote them. */
function recountBatch(team: Team, seats: readonly Order[], refunds: readonly Refund[]): void {
  const { teamId, frozen } = team;
  const paid = seats.filter((o) => o.disposition === "SEATED" && o.leftAt === undefined);
  expect({ teamId, paidUnits: team.paidUnits }).toEqual({
    teamId,
    paidUnits: paid.reduce((sum, o) => sum + (o.wantedUnits ?? Number.NaN), 0),
  });
  if (team.state !== "SUCCEEDED") return;
  const { minUnits, casePack = 1, tiers } = team.terms.batch!;
  const reached = tiers.filter((tier) => tier.fromUnits <= team.paidUnits!);
  const natural = team.outcome === "natural";
  expect({ teamId, ...frozen, split: 0 }).toEqual({
    teamId,
    units: team.paidUnits,
    unitFen: natural ? Math.min(...reached.map((tier) => tier.unitFen)) : tiers[0]!.unitFen,
    split: 0,
  });
  // below its minimum somebody bears the difference
  expect(frozen!.units >= minUnits).toBe(natural);
  let bought = 0;
  for (const o of paid) {
    const back = refunds.filter((r) => r.orderId === o.orderId);
    const because = (...causes: Refund["cause"][]) => back.filter(({ cause }) => causes.includes(cause));
    const arrival = because("short_arrival", "late_arrival");
    const lackedFen = o.packedAt === undefined ? 0 : o.units * frozen!.unitFen - o.lines[0]!.amountFen;
    const promised = (o.discounts ?? []).reduce((sum, { faceFen }) => sum + faceFen, 0);
    const off = (units: number, unitFen: number) => Math.min(promised, (unitFen - (o.floorFen ?? 0)) * units);
    // all units at a lower price, whose discounts the floor cuts further: settled, and nothing goes back
    const asPaid =
      o.refundId === undefined &&
      o.units === o.upToUnits &&
      o.payableFen === o.units * frozen!.unitFen - off(o.units, frozen!.unitFen);
    const settledBack = o.settledAt && !asPaid ? 1 : 0;
    const compensated = because("compensation").length;
    expect({
      orderId: o.orderId,
      refunds: back.length,
      settled: because("settled_difference").length,
      weighed: because("weight_difference").map((r) => r.refundFen),
      short: because("short_arrival").length,
    }).toEqual({
      orderId: o.orderId,
      refunds: settledBack + arrival.length + (lackedFen > 0 ? 1 : 0) + compensated,
      weighed: lackedFen > 0 ? [lackedFen] : [],
      settled: settledBack,
      short: o.shortAt ? 1 : 0,
    });
    expect(arrival.length).toBeLessThanOrEqual(1);
    const backFen = back.reduce((sum, r) => sum + r.refundFen, 0);
    const given = (o.discounts ?? []).reduce((sum, { amountFen }) => sum + amountFen, 0);
    const served = o.refundId === undefined ? o.units : 0;
    // bought for it at the cut-off, whatever came of it since; who is served from elsewhere takes no part
    bought += served + arrival.reduce((sum, r) => sum + r.refundFen, 0) / frozen!.unitFen;
    const keptFen = served === 0 ? 0 : o.lines.reduce((sum, line) => sum + line.amountFen, 0) - given;
    expect({ orderId: o.orderId, keptFen, captured: keptFen + backFen }).toEqual({
      orderId: o.orderId,
      keptFen: served * frozen!.unitFen - off(served, frozen!.unitFen) - lackedFen,
      captured: o.payableFen,
    });
    const first = tiers[0]!.unitFen;
    expect(o.payableFen).toBe(o.upToUnits! * first - off(o.upToUnits!, first));
    expect(served).toBeLessThanOrEqual(o.upToUnits!);
  }
  expect(bought % casePack).toBe(0);
}

/** The books of each closed day, its accounts and stores, hold exactly the lines that were booked on it; nothing else has any. */
function recountBooks(of: <T>(entity: string) => T[]): void {
  const lines = of<Transfer>("Transfer");
  const closed = of<DayBook>("DayBook").map((book) => book.day);
  const [first] = closed.sort();
  const since = of<LedgerCursor>("LedgerCursor")[0];
  expect({ since: since?.since, closedUntil: since?.closedUntil }).toEqual({
    since: first,
    closedUntil: closed.at(-1),
  });
  const inBooks = lines.filter((line) => closed.includes(line.bookedOn));
  if (first) expect(lines.filter((line) => line.bookedOn < first)).toEqual([]);
  const fen = (some: Transfer[]) => some.reduce((sum, line) => sum + line.amountFen, 0);
  const sums = (some: Transfer[]) =>
    Object.fromEntries(
      [...Map.groupBy(some, (line) => line.kind)].map(([kind, ofKind]) => [
        kind,
        { lines: ofKind.length, amountFen: fen(ofKind) },
      ]),
    );
  for (const book of of<DayBook>("DayBook")) {
    const mine = inBooks.filter((line) => line.bookedOn === book.day);
    expect({ ...book, closedAt: 0 }).toMatchObject({ bookings: sums(mine), lines: mine.length, amountFen: fen(mine) });
  }
  const stores = Map.groupBy(
    inBooks.filter((line) => line.storeId !== undefined),
    (line) => `${line.bookedOn} ${line.storeId}`,
  );
  expect(
    Object.fromEntries(of<StoreDay>("StoreDay").map((one) => [`${one.day} ${one.storeId}`, one.bookings])),
  ).toEqual(Object.fromEntries([...stores].map(([key, mine]) => [key, sums(mine)])));
  const accountOf = (name: string) => (name.startsWith("order:") ? "orders" : name);
  const balances = new Map<string, number>();
  for (const line of inBooks) {
    const [debit, credit] = [accountOf(line.debit), accountOf(line.credit)];
    balances.set(debit, (balances.get(debit) ?? 0) + line.amountFen);
    balances.set(credit, (balances.get(credit) ?? 0) - line.amountFen);
  }
  const told = of<LedgerAccount>("LedgerAccount").map((one) => [one.account, one.balanceFen] as const);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(balances));
}

/** What leaders and KOC earned, had taken back and were paid, by the ledger, by the rows, and by the channel's own book. */
function recountCommissions(of: <T>(entity: string) => T[], transfers: Any[], shares: Any[]): void {
  const orders = new Map(of<Order>("Order").map((o) => [o.orderId, o]));
  const earned = of<Commission>("Commission");
  for (const one of earned) {
    const order = orders.get(one.orderId)!;
    const kept = order.payableFen - (order.refundedFen ?? 0);
    const owed = Math.floor((2 * kept * one.bps + 10_000) / 20_000);
    expect({ orderId: one.orderId, left: one.amountFen - one.returnedFen }).toEqual({
      orderId: one.orderId,
      left: owed,
    });
    expect(one.state === "RETURNED").toBe(owed === 0);
    expect(one.memberId).not.toBe(order.memberId);
  }
  const payouts = of<Payout>("Payout");
  const fen = <T>(list: T[], amount: (one: T) => number) => list.reduce((sum, one) => sum + amount(one), 0);
  for (const account of of<CommissionAccount>("CommissionAccount")) {
    const { memberId, frozenFen, availableFen, pendingFen, paidFen } = account;
    const mine = earned.filter((one) => one.memberId === memberId);
    const paid = payouts.filter((one) => one.memberId === memberId);
    const shared = of<ProfitShare>("ProfitShare").flatMap(({ receivers }) =>
      receivers.filter((one) => one.memberId === memberId),
    );
    const name = `member:${memberId}`;
    const lines = of<Transfer>("Transfer").filter((line) => line.party === name);
    const left = (one: Commission) => one.amountFen - one.returnedFen;
    expect({ memberId, frozenFen, pendingFen, paidFen, owedFen: frozenFen + availableFen + pendingFen }).toEqual({
      memberId,
      frozenFen: fen(mine, (one) => (one.state === "FROZEN" ? left(one) : 0)),
      pendingFen:
        fen(paid, (one) => (["REQUESTED", "UNKNOWN", "ACCEPTED"].includes(one.state) ? one.amountFen : 0)) +
        fen(shared, (one) => (one.state === "PENDING" ? one.amountFen : 0)),
      paidFen:
        fen(paid, (one) => (one.state === "PAID" ? one.amountFen : 0)) +
        fen(shared, (one) => (one.state === "PAID" ? one.amountFen : 0)),
      owedFen: fen(lines, (line) => (line.credit === name ? line.amountFen : -line.amountFen)),
    });
  }
  const numbers = (list: string[]) => list.sort();
  expect(
    numbers(
      of<Transfer>("Transfer")
        .filter(({ kind }) => kind === "payout")
        .map((line) => `${line.reference.split("#")[0]} ${line.amountFen}`),
    ),
  ).toEqual(
    numbers([
      ...transfers.filter(({ state }) => state === "SUCCESS").map((t) => `${t.payoutNo} ${t.amountFen}`),
      ...shares.flatMap(({ shareNo, state, receivers }) =>
        state === "FINISHED"
          ? receivers
              .filter(({ type, result }: Any) => type === "PERSONAL_OPENID" && result === "SUCCESS")
              .map(({ amountFen }: Any) => `${shareNo} ${amountFen}`)
          : [],
      ),
    ]),
  );
}

/** Each claim that was paid first was paid once, out of the chain's advance and its payer's float; what somebody bears is back, once. */
function recountClaims(of: <T>(entity: string) => T[], entries: (kind: Transfer["kind"]) => Transfer[]): void {
  const paid = of<Claim>("Claim").flatMap(({ orderId, state, paid: one, recovery, lines, photos }) => {
    expect(lines.length * photos.length).toBeGreaterThan(0);
    expect({ state, paid: one !== undefined, borne: recovery !== undefined }).toEqual({
      state,
      paid: state === "PAID_FIRST" || state === "DECIDED",
      borne: state === "DECIDED",
    });
    return one ? [{ ...one, line: `${orderId} ${one.refundId} ${one.amountFen}`, account: recovery?.account }] : [];
  });
  const asLines = (some: Transfer[]) => some.map((l) => `${l.subject} ${l.reference} ${l.amountFen}`).sort();
  const advanced = entries("compensation").filter(({ debit }) => debit === "platform:advance");
  expect(asLines(advanced)).toEqual(paid.map(({ line }) => line).sort());
  expect(
    entries("recovery")
      .map((l) => `${l.subject} ${l.reference} ${l.amountFen} ${l.debit}`)
      .sort(),
  ).toEqual(paid.flatMap(({ line, account }) => (account === undefined ? [] : [`${line} ${account}`])).sort());
  const byFloat = Map.groupBy(paid, ({ float, at }) => `${float} ${toIso(at).slice(0, 10)}`);
  expect(
    of<{ payer: string; day: string; spentFen: number }>("FloatDay")
      .map((one) => `${one.payer} ${one.day} ${one.spentFen}`)
      .sort(),
  ).toEqual([...byFloat].map(([key, some]) => `${key} ${some.reduce((sum, one) => sum + one.amountFen, 0)}`).sort());
}

/** Of the buyers of what was called back those were given something whose orders have its refund, and the counts say so. */
function recountRecalls(of: <T>(entity: string) => T[], paidFirst: Refund[]): void {
  const buyers = Map.groupBy(of<RecallBuyer>("RecallBuyer"), ({ recallId }) => recallId);
  for (const { recallId, given, givenFen, passed, doneAt } of of<RecallCompensation>("RecallCompensation")) {
    const all = buyers.get(recallId) ?? [];
    const got = all.filter(({ outcome }) => outcome?.givenFen !== undefined);
    expect({ recallId, given, givenFen, passed }).toEqual({
      recallId,
      given: got.length,
      givenFen: got.reduce((sum, { outcome }) => sum + outcome!.givenFen!, 0),
      passed: all.filter(({ outcome }) => outcome?.passed !== undefined).length,
    });
    if (doneAt !== undefined) expect(all.filter(({ outcome, toldAt }) => !outcome && toldAt < doneAt)).toEqual([]);
    for (const { orderId, outcome } of got)
      expect(paidFirst.filter((r) => r.orderId === orderId).map((r) => r.refundFen)).toContain(outcome!.givenFen);
  }
}

/** Monday 23 November 2026, 10:00 in Shanghai: every shop is open. */
const MONDAY_TEN = Date.UTC(2026, 10, 23, 2);
/** People's Square; stores stand along a line eastwards from it. */
const HERE = { lat: 31.2304, lng: 121.4737, datum: "wgs84" } as const;

/** Where and how a world's platform is started; `port` 0 takes a free one. */
export interface Place {
  dataDir: string;
  port: number;
  startAt: number;
  assembly: string;
  log(line: string): void;
}
/** What a story asks of its platform in any case, in this process or in one of its own. */
export interface WorldPlatform extends Pick<Platform, "url" | "template" | "idle" | "stop"> {
  clock: Pick<Platform["clock"], "now" | "advance">;
  engine: Pick<Platform["engine"], "endpoint">;
  cognito: Pick<Platform["cognito"], "adminFile"> & {
    createUser(user: { username: string; password: string }): { sub: string } | Promise<{ sub: string }>;
    signIn(username: string, password: string): Promise<{ access_token: string } | undefined>;
  };
}
interface WorldSize {
  stores?: number;
  /** Of each article, in each store. */
  unitsPerStore?: number;
}
export type World = Awaited<ReturnType<typeof openWorld>>;

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  text: string;
  body: T;
}
type Json = Record<string, unknown>;
// Answers are checked by what a story expects of them, not by types.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Any = any;

/** A refusal as a client reads it: status, stable code, and the facts where there are some. */
export const refusal = ({ status, body }: Answer<Any>): Json => ({
  status,
  code: body?.code,
  ...(body?.facts && { facts: body.facts }),
});

/** Sends a picture by the form that the API gave out for it; answers the status, and S3's code of a refusal. */
export async function sendPicture(
  { url, fields }: { url: string; fields: Record<string, string> },
  picture: Uint8Array<ArrayBuffer> | string = "a picture",
): Promise<{ status: number; code?: string | undefined }> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", new Blob([picture]), "photo");
  const answer = await fetch(url, { method: "POST", body: form });
  const code = /<Code>(\w+)</.exec(await answer.text())?.[1];
  return { status: answer.status, ...(code && { code }) };
}

/** Somebody who calls the API. */
export interface Caller {
  get(path: string): Promise<Answer<Any>>;
  /** A POST with a fresh Idempotency-Key unless one is given. */
  post(path: string, body?: Json, key?: string): Promise<Answer<Any>>;
  put(path: string, body: Json): Promise<Answer<Any>>;
  /** A POST of a CSV file, which is applied. */
  upload(path: string, csv: string): Promise<Answer<Any>>;
  delete(path: string): Promise<Answer<Any>>;
}
export interface Neighbour extends Caller {
  name: string;
  memberId: string;
}
export interface Seat {
  orderId: string;
  teamId: string;
  campaignId: string;
  payableFen: number;
  storeId: string;
  holdUntil: string;
}

/**
 * The embedded default with two stores, an article at ¥10.00 and an admin, in a folder of its own, ended with the test file.
 * Everything in it happens over HTTP; only the recount looks into the table.
 */
export function openWorld(options: Partial<PlatformOptions> & WorldSize = {}) {
  return openWorldOn((place) => startPlatform({ ...place, ...options }), options);
}

/** The same on a platform that `launch` starts, and starts again on the same place. */
export async function openWorldOn<P extends WorldPlatform>(
  launch: (place: Place) => Promise<P>,
  { stores = 2, unitsPerStore = 100 }: WorldSize = {},
) {
  const dataDir = mkdtempSync(join(tmpdir(), "commensal-story-"));
  const lines: string[] = [];
  const start = (port = 0) =>
    launch({
      dataDir,
      port,
      startAt: MONDAY_TEN,
      assembly: inject("assembly"),
      log: (line) => lines.push(line),
    });
  let platform = await start();
  afterAll(async () => {
    await platform.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const again = async (meanwhile: (dataDir: string) => Promise<void>) => {
    await platform.stop();
    try {
      await meanwhile(dataDir);
    } finally {
      // the same address: it is part of what was told to the channel
      platform = await start(Number(new URL(platform.url).port));
    }
    return platform;
  };
  try {
    return await prepare(platform, again, lines, { stores, unitsPerStore, dataDir });
  } catch (error) {
    // afterAll does not run for a file that failed before its first test
    await platform.stop();
    rmSync(dataDir, { recursive: true, force: true });
    throw new Error(`The world could not be opened: ${error}\n${lines.slice(-20).join("\n")}`, { cause: error });
  }
}

async function prepare<P extends WorldPlatform>(
  first: P,
  again: (meanwhile: (dataDir: string) => Promise<void>) => Promise<P>,
  lines: string[],
  size: Required<WorldSize> & { dataDir: string },
) {
  let platform = first;
  let url = platform.url;
  let keys = 0;
  const call = async (
    method: string,
    path: string,
    token?: string,
    body?: Json | string,
    key?: string,
  ): Promise<Answer<Any>> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && { "content-type": typeof body === "string" ? "text/csv" : "application/json" }),
        ...(method === "POST" && { "idempotency-key": key ?? `story-${platform.clock.now()}-${++keys}` }),
      },
      ...(body && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = text !== "" && (response.headers.get("content-type") ?? "").includes("json");
    return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined };
  };
  const caller = (token: () => Promise<string> | string): Caller => ({
    get: async (path) => call("GET", path, await token()),
    post: async (path, body, key) => call("POST", path, await token(), body, key),
    upload: async (path, csv) => call("POST", path, await token(), csv),
    put: async (path, body) => call("PUT", path, await token(), body),
    delete: async (path) => call("DELETE", path, await token()),
  });

  /** A knob of the embedded default: `local("wechat/pay", {...})`. */
  const local = async (path: string, body?: Json): Promise<Any> => {
    const answer = await call(body ? "POST" : "GET", `/_local/${path}`, undefined, body);
    if (answer.status >= 300) throw new Error(`/_local/${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  };

  /** Tokens last minutes and stories leap over days: each call signs in anew when its token has run out. */
  const renewed = (signIn: () => Promise<string>, lifetimeMs: number) => {
    let kept: { token: string; until: number } | undefined;
    return async () => {
      if (!kept || platform.clock.now() >= kept.until)
        kept = { token: await signIn(), until: platform.clock.now() + lifetimeMs };
      return kept.token;
    };
  };
  const staffToken = (username: string, password: string) =>
    renewed(async () => {
      const signedIn = await platform.cognito.signIn(username, password);
      if (!signedIn) throw new Error(`${username} can't sign in`);
      return signedIn.access_token;
    }, 50 * minute);

  const admin = JSON.parse((await import("node:fs")).readFileSync(platform.cognito.adminFile, "utf8")) as {
    username: string;
    password: string;
  };
  const ops = caller(staffToken(admin.username, admin.password));
  const made = async (answer: Promise<Answer<Any>>): Promise<Any> => {
    const { status, body, text } = await answer;
    if (status >= 300) throw new Error(`${status} ${text}`);
    return body;
  };

  const everyDay = Array.from({ length: 7 }, (_, weekday) => ({ weekday, opens: 7 * 60, closes: 22 * 60 }));
  const stores: string[] = [];
  const openStore = async (point: { lat: number; lng: number }): Promise<string> => {
    const i = stores.length + 1;
    const store = await made(
      ops.post("/ops/v1/stores", {
        name: `鲜邻${i}号店`,
        address: `上海市黄浦区人民大道${i}号`,
        point: { ...HERE, ...point },
        radiusM: 5000,
        hours: everyDay,
      }),
    );
    stores.push(store.storeId);
    return store.storeId;
  };
  for (let i = 0; i < size.stores; i++) await openStore({ lat: HERE.lat, lng: HERE.lng + i * 0.008 });
  const stockUp = (storeId: string, articleId: string) =>
    made(
      ops.post(`/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, {
        delta: size.unitsPerStore,
        reason: "到货",
      }),
    );
  /** One more article, which every store has. */
  const newArticle = async (more: Json): Promise<{ articleId: string }> => {
    const facts = {
      name: "本地有机青菜",
      category: "蔬菜",
      unit: "500g",
      priceFen: 1000,
      costFen: 500,
      perishable: true,
      sale: { by: "piece" },
    };
    const added = await made(ops.post("/ops/v1/articles", { ...facts, ...more }));
    for (const storeId of stores) await stockUp(storeId, added.articleId);
    return added;
  };
  const article = await newArticle({});
  /** One more store, with the article in stock; campaigns from here on give it its units too. */
  const newStore = async (point: { lat: number; lng: number }): Promise<string> => {
    const storeId = await openStore(point);
    await stockUp(storeId, article.articleId);
    return storeId;
  };

  /** Somebody with a role, at the stores named. */
  const staff = async (
    name: string,
    roles: string[],
    storeIds: string[] = [],
  ): Promise<Caller & { staffId: string }> => {
    const { sub } = await platform.cognito.createUser({ username: name, password: `${name}-Passw0rd!` });
    await made(ops.post("/ops/v1/staff", { staffId: sub, name, roles, storeIds }));
    return { staffId: sub, ...caller(staffToken(name, `${name}-Passw0rd!`)) };
  };

  /** A member, signed in through WeChat. */
  const neighbour = async (name: string): Promise<Neighbour> => {
    let memberId = "";
    const token = renewed(async () => {
      const { code } = await local("wechat/login-code", { user: name });
      const signedIn = await made(call("POST", "/v1/login", undefined, { code }));
      memberId = signedIn.memberId;
      return signedIn.accessToken;
    }, 14 * minute);
    await token();
    return { name, memberId, ...caller(token) };
  };

  /** A community of a store, the first one unless said otherwise, and who is in it. */
  const community = async (members: readonly Caller[], storeId = stores[0]): Promise<string> => {
    const { communityId } = await made(
      ops.post("/ops/v1/communities", { storeId, name: "淮海坊", kind: "neighbourhood" }),
    );
    for (const who of members) await made(who.post(`/v1/communities/${communityId}/membership`));
    return communityId;
  };

  /** Gives every store its units, publishes the draft and opens it, unless it is to be left a draft. */
  const launch = async (campaignId: string, unitsPerStore: number, publish: boolean): Promise<void> => {
    await made(
      ops.post(`/ops/v1/campaigns/${campaignId}/allotments`, {
        allotments: stores.map((storeId) => ({ storeId, units: unitsPerStore })),
      }),
    );
    if (!publish) return;
    await made(ops.post(`/ops/v1/campaigns/${campaignId}/publication`));
    await platform.idle();
  };
  const inTime = (times: Record<string, number>) =>
    Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, toIso(platform.clock.now() + ms)]));

  /**
   * A batch (a ladder, where it has tiers) that is open: cut off after a day, ¥8.00 from 10 units on, 50 units a store, unless
   * said otherwise. `teamIds` follow the communities. Times in ms from now.
   */
  const batch = async (
    communityIds: readonly string[],
    more: Json & {
      unitsPerStore?: number;
      at?: Partial<Record<"opensAt" | "cutOff" | "pickupFrom" | "pickupUntil", number>>;
      publish?: boolean;
    } = {},
  ): Promise<{ campaignId: string; teamIds: string[] }> => {
    const { unitsPerStore = 50, at = {}, publish = true, ...rest } = more;
    const { campaignId } = await made(
      ops.post("/ops/v1/campaigns", {
        name: "有机青菜社区团",
        articleId: article.articleId,
        communityIds,
        minUnits: 10,
        ...(rest.tiers ? { kind: "ladder" } : { kind: "batch", shareBps: 8000 }),
        ...inTime({ opensAt: 0, cutOff: day, pickupFrom: 2 * day, pickupUntil: 4 * day, ...at }),
        ...rest,
      }),
    );
    await launch(campaignId, unitsPerStore, publish);
    if (!publish) return { campaignId, teamIds: [] };
    const { communities } = await made((await neighbour("看客")).get(`/v1/campaigns/${campaignId}`));
    return { campaignId, teamIds: communities.map((one: Any) => one.teamId) };
  };

  /** A campaign that is open: teams of four at 80 %, a day long, 50 units a store, unless said otherwise. Times in ms from now. */
  const campaign = async (
    more: Json & {
      unitsPerStore?: number;
      at?: Partial<Record<"opensAt" | "closesAt" | "hardEnd" | "pickupFrom" | "pickupUntil", number>>;
      publish?: boolean;
    } = {},
  ): Promise<{ campaignId: string }> => {
    const { unitsPerStore = 50, at = {}, publish = true, ...rest } = more;
    const times = { opensAt: 0, closesAt: 3 * day, hardEnd: 5 * day, pickupFrom: 0, pickupUntil: 8 * day, ...at };
    const draft = await made(
      ops.post("/ops/v1/campaigns", {
        name: "有机青菜邻里团",
        articleId: article.articleId,
        invitesRequired: 3,
        shareBps: 8000,
        durationMinutes: 24 * 60,
        perMemberLimit: 2,
        ...inTime(times),
        ...rest,
      }),
    );
    const { campaignId } = draft;
    await launch(campaignId, unitsPerStore, publish);
    return { campaignId };
  };

  const seatBody = { place: HERE, fulfilment: "pickup" };
  const open = (who: Caller, campaignId: string, more: Json = {}, key?: string): Promise<Answer<Any>> =>
    who.post(`/v1/campaigns/${campaignId}/teams`, { ...seatBody, ...more }, key);
  const join = (who: Caller, teamId: string, more: Json = {}, key?: string): Promise<Answer<Any>> =>
    who.post(`/v1/teams/${teamId}/seats`, { ...seatBody, ...more }, key);

  /** Asks for the payment and pays it at the channel; `idle` then lets the notification arrive. */
  const payAtChannel = async (who: Caller, orderId: string): Promise<{ paymentNo: string }> => {
    const { paymentNo } = await made(who.post(`/v1/orders/${orderId}/payment`));
    await local("wechat/pay", { paymentNo });
    return { paymentNo };
  };
  const pay = async (who: Caller, seat: { orderId: string }): Promise<void> => {
    await payAtChannel(who, seat.orderId);
    await platform.idle();
  };
  /** A team whose leader has paid. */
  const formedTeam = async (leader: Caller, campaignId: string, more: Json = {}): Promise<Seat> => {
    const seat: Seat = await made(open(leader, campaignId, more));
    await pay(leader, seat);
    return seat;
  };
  const paidSeat = async (who: Caller, teamId: string, more: Json = {}): Promise<Seat> => {
    const seat: Seat = await made(join(who, teamId, more));
    await pay(who, seat);
    return seat;
  };
  const order = async (who: Caller, orderId: string): Promise<Any> => made(who.get(`/v1/orders/${orderId}`));
  const team = async (teamId: string): Promise<Any> => made(ops.get(`/ops/v1/teams/${teamId}`));

  /** Moves the clock and waits until everything that became due is done. */
  const pass = async (ms: number): Promise<void> => {
    platform.clock.advance(ms);
    await platform.idle();
  };

  /** Has `count` workers of a function started by requests at the same time, so that a race later finds all of them awake. */
  const awaken = async (count: number, request: () => Promise<unknown>): Promise<void> => {
    await Promise.all(Array.from({ length: count }, request));
  };
  /** Moves the clock to a moment (epoch ms or ISO 8601), which it has not passed. */
  const passTo = (moment: number | string): Promise<void> =>
    pass((typeof moment === "number" ? moment : Date.parse(moment)) - platform.clock.now());
  /**
   * Stops the platform and starts it again on the same data. What happens `meanwhile` may run another process on the folder
   * and let the story's people speak to its address.
   */
  const restart = async (
    meanwhile: (dataDir: string, speakTo: (address: string) => void) => Promise<void> = async () => {},
  ): Promise<void> => {
    platform = await again((dataDir) =>
      meanwhile(dataDir, (address) => {
        url = address;
      }),
    );
    url = platform.url;
    table = dynamoTable({ tableName, env: systemEnv, connection: connection() });
    documents = DynamoDBDocumentClient.from(new DynamoDBClient(connection()));
  };

  const tableName = String(
    tableDefinition(platform.template.byType("AWS::DynamoDB::GlobalTable")[0]!).create.TableName,
  );
  const connection = () => ({ endpoint: platform.engine.endpoint, region: REGION, credentials: LOCAL_CREDENTIALS });
  let table = dynamoTable({ tableName, env: systemEnv, connection: connection() });
  let documents = DynamoDBDocumentClient.from(new DynamoDBClient(connection()));
  /** Every row of the table, by the name of its entity; stored answers in plain text. */
  const rows = async (): Promise<Map<string, Json[]>> => {
    const byEntity = new Map<string, Json[]>();
    for await (const page of paginateScan({ client: documents }, { TableName: tableName }))
      for (const item of page.Items ?? []) {
        if (item.entity === "Idempotency") item.body = inflateRawSync(item.body).toString();
        byEntity.set(item.entity, [...(byEntity.get(item.entity) ?? []), item]);
      }
    return byEntity;
  };
  /** Everything that `npm run recount` goes by. */
  const facts = (): Promise<Facts> => readFacts({ dataDir: size.dataDir, endpoint: platform.engine.endpoint });
  /** What the outbox tells of one type, in the order it happened. */
  const events = async (type: string): Promise<DomainEvent[]> =>
    (((await rows()).get("Outbox") ?? []) as unknown as DomainEvent[])
      .filter((event) => event.type === type)
      .sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
  const book = (): Promise<Any> => local("wechat/book");
  /** Payments, refunds, ledger lines and balance of an order, as staff see them. */
  const money = (orderId: string): Promise<Any> => made(ops.get(`/ops/v1/orders/${orderId}/money`));
  /** What waits for staff, or was resolved by them: every payment case about this number. */
  const casesOf = async (number: string): Promise<Any[]> =>
    (await made(ops.get("/ops/v1/payment-cases?limit=50"))).items.filter((c: Any) => c.number === number);
  /** Units the campaign has left, store by store in the order of `stores`. */
  const unitsLeft = async (campaignId: string): Promise<number[]> => {
    const { allotments } = await made(ops.get(`/ops/v1/campaigns/${campaignId}`));
    return stores.map((storeId) => allotments.find((a: Any) => a.storeId === storeId)?.left ?? 0);
  };
  /** Units of the article each store has online outside campaigns. */
  const unitsOnline = (): Promise<number[]> =>
    Promise.all(
      stores.map(
        async (storeId) =>
          (await made(ops.get(`/ops/v1/stores/${storeId}/stock`))).items.find(
            (s: Any) => s.articleId === article.articleId,
          ).online,
      ),
    );

  /**
   * Recounts what must hold at any quiet moment: seats against each team's counters, units against each store's stock, our
   * ledger against the channel's own book, and that every captured payment is a seat or on its way back in full. Of a batch:
   * the quantity it counts, whole cases, and that what a settled seat keeps and gives back is what it paid.
   */
  const recount = async (): Promise<void> => {
    const all = await rows();
    const of = <T>(entity: string) => (all.get(entity) ?? []) as unknown as T[];
    const orders = of<Order>("Order");
    const seatsOf = Map.groupBy(orders, (o) => o.teamId);
    const linesOf = Map.groupBy(of<Transfer>("Transfer"), (line) => line.subject);
    const teamsOf = Map.groupBy(of<Team>("Team"), (t) => t.campaignId);
    for (const t of of<Team>("Team")) {
      const seats = seatsOf.get(t.teamId) ?? [];
      const held = seats.filter((o) => o.seat === "HELD").length;
      const paid = seats.filter((o) => o.disposition === "SEATED" && o.leftAt === undefined).length;
      expect({ teamId: t.teamId, held: t.held, paid: t.paid, free: t.free }).toEqual({
        teamId: t.teamId,
        held,
        paid,
        free: t.size - held - paid,
      });
      if (t.terms.batch) recountBatch(t, seats, of<Refund>("Refund"));
      else if (t.outcome === "natural") expect(paid).toBe(t.size);
      // what the platform bears: the discount of every seat it has, booked once each, and of no other
      const subsidies = seats.flatMap((o) => linesOf.get(o.orderId) ?? []).filter((line) => line.kind === "subsidy");
      const discounts = seats
        .filter((o) => t.outcome === "subsidised" && o.disposition === "SEATED" && o.leftAt === undefined)
        // whom a batch's last case leaves out gets nothing that could be subsidised
        .filter((o) => !t.terms.batch || o.refundId === undefined)
        .map((o) => {
          const { aloneFen, unitFen } = o.kit ?? o.lines[0]!;
          return `${o.orderId} ${(aloneFen - unitFen) * o.units}`;
        });
      expect(subsidies.map((line) => `${line.subject} ${line.amountFen}`).sort()).toEqual(discounts.sort());
      expect(t.subsidyFen ?? 0).toBe(subsidies.reduce((sum, line) => sum + line.amountFen, 0));
    }
    for (const c of of<Campaign>("Campaign"))
      expect(c.subsidySpentFen ?? 0).toBe(
        (teamsOf.get(c.campaignId) ?? []).reduce((sum, t) => sum + (t.subsidyFen ?? 0), 0),
      );
    const allotted = of<Allotment>("Allotment");
    const kits = new Map(of<Campaign>("Campaign").map((c) => [c.campaignId, c.components]));
    /** Units of an article in one unit of an allotment: of a kit, of its components. */
    const inOne = ({ campaignId, articleId }: Allotment, of: string) =>
      (kits.get(campaignId) ?? [{ articleId, units: 1 }]).find((part) => part.articleId === of)?.units ?? 0;
    // what came for a purchase order is with who ordered it, and in the books of the store once its line is closed
    const closed = of<PurchaseLine>("PurchaseLine").filter((line) => line.state === "RECEIVED");
    const lies = (o: Order) =>
      !o.sourced || closed.some((line) => line.campaignId === o.campaignId && line.storeId === o.storeId);
    for (const stock of of<{ storeId: string; articleId: string; online: number }>("Stock")) {
      const mine = (o: { storeId: string }, articleId: string | undefined) =>
        o.storeId === stock.storeId && articleId === stock.articleId;
      const left = allotted
        .filter((a) => a.storeId === stock.storeId && a.state === "OPEN" && !a.sourced)
        .reduce((sum, a) => sum + a.left * inOne(a, stock.articleId), 0);
      const taken = orders
        .filter(
          (o) =>
            o.storeId === stock.storeId &&
            lies(o) &&
            (o.seat === "HELD" || (o.seat === "PAID" && o.refundId === undefined)),
        )
        .flatMap((o) => o.lines.filter((line) => line.articleId === stock.articleId))
        .reduce((sum, line) => sum + line.units, 0);
      // taken out of stock for an order, and found to be nowhere when it was picked
      const lost = orders
        .filter((o) => o.storeId === stock.storeId)
        .flatMap((o) => (o.missing ?? []).filter((one) => one.articleId === stock.articleId))
        .reduce((sum, one) => sum + one.units, 0);
      const { storeId, articleId } = stock;
      const delivered = of<{ storeId: string; articleId: string; cause: string; delta: number }>("StockMovement")
        .filter(
          (m) => m.storeId === storeId && m.articleId === articleId && /^(adjust|lot|import|stocktake)#/.test(m.cause),
        )
        .reduce((sum, m) => sum + m.delta, 0);
      const received = closed.filter((line) => mine(line, line.articleId)).reduce((sum, line) => sum + line.good, 0);
      expect({ storeId, articleId, units: stock.online + left + taken + lost }).toEqual({
        storeId,
        articleId,
        units: delivered + received,
      });
      expect(Math.min(stock.online, left)).toBeGreaterThanOrEqual(0);
    }
    // goods by weight: what went back for what lacked is the nominal weight's part of what was kept, once they are packed
    const lacked = Map.groupBy(of<Refund>("Refund"), (r) => r.cause).get("weight_difference") ?? [];
    for (const o of orders) {
      const back = lacked.filter((r) => r.orderId === o.orderId).map((r) => r.refundFen);
      const off = allocate(
        (o.discounts ?? []).reduce((sum, { amountFen }) => sum + amountFen, 0),
        o.lines.map((line) => line.units * line.unitFen),
      );
      const owed = o.lines.flatMap((line, i) => {
        if (o.packedAt === undefined || line.grams === undefined || line.packedGrams === undefined) return [];
        const kept = line.units * line.unitFen - off[i]!;
        const nominal = line.units * line.grams;
        const short = Math.max(0, nominal - line.packedGrams);
        const part = Math.max(0, Math.min(kept - 1, Math.floor((2 * kept * short + nominal) / (2 * nominal))));
        expect(line.amountFen - off[i]!).toBe(kept - part);
        return part > 0 ? [part] : [];
      });
      expect({ orderId: o.orderId, back: back.sort() }).toEqual({ orderId: o.orderId, back: owed.sort() });
    }
    // what coupons take off is borne by their funders exactly as long as the order uses them, and by one order at a time
    const grants = new Map(of<CouponGrant>("CouponGrant").map((grant) => [grant.grantId, grant]));
    for (const o of orders) {
      const lines = linesOf.get(o.orderId) ?? [];
      const total = (kind: Transfer["kind"]) =>
        lines.reduce((sum, line) => sum + (line.kind === kind ? line.amountFen : 0), 0);
      const uses = o.disposition === "SEATED" && o.seat !== "REFUNDED";
      const takes = (o.discounts ?? []).reduce((sum, d) => sum + (d.kind === "coupon" ? d.amountFen : 0), 0);
      expect({ orderId: o.orderId, coupon: total("coupon") - total("coupon_return") }).toEqual({
        orderId: o.orderId,
        coupon: uses ? takes : 0,
      });
      const grant = o.coupon && grants.get(o.coupon.grantId);
      if (grant && (uses || o.seat === "HELD"))
        expect(grant).toMatchObject({ orderId: o.orderId, state: uses ? "USED" : "HELD" });
      else if (grant) expect(grant.orderId).not.toBe(o.orderId);
    }
    // what a customer was paid back first is borne by somebody, and never more than was paid
    const paidFirst = of<Refund>("Refund").filter((r) => r.cause === "compensation");
    const entries = (kind: Transfer["kind"]) => of<Transfer>("Transfer").filter((line) => line.kind === kind);
    const asLines = (some: Transfer[]) => some.map((l) => `${l.subject} ${l.reference} ${l.amountFen}`).sort();
    expect(asLines(entries("compensation"))).toEqual(
      paidFirst.map((r) => `${r.orderId} ${r.refundId} ${r.refundFen}`).sort(),
    );
    for (const [orderId, back] of Map.groupBy(paidFirst, (r) => r.orderId))
      expect(back.reduce((sum, r) => sum + r.refundFen, 0)).toBeLessThanOrEqual(
        orders.find((o) => o.orderId === orderId)!.payableFen,
      );
    recountClaims(of, entries);
    recountRecalls(of, paidFirst);
    recountBooks(of);
    const { payments, refunds, transfers, shares } = await book();
    recountCommissions(of, transfers, shares);
    const ledger = (kind: Transfer["kind"]) => of<Transfer>("Transfer").filter((t) => t.kind === kind);
    const sorted = (list: string[]) => list.sort();
    const captured = payments.filter((p: Any) => ["SUCCESS", "REFUND"].includes(p.state));
    // a payment with a case waits for staff, unless the channel's query has told the truth of it since
    const cased = new Set(of<{ number: string }>("PaymentCase").map((c) => c.number));
    const booked = new Set(ledger("payment").map((t) => t.reference));
    expect(sorted(ledger("payment").map((t) => `${t.reference} ${t.amountFen}`))).toEqual(
      sorted(
        captured
          .filter((p: Any) => !cased.has(p.paymentNo) || booked.has(p.paymentNo))
          .map((p: Any) => `${p.paymentNo} ${p.totalFen}`),
      ),
    );
    expect(sorted(ledger("refund").map((t) => `${t.reference} ${t.amountFen}`))).toEqual(
      sorted(refunds.filter((r: Any) => r.status === "SUCCESS").map((r: Any) => `${r.refundNo} ${r.refundFen}`)),
    );
  };

  /** What is not done though it should be; nothing, once everything that was due has had its turn. */
  const unfinished = async (): Promise<string[]> => {
    const now = platform.clock.now();
    const all = await rows();
    const of = <T>(entity: string) => (all.get(entity) ?? []) as unknown as T[];
    const { deadLetters } = await local("dead-letters");
    const executions: string[] = [];
    // one that follows a claim waits for people, for days
    for (const status of ["RUNNING", "FAILED", "TIMED_OUT", "ABORTED"])
      for (const one of (await local(`executions?status=${status}`)).executions)
        if (!one.at.some(({ wakesAt }: Any) => one.machine === "CompensationMachine" && wakesAt > now))
          executions.push(`execution ${JSON.stringify(one)}`);
    return [
      ...of<Team>("Team")
        .filter((t) => t.state === "OPENING" || (t.state === "FORMING" && (t.deadline ?? 0) < now))
        .map((t) => `team ${t.teamId} is ${t.state}`),
      ...of<Order>("Order")
        .filter((o) => o.seat === "HELD" && o.holdUntil < now)
        .map((o) => `the seat ${o.orderId} is held beyond its time, payment ${o.paymentState}`),
      ...of<Order>("Order")
        .filter((o) => o.disposition === "ORPHAN" && o.paymentState !== "REFUNDED")
        .map((o) => `the late payment of ${o.orderId} is ${o.paymentState}`),
      ...of<Refund>("Refund")
        .filter((r) => r.state !== "SUCCESS")
        .map((r) => `the refund ${r.refundId} of ${r.orderId} is ${r.state}`),
      ...of<Due>("Due")
        .filter((d) => d.at < now - 2 * minute)
        .map((d) => `due ${d.kind} of ${d.id} since ${toIso(d.at)}`),
      ...of<{ number: string; reason: string }>("PaymentCase")
        // what it told staff of is done once its refunds are
        .filter(({ reason }) => reason !== "refund_not_enough")
        .map((c) => `case ${c.number}: ${c.reason}`),
      ...deadLetters.map((d: Any) => `dead letter in ${d.queue}: ${JSON.stringify(d.body)}`),
      ...executions,
    ];
  };

  return {
    get platform() {
      return platform;
    },
    lines,
    get clock(): P["clock"] {
      return platform.clock;
    },
    local,
    call,
    ops,
    staff,
    stores,
    articleId: article.articleId as string,
    neighbour,
    neighbours: (...names: string[]) => Promise.all(names.map(neighbour)),
    campaign,
    community,
    batch,
    open,
    join,
    payAtChannel,
    pay,
    formedTeam,
    paidSeat,
    order,
    team,
    pass,
    passTo,
    awaken,
    restart,
    events,
    get table() {
      return table;
    },
    rows,
    facts,
    book,
    money,
    casesOf,
    unitsLeft,
    unitsOnline,
    newArticle,
    newStore,
    recount,
    unfinished,
    made,
    here: HERE,
    times: { minute, hour, day },
  };
}
