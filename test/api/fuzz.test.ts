import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { type LimitName, limits } from "../../functions/runtime/limits.ts";
import { routeLabel } from "../../local/http-api.ts";
import { openKeys } from "../../local/wechat/keys.ts";
import { makeId, siblingId } from "../../shared/kernel/ids.ts";
import { dayOf, toIso } from "../../shared/kernel/time.ts";
import { booked } from "../../shared/ledger/index.ts";
import {
  acquisitions,
  commissionAccounts,
  dayBooks,
  ledgerCursors,
  limitRows,
  members as memberRows,
  orders,
  staffMembers,
} from "../../shared/table/keys.ts";
import { openWorld, sendPicture } from "../stories/world.ts";
import { type Ask, type Caller, type Callers, createFuzz, type Operation, operations, type Reply } from "./fuzz.ts";
import { fees, home, slots } from "./shop.ts";

/**
 * The running instance is asked whatever docs/openapi.json allows and forbids. Again, and longer:
 * `FUZZ_SEED=… FUZZ_REQUESTS=100000 npx vitest run test/api/fuzz.test.ts`.
 */
const seed = Number(process.env.FUZZ_SEED ?? 20_261_123);
const most = Number(process.env.FUZZ_REQUESTS ?? 10_000);

const world = await openWorld({ stores: 3, concurrency: { Shop: 3, Ops: 2, default: 1 } });
const { platform, local, clock, stores, here } = world;
const { minute, hour } = world.times;
// biome-ignore lint/suspicious/noExplicitAny: an answer is looked at by expectations, which fail on any other shape
type Told = Reply & { body: any };

const agent = new Agent({ keepAlive: true, maxSockets: 32 });
const { hostname, port } = new URL(platform.url);
/** As it is written: fetch would tidy the path up, and sends no body with a GET. */
const send = ({ method, path, headers, body }: Ask): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const request = httpRequest(
      { agent, hostname, port, method, path, headers: { ...headers, ...length } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          const get = (name: string) => [answer.headers[name] ?? null].flat()[0] ?? null;
          resolve({ status: answer.statusCode!, headers: { get }, text: Buffer.concat(chunks).toString() });
        });
      },
    );
    // a connection that the server gave up while nobody used it is no answer
    request.on("error", (error) =>
      request.reusedSocket ? resolve(send({ method, path, headers, body })) : reject(error),
    );
    request.end(body);
  });

const nobody: Caller = { name: "nobody", token: "" };
const callers: Callers = { member: [], staff: [], ended: { member: nobody, staff: nobody } };
/** When tokens are to be renewed, epoch ms. */
let renewAt = 0;
/** Payments asked for, that nobody has made yet. */
const unpaid = new Set<string>();
const fuzz = createFuzz({
  seed,
  callers,
  send,
  now: clock.now,
  onSuccess: ({ name }, { paymentNo }) => {
    // a session has ended: everybody signs in anew before it goes on
    if (name.endsWith("/logout")) renewAt = 0;
    if (typeof paymentNo === "string") unpaid.add(paymentNo);
  },
});
type Parts = Parameters<typeof fuzz.exactly>[1];
const ask = async (name: string, parts: Parts = {}, provoked = false): Promise<Told> => {
  const reply = await fuzz.put(fuzz.exactly(name, parts), provoked);
  return { ...reply, body: reply.text === "" ? undefined : JSON.parse(reply.text) };
};
/** The answer's body; the setting must be as it should. */
const made = async (name: string, parts: Parts) => {
  const { status, body, text } = await ask(name, parts);
  if (status >= 300) throw new Error(`${name}: ${status} ${text}`);
  return body;
};
const code = async (user: string): Promise<string> => (await local("wechat/login-code", { user })).code;
const signIn = async (name: string): Promise<Caller & { memberId: string }> => {
  const body = await made("post /v1/login", { body: { code: await code(name) } });
  return { name, token: body.accessToken, memberId: body.memberId };
};

const admin = JSON.parse(readFileSync(platform.cognito.adminFile, "utf8")) as { password: string };
const passwordOf = (name: string) => (name === "admin" ? admin.password : `${name}-Passw0rd!`);
const staffToken = async (name: string): Promise<Caller> => {
  const signedIn = await platform.cognito.signIn(name, passwordOf(name));
  return { name, token: signedIn!.access_token };
};
/** Somebody with orders of every kind. */
let owner = { ...nobody, memberId: "" };
let renewStaffAt = 0;
/** Tokens last minutes: everybody signs in anew in time, and there are fresh codes to sign in with. */
async function renew(): Promise<void> {
  // somebody whom he made an admin may have dismissed the first one
  await world.table.commit([
    staffMembers.patch({ staffId: platform.cognito.adminSub }).set({ active: true, roles: ["admin"] }),
  ]);
  if (clock.now() < renewAt) return;
  renewAt = clock.now() + 6 * minute;
  owner = await signIn("子");
  callers.member = await Promise.all(["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛"].map(signIn));
  if (clock.now() >= renewStaffAt) {
    renewStaffAt = clock.now() + 40 * minute;
    const [root, manager, clerk] = [await staffToken("admin"), await staffToken("manager"), await staffToken("clerk")];
    callers.staff = [root, root, root, root, manager, clerk];
  }
  for (let i = 0; i < 12; i++) {
    fuzz.keep("code ", await code(`新${i}`));
    fuzz.keep("code ", (await local("wechat/phone-code", { user: `新${i}`, phone: `138000000${10 + i}` })).code);
  }
}

/** A campaign that is open, of an article of its own. */
async function campaign(more: Parameters<typeof world.campaign>[0]): Promise<string> {
  const { articleId } = await world.newArticle({});
  return (await world.campaign({ articleId, perMemberLimit: 20, ...more })).campaignId;
}

/** What goes on outside while requests come: people pay, minutes pass, campaigns are made. */
let rounds = 0;
async function outside(): Promise<void> {
  for (const paymentNo of unpaid) await world.call("POST", "/_local/wechat/pay", undefined, { paymentNo });
  unpaid.clear();
  clock.advance(minute);
  await platform.idle();
  await renew();
  if (++rounds % 5 !== 0) return;
  await campaign({ invitesRequired: 1 + (rounds % 4), admits: rounds % 2 ? "anyone" : "store" });
}

test("whatever is asked is answered as the document says, and every word of the document comes true", async () => {
  for (const [name, role] of [
    ["manager", "store_manager"],
    ["clerk", "store_staff"],
    ["cashier", "finance"],
  ] as const)
    await world.staff(name, [role], stores.slice(0, 1));
  platform.cognito.createUser({ username: "unhired", password: passwordOf("unhired") });
  callers.ended = { member: await signIn("过期"), staff: await staffToken("manager") };
  clock.advance(61 * minute);
  await renew();
  for (let i = 0; i < 4; i++) await campaign({ name: `邻里团${i}`, invitesRequired: 1 + i });

  await tellWhatIsRare();
  const began = performance.now();
  const before = { requests: fuzz.requests, cpu: process.cpuUsage() };
  await fuzz.run(most - fuzz.requests, 16, outside);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(before.cpu);
  const each = {
    rate: (fuzz.requests - before.requests) / seconds,
    cpuMs: (user + system) / 1_000 / (fuzz.requests - before.requests),
  };
  // who has used up the limits gets no other answer any more
  for (const last of [false, true]) {
    if (last) await exhaust(owner.memberId);
    const left = [...operations];
    // one lane an operation: what is broken for one request is broken for all of its route
    const lane = async (): Promise<void> => {
      for (let operation = left.pop(); operation; operation = left.pop())
        for (const status of fuzz.missing(operation)) if ((status === "429") === last) await pursue(operation, status);
    };
    await Promise.all(Array.from({ length: 6 }, lane));
  }
  await outside();

  const missing = operations.flatMap((one) => fuzz.missing(one).map((status) => `${one.name}: ${status}`));
  process.stdout.write(
    `fuzz, seed ${seed}: ${fuzz.requests} requests, ${Math.round((100 * fuzz.reached) / fuzz.requests)} % reached a handler, ` +
      `${Math.round(each.rate)}/s at ${each.cpuMs.toFixed(1)} CPU-ms, statuses ${JSON.stringify(fuzz.statuses)}\n`,
  );
  expect(fuzz.wrong.join("\n\n")).toBe("");
  expect(missing, "say in tellWhatIsRare how they come about, or take them out of the route's declaration").toEqual([]);
  expect(fuzz.requests).toBeGreaterThanOrEqual(most);
  expect(fuzz.reached).toBeGreaterThanOrEqual(fuzz.requests / 4);
  expect(fuzz.unreached()).toEqual([]);
  const unexpected = world.lines.filter((line) => /"code":"(UNEXPECTED|INVARIANT)"|"level":"fatal"/.test(line));
  expect(unexpected.filter((line) => !line.includes("The call can't be read"))).toEqual([]);
  expect(platform.streams.deadLetters()).toEqual([]);
  await world.recount();
}, 1_800_000);

/** Tries for an answer that the document names and that nobody had yet, in the ways that fit any route. */
async function pursue(operation: Operation, status: string): Promise<void> {
  const { prepare, put, missing } = fuzz;
  type How = Parameters<typeof prepare>[2];
  const attempt = async (purpose: "fits" | "unknown", how: How, times: number) => {
    for (let i = 0; i < times && missing(operation).includes(status); i++) await put(prepare(operation, purpose, how));
  };
  await renew();
  const caller = operation.actor === "member" ? owner : operation.actor === "staff" ? callers.staff[0]! : undefined;
  switch (status) {
    case "304": {
      for (let i = 0; i < 60 && missing(operation).includes(status); i++) {
        const prepared = prepare(operation, "fits", { caller });
        prepared.ask.headers["if-none-match"] = (await put(prepared)).headers.get("etag") ?? '"none"';
        await put(prepared);
      }
      return;
    }
    case "400":
      if (operation.body) await attempt("fits", { caller, body: "{" }, 5);
      return attempt("fits", { caller, headers: { "idempotency-key": undefined } }, 5);
    case "401":
      return attempt("unknown", operation.actor === "public" ? {} : { headers: { authorization: undefined } }, 5);
    case "403":
      return attempt("fits", operation.actor === "staff" ? { caller: await staffToken("unhired") } : {}, 20);
    case "404":
      return attempt("unknown", { caller }, 20);
    case "413":
      return attempt("fits", { caller, body: `"${"x".repeat(1_000_000)}"` }, 1);
    case "422":
      return attempt("fits", { caller, query: "unasked=1" }, 5);
    case "429":
      return attempt("fits", { caller }, 30);
    case "500":
    case "503":
      for (let i = 0; i < 20 && missing(operation).includes(status); i++)
        await broken(status, prepare(operation, "fits", { caller }));
      return;
    default:
      return attempt("fits", { caller }, 60);
  }
}

/** The member, or whoever has the openid, has used up all that the limits allow for an hour to come. */
async function exhaust(subject: string): Promise<void> {
  for (const limit of Object.keys(limits) as LimitName[]) {
    const row = await world.table.load(limitRows, { limit, subject });
    const full = { limit, subject, fullAt: clock.now() + hour };
    await world.table.commit([row ? limitRows.replace({ ...row, ...full }) : limitRows.create(full)]);
  }
}

/** Sends a request whose function finds the table out of order. */
async function broken(status: "500" | "503", prepared: Parameters<typeof fuzz.put>[0]): Promise<void> {
  const label = routeLabel(prepared.ask.method, decodeURIComponent(prepared.ask.path.split("?")[0]!));
  const kind = status === "500" ? ("refused" as const) : ("error500" as const);
  // a cursor of another list would be refused before the table is asked
  prepared.ask.path = prepared.ask.path.replace(/([?&])cursor=[^&]*&?/, "$1");
  const fault = platform.gateway.fault({ match: { service: "dynamodb", label }, kind, every: 1 });
  await fuzz.put(prepared, true);
  fault.remove();
}

/** The answers that only come about in a certain order of things. */
async function tellWhatIsRare(): Promise<void> {
  const root = callers.staff[0]!;
  const [leader, friend, third, lonely] = [owner, await signIn("丑"), await signIn("寅"), await signIn("卯")];
  const because = { reason: "演练" };
  const place = { place: here };

  // a store that is changed from the version it has, far from where the others' orders are routed
  const far = { ...here, lat: here.lat + 0.2 };
  const shop = {
    code: "DRILL-1",
    name: "演练店",
    address: "上海市宝山区演练路1号",
    point: far,
    radiusM: 100,
    hours: [],
  };
  const { storeId, version } = await made("post /ops/v1/stores", { caller: root, body: shop });
  await ask("post /ops/v1/stores", { caller: root, body: shop }); // its code is taken
  const moved = { caller: root, parameters: { storeId }, body: { ...shop, radiusM: 200, version } };
  await made("put /ops/v1/stores/{storeId}", moved);
  await ask("put /ops/v1/stores/{storeId}", { ...moved, parameters: { storeId: `ST${"0".repeat(24)}` } });

  // a lot that comes and is checked, and an import: its file is sent as one, and so not by the fuzz
  const [at = ""] = stores;
  const arrival = { caller: root, parameters: { storeId: at }, body: { articleId: world.articleId, units: 5 } };
  const { lotId } = (await ask("post /ops/v1/stores/{storeId}/lots", arrival)).body;
  const checked = { caller: root, parameters: { storeId: at, lotId }, body: { rejected: 0 } };
  for (let i = 0; i < 2; i++) await ask("post /ops/v1/stores/{storeId}/lots/{lotId}/check", checked);
  const { supplierId } = (await ask("post /ops/v1/suppliers", { caller: root, body: { name: "合作社", licences: [] } }))
    .body;
  await ask("get /ops/v1/suppliers/{supplierId}/statement", {
    caller: root,
    parameters: { supplierId, month: dayOf(clock.now()).slice(0, 7) },
  });
  const from = clock.now() + hour;
  const drafted = await ask("post /ops/v1/campaigns", {
    caller: root,
    body: {
      name: "草稿",
      articleId: world.articleId,
      invitesRequired: 1,
      shareBps: 8000,
      durationMinutes: 60,
      opensAt: toIso(from),
      closesAt: toIso(from + 24 * hour),
      hardEnd: toIso(from + 48 * hour),
      pickupFrom: toIso(from),
      pickupUntil: toIso(from + 72 * hour),
    },
  });
  await ask("post /ops/v1/campaigns/{campaignId}/allotments", {
    caller: root,
    parameters: { campaignId: drafted.body.campaignId },
    body: { allotments: [{ storeId: at, units: 1 }] },
  });
  const prices = await world.ops.upload(
    "/ops/v1/imports/prices?dryRun=false",
    `article,price,cost\n${world.articleId},10,5\n`,
  );
  await ask("get /ops/v1/imports/{importId}", { caller: root, parameters: { importId: prices.body.importId } });

  const till = `门店,终端,小票号,行号,时间,货号,数量,金额,会员卡号,类型\n${at},T1,1,1,2026-11-22 20:05,NO-9,1,9.90,,销售\n合计,1\n`;
  const sold = await world.ops.upload(`/ops/v1/stores/${at}/pos-files`, till);
  await ask("get /ops/v1/stores/{storeId}/pos-files", { caller: root, parameters: { storeId: at } });
  await ask("get /ops/v1/stores/{storeId}/pos-files/{fileId}", {
    caller: root,
    parameters: { storeId: at, fileId: sold.body.fileId },
  });

  // sign-in: who is blocked, who asks too often; WeChat that limits us
  await local("wechat/user", { user: "拉黑", blocked: true });
  await ask("post /v1/login", { body: { code: await code("拉黑") } });
  const script = await local("wechat/login-code", { user: "脚本" });
  await exhaust(script.openid);
  await ask("post /v1/login", { body: { code: script.code } });
  for (const status of ["500", "503"] as const)
    await broken(status, fuzz.exactly("post /v1/login", { body: { code: await code(`晚到${status}`) } }));
  const phoneOf = async (user: string, phone: string) => (await local("wechat/phone-code", { user, phone })).code;
  const bind = async (caller: Caller, body: { code: string }) => ask("post /v1/me/phone", { caller, body });
  await bind(leader, { code: await phoneOf("子", "13912345678") });
  await bind(friend, { code: await phoneOf("丑", "13912345678") });
  await local("wechat/fault", { match: { op: "phone" }, kind: "429", times: 3 });
  await bind(friend, { code: await phoneOf("丑", "13912345670") });
  await local("wechat/clear-faults", {});

  // a member who is gone, erased on request
  const gone = await signIn("注销");
  await world.table.commit([memberRows.remove({ memberId: gone.memberId })]);
  await ask("get /v1/me", { caller: gone });
  await ask("get /v1/me/addresses", { caller: gone });
  await ask("post /v1/me/addresses", { caller: gone, body: home });
  await ask("delete /v1/me/addresses/{addressId}", { caller: gone, parameters: { addressId: `AD${"0".repeat(24)}` } });
  await ask("put /v1/me", { caller: gone, body: { nickname: "无名" } });
  await bind(gone, { code: await phoneOf("丑", "13912345671") });

  // a month whose last day is closed, and one that is not
  const closedOn = { day: "2026-09-30", bookings: {}, lines: 0, amountFen: 0, closedAt: clock.now() };
  await world.table.commit([
    dayBooks.create(closedOn),
    ledgerCursors.create({ name: "ledger", since: closedOn.day, closedUntil: closedOn.day }),
  ]);
  for (const month of ["2026-09", "2026-10"])
    await ask("post /ops/v1/ledger/periods", { caller: root, body: { month } });

  // the bills of yesterday
  const yesterday = { day: dayOf(clock.now() - 24 * hour), ...because };
  await ask("post /ops/v1/bills/another-look", { caller: root, body: yesterday });

  // a leader who has commission, and has it paid out
  const { memberId } = leader;
  const earned = { subject: siblingId("OR", memberId), kind: "commission", reference: memberId } as const;
  await world.table.commit([
    commissionAccounts.create({ memberId, frozenFen: 0, availableFen: 1_000, pendingFen: 0, paidFen: 0 }),
    booked({ clock }, { ...earned, party: `member:${memberId}`, amountFen: 1_000, at: clock.now() }),
  ]);
  const { payoutId } = await made("post /v1/me/payouts", { caller: leader, body: { amountFen: 100 } });
  await ask("post /v1/me/payouts/{payoutId}/confirmation", { caller: leader, parameters: { payoutId } });

  // staff, stores, campaigns
  const hired = { staffId: "new-hire", name: "骑手", roles: ["rider"], storeIds: [] };
  await ask("post /ops/v1/staff", { caller: root, body: hired });
  const own = { name: "管理员", roles: ["rider"], storeIds: [], active: false };
  await ask("put /ops/v1/staff/{staffId}", {
    caller: root,
    parameters: { staffId: platform.cognito.adminSub },
    body: own,
  });
  const draft = await campaign({ publish: false });
  const asItIs = await world.made(world.ops.get(`/ops/v1/campaigns/${draft}`));
  const edit = {
    caller: root,
    parameters: { campaignId: draft },
    body: { ...because, version: asItIs.campaign.version, perMemberLimit: 9 },
  };
  await made("put /ops/v1/campaigns/{campaignId}", edit);
  for (const step of [
    "publication",
    "suspension",
    "suspension",
    "resumption",
    "resumption",
    "cancellation",
    "cancellation",
  ]) {
    await ask(`post /ops/v1/campaigns/{campaignId}/${step}`, {
      caller: root,
      parameters: { campaignId: draft },
      ...(step !== "publication" && { body: because }),
    });
    // it opens behind the answer, and only an open one is suspended
    if (step === "publication") await platform.idle();
  }
  await platform.idle();

  // a team of two that succeeds, one that forms, one that is for a community
  const campaignId = await campaign({ invitesRequired: 1 });
  const another = await campaign({ invitesRequired: 3 });
  const closed = await campaign({ invitesRequired: 3, admits: "community" });
  await made("post /v1/store-offers", { caller: leader, body: { campaignId, ...place } });
  const opening = (id: string, more = {}) => ({ parameters: { campaignId: id }, body: { ...place, ...more } });
  const openTeam = "post /v1/campaigns/{campaignId}/teams";
  const open = (caller: Caller, id: string, more = {}) => made(openTeam, { caller, ...opening(id, more) });
  const takeSeat = "post /v1/teams/{teamId}/seats";
  const join = (caller: Caller, teamId: string) => made(takeSeat, { caller, parameters: { teamId }, body: place });
  const pay = async (caller: Caller, orderId: string) => {
    const { paymentNo } = await made("post /v1/orders/{orderId}/payment", { caller, parameters: { orderId } });
    await local("wechat/pay", { paymentNo });
    unpaid.delete(paymentNo);
    await platform.idle();
    await ask("post /v1/orders/{orderId}/payment", { caller, parameters: { orderId } });
  };
  const { communityId } = await made("post /ops/v1/communities", {
    caller: root,
    body: { storeId: stores[0], name: "淮海坊", kind: "neighbourhood" },
  });
  await ask(openTeam, { caller: friend, ...opening(closed, { communityId }) });
  await made("post /v1/communities/{communityId}/membership", { caller: leader, parameters: { communityId } });
  const ours = await open(leader, closed, { communityId });
  await pay(leader, ours.orderId);
  await ask(takeSeat, { caller: friend, parameters: { teamId: ours.teamId }, body: place });

  // a leader of the community has its tools, and orders for a neighbour who is in it
  const [aide, elder] = [await signIn("辰"), await signIn("巳")];
  for (const caller of [aide, elder])
    await made("post /v1/communities/{communityId}/membership", { caller, parameters: { communityId } });
  const roleOf = "put /ops/v1/communities/{communityId}/members/{memberId}/role";
  const appointed = { communityId, memberId: aide.memberId };
  await made(roleOf, { caller: root, parameters: appointed, body: { role: "leader", ...because } });
  const toolbox = "/v1/leader/communities/{communityId}";
  await ask(`get ${toolbox}/members`, { caller: aide, parameters: { communityId } });
  for (const tool of ["post chain", "get pending", "get hand-over", "get purchase"])
    for (const id of [closed, `CP${closed.slice(2).split("").reverse().join("")}`])
      await ask(tool.replace(" ", ` ${toolbox}/campaigns/{campaignId}/`), {
        caller: aide,
        parameters: { communityId, campaignId: id },
      });
  const placing = (memberId: string) =>
    ask(`post ${toolbox}/orders`, {
      caller: aide,
      parameters: { communityId },
      body: { memberId, teamId: ours.teamId, ...place },
    });
  for (const memberId of [elder.memberId, elder.memberId, lonely.memberId]) await placing(memberId);
  await exhaust(aide.memberId);
  await placing(elder.memberId);

  const first = await open(leader, campaignId);
  await pay(leader, first.orderId);
  const seat = await join(friend, first.teamId);
  await pay(friend, seat.orderId);
  const forming = await open(third, another);
  await pay(third, forming.orderId);
  const joined = await join(lonely, forming.teamId);
  await pay(lonely, joined.orderId);

  const order = (caller: Caller, orderId: string, what: string) =>
    ask(`post /v1/orders/{orderId}/${what}`, { caller, parameters: { orderId } });
  await order(leader, first.orderId, "departure");
  await order(third, forming.orderId, "pickup-code");
  const { body: pickup } = await order(leader, first.orderId, "pickup-code");
  const { body: other } = await order(friend, seat.orderId, "pickup-code");
  const reroute = (orderId: string) =>
    ask("post /ops/v1/orders/{orderId}/reroute", { caller: root, parameters: { orderId }, body: because });
  await reroute(seat.orderId);
  const hand = (storeId: string, digits: string, caller = root) =>
    ask("post /ops/v1/stores/{storeId}/pickups", { caller, parameters: { storeId }, body: { code: digits } });
  await hand(first.storeId, pickup.code);
  await hand(first.storeId, pickup.code);
  const rated = { articleId: first.lines[0].articleId, tasty: true };
  for (let i = 0; i < 2; i++)
    await ask("post /v1/orders/{orderId}/ratings", {
      caller: leader,
      parameters: { orderId: first.orderId },
      body: rated,
    });
  const count = { lines: [{ articleId: world.articleId, counted: 40 }], ...because };
  await ask("post /ops/v1/stores/{storeId}/stock-takes", {
    caller: root,
    parameters: { storeId: first.storeId },
    body: count,
  });
  const invoice = { caller: leader, parameters: { orderId: first.orderId } };
  await ask("get /v1/orders/{orderId}/invoice", invoice);
  for (let i = 0; i < 2; i++)
    await ask("post /v1/orders/{orderId}/invoice", { ...invoice, body: { buyer: "person", title: "子" } });
  await ask("get /v1/orders/{orderId}/invoice", invoice);
  // money back first, once
  for (let i = 0; i < 2; i++)
    await ask("post /ops/v1/stores/{storeId}/orders/{orderId}/compensations", {
      caller: root,
      parameters: { storeId: first.storeId, orderId: first.orderId },
      body: { amountFen: 1, bearer: "platform", reason: "菜叶发黄,当面查看" },
    });
  await hand(first.storeId, other.code);
  await claimed(leader, first);
  await recalled((await world.newArticle({})).articleId);
  const near = await campaign({ invitesRequired: 1 });
  const theirs = await open(elder, near, { communityId });
  await pay(elder, theirs.orderId);
  const mate = await join(friend, theirs.teamId);
  await pay(friend, mate.orderId);
  await hand(theirs.storeId, (await order(elder, theirs.orderId, "pickup-code")).body.code);
  await hand(mate.storeId, (await order(friend, mate.orderId, "pickup-code")).body.code);
  await claim(friend, mate.orderId);
  await ask("post /ops/v1/stores/{storeId}/orders/{orderId}/claim/rejection", {
    caller: root,
    parameters: { storeId: mate.storeId, orderId: mate.orderId },
    body: { reason: "照片不符" },
  });
  await paidByLeader(elder, theirs, { caller: aide, parameters: { communityId, orderId: theirs.orderId } });
  await reroute(first.orderId);
  for (let i = 0; i < 6; i++) await hand(stores[0]!, String(10 ** 11 + i), callers.staff.at(-1)!);

  // an order by weight is packed, once
  const ribs = await world.newArticle({ sale: { by: "weight", grams: 500 } });
  const byWeight = await world.campaign({ articleId: ribs.articleId, invitesRequired: 1 });
  const weighed = await open(third, byWeight.campaignId);
  await pay(third, weighed.orderId);
  await pay(friend, (await join(friend, weighed.teamId)).orderId);
  for (const grams of [480, 450])
    await ask("post /ops/v1/stores/{storeId}/orders/{orderId}/packing", {
      caller: root,
      parameters: { storeId: weighed.storeId, orderId: weighed.orderId },
      body: { grams },
    });

  // money that can't go back by itself
  await local("wechat/refund-plan", { paymentNo: `${joined.orderId}01`, outcome: "abnormal" });
  await order(lonely, joined.orderId, "departure");
  await order(lonely, joined.orderId, "departure");
  await platform.idle();
  const refundId = siblingId("RF", joined.orderId);
  await local("wechat/plan", { refundNo: `${refundId}01`, notify: [{ drop: 2 }] });
  await local("wechat/resolve-refund", { refundNo: `${refundId}01` });
  await platform.idle();
  const stuck = { parameters: { orderId: joined.orderId, refundId } };
  const propose = () =>
    ask("post /ops/v1/orders/{orderId}/refunds/{refundId}/resolution", {
      caller: root,
      ...stuck,
      body: { resolution: "商户平台已处理" },
    });
  const look = "post /ops/v1/orders/{orderId}/refunds/{refundId}/another-look";
  await ask(look, { caller: root, ...stuck, body: because });
  const { proposalId } = (await propose()).body.proposal;
  for (const caller of [root, await staffToken("cashier"), root])
    await ask("post /ops/v1/orders/{orderId}/refunds/{refundId}/resolution/approval", {
      caller,
      ...stuck,
      body: { proposalId },
    });
  await propose();
  await ask(look, { caller: root, ...stuck, body: because });

  // a batch that is cut off, and has its picking list
  const { articleId } = await world.newArticle({});
  const soon = { articleId, holdMinutes: 5, at: { cutOff: 11 * minute } };
  const batch = await world.batch([communityId], soon);
  const ordered = { parameters: { teamId: batch.teamIds[0]! }, body: { units: 10 } };
  await pay(leader, (await made(takeSeat, { caller: leader, ...ordered })).orderId);
  clock.advance(15 * minute);
  await platform.idle();
  await renew();
  await ask("get /ops/v1/stores/{storeId}/campaigns/{campaignId}/picking-list", {
    caller: callers.staff[0]!,
    parameters: { storeId: stores[0]!, campaignId: batch.campaignId },
  });

  await arrives(communityId);
  await tellsNeighbours();
  await grants();
  await cartOrders();
  await homePages();
  await referrals();
  await notify();
}

/** The buyers of what is called back are compensated, once. */
async function recalled(articleId: string): Promise<void> {
  const root = callers.staff[0]!;
  const { recallId } = await made("post /ops/v1/recalls", { caller: root, body: { articleId, reason: "演练" } });
  const path = "/ops/v1/recalls/{recallId}/compensations";
  const at = { caller: root, parameters: { recallId } };
  await ask(`get ${path}`, at);
  const rule = { by: "amount", fen: 1 };
  for (let i = 0; i < 2; i++)
    await ask(`post ${path}`, { ...at, body: { rule, bearer: "platform", reason: "整批胀包" } });
  await ask(`get ${path}`, at);
  await ask("get /ops/v1/recalls/{recallId}/buyers", at);
}

/** Claims one fen of an order that was handed over. */
async function claim(member: Caller, orderId: string): Promise<void> {
  const mine = { caller: member, parameters: { orderId } };
  const form = (await ask("post /v1/orders/{orderId}/evidence", { ...mine, body: { contentType: "image/png" } })).body;
  await sendPicture(form);
  const [{ articleId }] = (await ask("get /v1/orders/{orderId}", mine)).body.lines;
  const lines = [{ articleId, units: 1, reason: "压坏三分之一" }];
  const body = { lines, photos: [form.key], wantedFen: 1 };
  await ask("post /v1/orders/{orderId}/claim", { ...mine, body });
}

/** A claim that the store pays first, once, and that somebody bears, once. */
async function claimed(member: Caller, { orderId, storeId }: { orderId: string; storeId: string }): Promise<void> {
  const root = callers.staff[0]!;
  const mine = { caller: member, parameters: { orderId } };
  const step = (name: string, body: object) =>
    ask(`post /ops/v1/stores/{storeId}/orders/{orderId}/claim/${name}`, {
      caller: root,
      parameters: { orderId, storeId },
      body,
    });
  const reject = { reason: "照片不符" };
  const recover = () =>
    ask("post /ops/v1/orders/{orderId}/claim/recovery", {
      caller: root,
      parameters: { orderId },
      body: { bearer: "platform", reason: "不追究供应商" },
    });
  await ask("get /v1/orders/{orderId}/claim", mine);
  await step("pay", { amountFen: 1 });
  await step("rejection", reject);
  await recover();
  for (let i = 0; i < 2; i++) await claim(member, orderId);
  await ask("get /v1/orders/{orderId}/claim", mine);
  await ask("get /ops/v1/stores/{storeId}/claims", { caller: root, parameters: { storeId } });
  await recover();
  for (let i = 0; i < 2; i++) await step("pay", { amountFen: 1 });
  await step("rejection", reject);
  for (let i = 0; i < 2; i++) await recover();
}

/** A claim that a leader of the community pays first, once. */
async function paidByLeader(
  member: Caller,
  { orderId }: { orderId: string },
  at: { caller: Caller; parameters: Record<string, string> },
): Promise<void> {
  const path = "/v1/leader/communities/{communityId}/orders/{orderId}/claim";
  await ask(`get ${path}`, at);
  await ask(`post ${path}/pay`, { ...at, body: { amountFen: 1 } });
  await claim(member, orderId);
  await ask(`get ${path}`, at);
  for (let i = 0; i < 2; i++) await ask(`post ${path}/pay`, { ...at, body: { amountFen: 1 } });
}

/** Goods that are bought at the cut-off, put off, given back by one member, and received. */
async function arrives(communityId: string): Promise<void> {
  const [root, at = ""] = [callers.staff[0]!, stores[0]];
  const members = [owner, callers.member[0]!];
  const { articleId } = await world.newArticle({});
  const cutOff = 11 * minute;
  const made = await world.batch([communityId], { articleId, holdMinutes: 5, sourced: "to_order", at: { cutOff } });
  const orders: string[] = [];
  for (const caller of members) {
    await ask("post /v1/communities/{communityId}/membership", { caller, parameters: { communityId } });
    const seat = { caller, parameters: { teamId: made.teamIds[0]! }, body: { units: 10 } };
    const { orderId } = (await ask("post /v1/teams/{teamId}/seats", seat)).body;
    orders.push(orderId);
    const { paymentNo } = (await ask("post /v1/orders/{orderId}/payment", { caller, parameters: { orderId } })).body;
    await local("wechat/pay", { paymentNo });
    unpaid.delete(paymentNo);
    await platform.idle();
  }
  clock.advance(15 * minute);
  await platform.idle();
  clock.advance(5 * minute);
  await platform.idle();
  await renew();
  const { items } = (await ask("get /ops/v1/purchase-orders", { caller: root })).body;
  const { purchaseOrderId } = items.find((one: { campaignId: string }) => one.campaignId === made.campaignId);
  await ask("get /ops/v1/purchase-orders/{purchaseOrderId}", { caller: root, parameters: { purchaseOrderId } });
  const line = { caller: root, parameters: { storeId: at, campaignId: made.campaignId } };
  const path = "/ops/v1/stores/{storeId}/purchases/{campaignId}";
  await ask(`get ${path}`, line);
  await ask("get /v1/leader/communities/{communityId}/campaigns/{campaignId}/purchase", {
    caller: await signIn("辰"), // its leader
    parameters: { communityId, campaignId: made.campaignId },
  });
  const back = "post /v1/orders/{orderId}/late-refund";
  const asked = { caller: owner, parameters: { orderId: orders[0]! } };
  await ask(back, asked);
  const expectedAt = toIso(clock.now() + 3 * 24 * hour);
  await ask(`post ${path}/promise`, { ...line, body: { expectedAt, reason: "大雨" } });
  await platform.idle();
  await ask(back, asked);
  for (let i = 0; i < 2; i++) await ask(`post ${path}/arrivals`, { ...line, body: { units: 12, last: true } });
  await ask(`post ${path}/promise`, { ...line, body: { expectedAt, reason: "大雨" } });
}

/** What a leader, a neighbour and a stranger post, say of it, like and report, and what staff decide; a share and a recipe among it. */
async function tellsNeighbours(): Promise<void> {
  const root = callers.staff[0]!;
  const [author, stranger] = [await signIn("戌"), await signIn("亥")];
  const neighbours = await Promise.all(["子丑", "子寅", "子卯"].map(signIn));
  const founded = { storeId: stores[0], name: "食谱群", kind: "interest" };
  const { communityId } = (await ask("post /ops/v1/communities", { caller: root, body: founded })).body;
  const at = { communityId };
  for (const caller of [author, owner, ...neighbours])
    await ask("post /v1/communities/{communityId}/membership", { caller, parameters: at });
  const write = (caller: Caller, body: object) =>
    ask("post /v1/communities/{communityId}/posts", { caller, parameters: at, body });
  const nothing = { articleId: `AR${"0".repeat(24)}`, orderId: `OR${"0".repeat(24)}` };
  await write(stranger, { kind: "text", text: "好" });
  await write(author, { kind: "announcement", text: "周三团购" });
  await write(author, { kind: "share", text: "好", bought: nothing });
  await write(author, { kind: "recipe", text: "好", ingredients: [{ articleId: nothing.articleId, units: 1 }] });
  // of an order that he has, and of one that he waits for
  const { articleId } = await world.newArticle({});
  const campaignId = await campaign({ articleId, invitesRequired: 1 });
  const place = { place: here };
  const opening = { caller: author, parameters: { campaignId }, body: place };
  const opened = await ask("post /v1/campaigns/{campaignId}/teams", opening);
  await ask("post /v1/campaigns/{campaignId}/teams", opening); // he has one that he has not paid
  const bought = { orderId: opened.body.orderId, articleId };
  await write(author, { kind: "share", text: "好", bought });
  await world.table.commit([orders.patch(bought).set({ stage: "HANDED_OVER", seat: "PAID" })]);
  for (let i = 0; i < 2; i++) await write(author, { kind: "share", text: "好", bought });
  // as it was, for the books
  await world.table.commit([orders.patch(bought).set({ stage: "PLACED", seat: "HELD" })]);
  const recipe = await write(author, { kind: "recipe", text: "炒", ingredients: [{ articleId, units: 2 }] });
  await platform.idle();
  const of = { postId: recipe.body.postId };
  const staffs = { caller: root, parameters: at, body: { text: "明天盘点" } };
  await ask("post /ops/v1/communities/{communityId}/posts", staffs);
  await ask("get /v1/me/posts", { caller: author });
  for (const caller of [author, stranger]) {
    await ask("get /v1/communities/{communityId}/posts", { caller, parameters: at });
    await ask("get /v1/posts/{postId}", { caller, parameters: of });
    await ask("get /v1/posts/{postId}/comments", { caller, parameters: of });
    await ask("post /v1/posts/{postId}/comments", { caller, parameters: of, body: { text: "怎么做的" } });
    await ask("put /v1/posts/{postId}/reaction", { caller, parameters: of });
    await ask("delete /v1/posts/{postId}/reaction", { caller, parameters: of });
    await ask("post /v1/posts/{postId}/to-cart", { caller, parameters: of });
  }
  for (const caller of [stranger, ...neighbours])
    await ask("post /v1/posts/{postId}/reports", { caller, parameters: of, body: { reason: "广告" } });
  await ask("get /ops/v1/moderation", { caller: root });
  const decision = { caller: root, parameters: of, body: { decision: "approve", reason: "演练" } };
  for (let i = 0; i < 2; i++) await ask("post /ops/v1/moderation/{postId}", decision);
  await ask("delete /v1/posts/{postId}", { caller: author, parameters: of });
}

/** A coupon with a budget for one: granted, quoted, taken back, and suspended. */
async function grants(): Promise<void> {
  const root = callers.staff[0]!;
  const [member, other] = [await signIn("辰"), await signIn("巳")];
  const now = clock.now();
  const terms = { name: "演练券", off: { by: "amount", fen: 1 }, thresholdFen: 1_000_000, funder: { by: "platform" } };
  const times = { validFrom: toIso(now), validUntil: toIso(now + 30 * 24 * hour) };
  const body = { ...terms, ...times, budgetFen: 1 };
  const { couponId } = (await ask("post /ops/v1/coupons", { caller: root, body })).body;
  const give = ({ memberId }: { memberId: string }) =>
    ask("post /ops/v1/coupons/{couponId}/grants", {
      caller: root,
      parameters: { couponId },
      body: { memberIds: [memberId], reason: "演练" },
    });
  await give(member);
  await give(other);
  const { items } = (await ask("get /v1/coupons", { caller: member })).body;
  const grantId = items.find((one: { name: string }) => one.name === terms.name).grantId;
  const parameters = { campaignId: await campaign({}), couponGrantId: grantId };
  await ask("get /v1/campaigns/{campaignId}/quote", { caller: member, parameters });
  const revocation = { caller: root, parameters: { grantId }, body: { memberId: member.memberId, reason: "演练" } };
  for (let i = 0; i < 2; i++) await ask("post /ops/v1/coupon-grants/{grantId}/revocation", revocation);
  const suspension = { caller: root, parameters: { couponId }, body: { suspended: true, reason: "演练" } };
  await ask("post /ops/v1/coupons/{couponId}/suspension", suspension);
  await give(other);
}

/** Carts that become orders: paid and cancelled by either side, too much asked for, a stranger's coupon. */
async function cartOrders(): Promise<void> {
  const root = callers.staff[0]!;
  const member = await signIn("未");
  const { articleId } = await world.newArticle({ name: "胡萝卜" });
  const body = { lines: [{ articleId, units: 1 }], place: world.here };
  const placed = async (more = {}) =>
    (await ask("post /v1/orders", { caller: member, body: { ...body, ...more } })).body;
  const cancelled = (orderId: string) =>
    ask("post /v1/orders/{orderId}/cancellation", { caller: member, parameters: { orderId } });
  const byStore = (orderId: string, storeId: string) =>
    ask("post /ops/v1/stores/{storeId}/orders/{orderId}/cancellation", {
      caller: root,
      parameters: { orderId, storeId },
      body: { reason: "演练" },
    });
  await ask("put /v1/me/cart", { caller: member, body: { lines: body.lines } });
  await ask("get /v1/me/cart", { caller: member });
  const noSlot = { storeId: stores[0], slotId: "P-20260101-0900-1000" };
  const refused = [noSlot, { couponGrantId: `CG${"0".repeat(24)}` }];
  for (const more of [{}, ...refused]) {
    await ask("post /v1/cart/quotes", { caller: member, body: { ...body, ...more } });
    await placed(more);
  }
  const two = { lines: [{ articleId, units: 2 }] };
  const [mine, theirs, left] = [await placed(), await placed(), await placed(two)];
  for (const { orderId } of [mine, theirs, left]) {
    const { body: asked } = await ask("post /v1/orders/{orderId}/payment", { caller: member, parameters: { orderId } });
    await local("wechat/pay", { paymentNo: asked.paymentNo });
  }
  await platform.idle();
  for (let i = 0; i < 2; i++) await cancelled(mine.orderId);
  for (let i = 0; i < 2; i++) await byStore(theirs.orderId, theirs.storeId);
  await lackedAndLeft(left, articleId);
  await deliveries(member);
  await exhaust(member.memberId);
  await placed();
}

/** An order that goes without a unit, is listed, made ready, and collected by nobody. */
async function lackedAndLeft({ orderId, storeId }: { orderId: string; storeId: string }, articleId: string) {
  const at = { caller: callers.staff[0]!, parameters: { storeId, orderId } };
  const path = "/ops/v1/stores/{storeId}/orders/{orderId}";
  for (const units of [1, 9])
    await ask(`post ${path}/short-picks`, { ...at, body: { articleId, units, remedy: "refund" } });
  await ask(`post ${path}/ready`, at);
  const day = dayOf(clock.now());
  for (const list of ["pick-list", "labels"])
    await ask(`get /ops/v1/stores/{storeId}/${list}`, { ...at, parameters: { storeId, day } });
  const dispose = () => ask(`post ${path}/disposal`, { ...at, body: { note: "报损" } });
  await dispose();
  const then = clock.now() - 72 * hour;
  await world.table.commit([orders.patch({ orderId }).set({ readyAt: then, pickupUntil: then })]);
  await dispose();
}

/** Slots and fees as ops keep them, addresses as members do, and an order that is brought. */
async function deliveries(member: Caller): Promise<void> {
  const root = callers.staff[0]!;
  const [storeId = ""] = stores;
  const parameters = { storeId };
  const plan = { delivery: slots, version: 0, reason: "演练" };
  const rules = { rules: fees, version: 0, reason: "演练" };
  for (let i = 0; i < 2; i++) {
    await ask("put /ops/v1/stores/{storeId}/slot-plan", { caller: root, parameters, body: plan });
    await ask("put /ops/v1/delivery-fees", { caller: root, body: rules });
    await ask("put /ops/v1/stores/{storeId}/delivery-fees", { caller: root, parameters, body: rules });
  }
  await ask("get /ops/v1/stores/{storeId}/slot-plan", { caller: root, parameters });
  await ask("get /ops/v1/delivery-fees", { caller: root });
  await ask("get /ops/v1/stores/{storeId}/delivery-fees", { caller: root, parameters });
  const { items } = (await ask("get /v1/stores/{storeId}/slots", { caller: member, parameters })).body;
  const book = async (caller: Caller, more = {}) =>
    (await ask("post /v1/me/addresses", { caller, body: { ...home, ...more } })).body.addressId;
  const addressId = await book(member);
  const packrat = await signIn("申");
  for (let i = 0; i <= 20; i++) await book(packrat, { address: `淮海中路${i + 1}号` });
  await ask("put /v1/me/addresses/{addressId}", { caller: member, parameters: { addressId }, body: home });
  await ask("get /v1/me/addresses", { caller: member });
  const { articleId } = await world.newArticle({ name: "土豆" });
  const [{ slotId }] = items;
  const body = { lines: [{ articleId, units: 1 }], fulfilment: "delivery", addressId, storeId, slotId };
  await ask("post /v1/cart/quotes", { caller: member, body });
  const { orderId } = (await ask("post /v1/orders", { caller: member, body })).body;
  const asked = { caller: member, parameters: { orderId } };
  const { body: toPay } = await ask("post /v1/orders/{orderId}/payment", asked);
  await local("wechat/pay", { paymentNo: toPay.paymentNo });
  await platform.idle();
  const at = { caller: root, parameters: { storeId, orderId } };
  await ask("get /ops/v1/stores/{storeId}/orders/{orderId}/recipient", at);
  for (const step of ["ready", "dispatch"])
    for (let i = 0; i < 2; i++) await ask(`post /ops/v1/stores/{storeId}/orders/{orderId}/${step}`, at);
  const { code } = (await ask("post /v1/orders/{orderId}/pickup-code", asked)).body;
  await ask("post /ops/v1/stores/{storeId}/pickups", { caller: root, parameters, body: { code } });
  await ask("get /ops/v1/stores/{storeId}/orders/{orderId}/recipient", at);
  await rides(member, { addressId, articleId });
  await ask("delete /v1/me/addresses/{addressId}", { caller: member, parameters: { addressId } });
}

/** An order that a rider brings, all he may do with it and what he may not, and the carriers' callbacks. */
async function rides(of: Caller, { addressId, articleId }: { addressId: string; articleId: string }): Promise<void> {
  const [root, manager] = [callers.staff[0]!, callers.staff[4]!];
  const [storeId = "", other = ""] = stores;
  const nothing = `OR${"0".repeat(24)}`;
  await world.table.commit([
    staffMembers.patch({ staffId: platform.cognito.adminSub }).set({ storeIds: [storeId, other] }),
  ]);
  const shift = (more: object) =>
    ask("put /ops/v1/riders/me/shift", { caller: root, body: { storeId, on: true, room: 2, ...more } });
  const act = (orderId: string, body: object) =>
    ask("post /ops/v1/riders/me/jobs/{orderId}/acts", { caller: root, parameters: { orderId }, body });
  const handover = (orderId: string, digits: string) =>
    ask("post /ops/v1/riders/me/jobs/{orderId}/handover", {
      caller: root,
      parameters: { orderId },
      body: { code: digits },
    });
  const job = (orderId: string) => ({ caller: root, parameters: { orderId } });
  const decide = (orderId: string, decision: string) =>
    ask("post /ops/v1/stores/{storeId}/orders/{orderId}/delivery", {
      caller: root,
      parameters: { storeId, orderId },
      body: { decision, reason: "演练" },
    });
  await act(nothing, { act: "accept" });
  await shift({});
  await act(nothing, { act: "accept" });
  const { items } = (await ask("get /v1/stores/{storeId}/slots", { caller: of, parameters: { storeId } })).body;
  const slot = items.find(({ left }: { left: number }) => left > 0);
  const body = {
    lines: [{ articleId, units: 1 }],
    fulfilment: "delivery",
    addressId,
    storeId,
    slotId: slot.slotId,
  };
  const { orderId } = (await ask("post /v1/orders", { caller: of, body })).body;
  const { body: toPay } = await ask("post /v1/orders/{orderId}/payment", { caller: of, parameters: { orderId } });
  await local("wechat/pay", { paymentNo: toPay.paymentNo });
  await platform.idle();
  const at = { caller: root, parameters: { storeId, orderId } };
  await ask("post /ops/v1/stores/{storeId}/orders/{orderId}/ready", at);
  clock.advance(Math.max(0, Date.parse(slot.from) - 14 * minute - clock.now()));
  await platform.idle();
  await renew();
  const member = { ...(await signIn("未")) };
  const again = { caller: callers.staff[0]!, parameters: { storeId, orderId } };
  Object.assign(root, { token: again.caller.token });
  await act(orderId, { act: "accept" });
  await act(orderId, { act: "accept" });
  await shift({ on: false });
  await ask("get /ops/v1/riders/me/round", { caller: root });
  await act(orderId, { act: "pickUp" });
  await ask("get /ops/v1/riders/me/jobs/{orderId}/recipient", job(orderId));
  await ask("get /ops/v1/riders/me/jobs/{orderId}/recipient", job(nothing));
  await act(orderId, { act: "bringBack", reason: "演练" });
  await decide(nothing, "goodsBack");
  for (let i = 0; i < 2; i++) await decide(orderId, "goodsBack");
  await decide(orderId, "sendAgain");
  await act(orderId, { act: "accept" });
  await act(orderId, { act: "pickUp" });
  clock.advance(Math.max(0, Date.parse(slot.from) - clock.now()));
  await handover(nothing, "052718349960");
  const { code: digits } = (
    await ask("post /v1/orders/{orderId}/pickup-code", { caller: member, parameters: { orderId } })
  ).body;
  await handover(orderId, "052718349960");
  for (let i = 0; i < 2; i++) await handover(orderId, digits);
  await ask("get /ops/v1/riders/me/jobs/{orderId}/recipient", job(orderId));
  for (let i = 0; i < 5; i++) await handover(orderId, String(2 * 10 ** 11 + i));
  await ask("get /ops/v1/riders/me/statement", { caller: root, parameters: { month: "2026-11" } });
  await shift({ on: false });
  await ask("put /ops/v1/riders/me/shift", { caller: manager, body: { storeId, on: true } });
  await ask("get /v1/orders/{orderId}/trail", { caller: member, parameters: { orderId } });
  await ask("get /ops/v1/stores/{storeId}/orders/{orderId}/trail", at);
  await ask("get /ops/v1/stores/{storeId}/orders/{orderId}/trail", {
    caller: root,
    parameters: { storeId, orderId: nothing },
  });
  await ask("get /ops/v1/stores/{storeId}/deliveries", { caller: root, parameters: { storeId } });
  await callbacks(orderId);
}

/** What carriers tell, signed as they do, of another app, by somebody else, and nothing of the kind. */
async function callbacks(orderId: string): Promise<void> {
  const md5 = (text: string) => createHash("md5").update(text).digest("hex");
  const { messageToken } = platform.carriers.config.wechat;
  const intracity = (appid: string, token = messageToken) => {
    const told: Record<string, string | number> = {
      appid,
      order_status: 30000,
      status_change_time: Math.floor(clock.now() / 1000),
      store_order_id: `${orderId}01`,
    };
    const text = Object.entries(told).map(([name, value]) => `${name}=${value}`);
    return JSON.stringify({ ...told, sign: md5(`${text.join("&")}&token=${token}`) });
  };
  const dada = (signature?: string) => {
    const parts = ["28000000000001", `${orderId}01`, String(Math.floor(clock.now() / 1000))];
    const [client_id, order_id, update_time] = parts;
    const signed = signature ?? md5([...parts].sort().join(""));
    return JSON.stringify({
      client_id,
      order_id,
      order_status: 2,
      update_time: Number(update_time),
      signature: signed,
    });
  };
  const tell = (name: string, body: string) =>
    fuzz.exactly(`post /hooks/carriers/${name}`, { body, headers: { "content-type": "application/json" } });
  const { appid } = platform.wechat.config;
  const good = { wechat: intracity(appid), dada: dada() };
  for (const [name, body] of Object.entries(good)) {
    await fuzz.put(tell(name, body));
    await fuzz.put(tell(name, "delivered!"));
    await broken("500", tell(name, body));
    await broken("503", tell(name, body));
  }
  await fuzz.put(tell("wechat", intracity(appid, "another")));
  await fuzz.put(tell("wechat", intracity("wx0")));
  await fuzz.put(tell("dada", dada("0".repeat(32))));
}

/** The chain's page and a store's, each changed twice from the same version. */
async function homePages(): Promise<void> {
  const root = callers.staff[0]!;
  const parameters = { storeId: stores[0]! };
  const blocks = [
    { kind: "articles", articles: [world.articleId] },
    { kind: "campaigns", campaigns: "current" },
  ];
  const body = { blocks, version: 0, reason: "演练" };
  for (let i = 0; i < 2; i++) {
    await ask("put /ops/v1/home", { caller: root, body });
    await ask("put /ops/v1/stores/{storeId}/home", { caller: root, parameters, body });
  }
  await ask("get /ops/v1/home", { caller: root });
  await ask("get /ops/v1/stores/{storeId}/home", { caller: root, parameters });
  await ask("get /v1/stores/{storeId}/home", { caller: owner, parameters });
}

/** A programme, links to campaign and shop, and a referral that a person must decide. */
async function referrals(): Promise<void> {
  const root = callers.staff[0]!;
  const { version } = (await ask("get /ops/v1/referral-programme", { caller: root })).body;
  const noCoupon = makeId("CT", clock.now(), new Uint8Array(14));
  for (let i = 0; i < 2; i++)
    await ask("put /ops/v1/referral-programme", { caller: root, body: { active: true, version, reason: "演练" } });
  const unknown = { active: true, version: version + 1, reason: "演练", inviterCouponId: noCoupon };
  await ask("put /ops/v1/referral-programme", { caller: root, body: unknown });
  const { token } = (await ask("post /v1/shares", { caller: owner, body: {} })).body;
  const [guest] = [await signIn("午")];
  await ask("post /v1/shares/{token}/touches", { caller: guest, parameters: { token } });
  await ask("get /v1/referrals", { caller: owner });
  const { memberId } = guest;
  const held = { memberId, orderId: makeId("OR", clock.now(), new Uint8Array(14)), paidAt: clock.now(), passed: [] };
  await world.table.commit([
    acquisitions.create({ ...held, state: "IN_REVIEW", by: "share", inviterId: owner.memberId, why: "same_address" }),
  ]);
  await ask("get /ops/v1/referrals/{memberId}", { caller: root, parameters: { memberId } });
  const decision = { caller: root, parameters: { memberId }, body: { approved: true, reason: "演练" } };
  for (let i = 0; i < 2; i++) await ask("post /ops/v1/referrals/{memberId}/decision", decision);
}

/** Notifications as WeChat Pay signs and seals them, of payments that nobody asked for. */
async function notify(): Promise<void> {
  const keys = openKeys(dirname(platform.cognito.adminFile), clock.now);
  const { appid, mchid } = keys.config;
  const name = "post /hooks/wechat/pay";
  const notice = (more: object): string =>
    JSON.stringify({
      id: "EV-1",
      event_type: "TRANSACTION.SUCCESS",
      resource_type: "encrypt-resource",
      resource: keys.encrypt(
        JSON.stringify({
          appid,
          mchid,
          out_trade_no: `${makeId("OR", clock.now(), crypto.getRandomValues(new Uint8Array(14)))}01`,
          transaction_id: "4200000000202611230000000001",
          trade_state: "SUCCESS",
          success_time: "2026-11-23T10:05:00+08:00",
          payer: { openid: "o-nobody" },
          amount: { total: 1000, currency: "CNY" },
          ...more,
        }),
        "transaction",
      ),
    });
  const signed = (body: string) => fuzz.exactly(name, { body, headers: keys.sealHeaders(body) });
  await fuzz.put(signed(notice({})));
  await fuzz.put(signed("paid!"));
  await fuzz.put(signed(notice({ mchid: "1900000000" })));
  await broken("500", signed(notice({})));
  await broken("503", signed(notice({})));
}
