import { expect, test, vi } from "vitest";
import { readDadaHint } from "../../functions/adapters/carriers/dada.ts";
import { readIntracityCallback } from "../../functions/adapters/carriers/wechat-intracity.ts";
import { allRoutes } from "../../functions/api/routes.ts";
import type { Deps } from "../../functions/runtime/deps.ts";
import { httpApp } from "../../functions/runtime/http.ts";
import { runCampaign, settlePayment } from "../../shared/groupbuy/index.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { hour, minute, wholeSecond } from "../../shared/kernel/time.ts";
import type { PaymentChannel } from "../../shared/payment/index.ts";
import { members, orders, seatsOfTeam, staffMembers, teams } from "../../shared/table/keys.ts";
import { type Ask, type Callers, createFuzz } from "../api/fuzz.ts";
import { openShop } from "../api/shop.ts";
import { openPlatform } from "../identity/platform.ts";

/**
 * The same requests as of test/api/fuzz.test.ts, nine times as many, without a server between: the routes over the real table.
 * `FUZZ_SEED=… FUZZ_REQUESTS=… npm run test:long -- test/long/fuzz-in-process.test.ts`.
 */
const seed = Number(process.env.FUZZ_SEED ?? 20_261_124);
const most = Number(process.env.FUZZ_REQUESTS ?? 90_000);

const platform = await openPlatform();
const { table, clock } = platform;

/** Codes that WeChat gave out, with whom or what phone they are of; each good once. */
const codes = new Map<string, string>();
let given = 0;
const codeOf = (what: string): string => {
  const code = `code-${++given}`;
  codes.set(code, what);
  return code;
};
const redeemed = async (code: string): Promise<string> => {
  const what = codes.get(code);
  if (what === undefined) throw new DomainError("LOGIN_CODE_INVALID");
  codes.delete(code);
  return what;
};
const staffTokens = new Map<string, string>();
const unasked = () => Promise.reject(new Error("no route asks the channel for this"));
const channel: PaymentChannel = {
  prepay: async ({ paymentNo }) => ({ kind: "ok", prepayId: `prepay-${paymentNo}` }),
  payParameters: (prepayId) => ({ timeStamp: "1", nonceStr: "n", package: prepayId, signType: "RSA", paySign: "s" }),
  query: async () => ({ kind: "absent" }),
  close: async () => ({ kind: "closed" }),
  refund: unasked,
  queryRefund: unasked,
  readNotification: async () => {
    throw new DomainError("NOTIFICATION_UNSIGNED");
  },
};
const deps = {
  ...platform.deps,
  login: {
    exchangeCode: async (code: string) => ({ openid: `o-${await redeemed(code)}` }),
    phoneNumber: redeemed,
  },
  staffTokens: {
    verify: async (token: string) => {
      const staffId = staffTokens.get(token);
      if (staffId === undefined) throw new DomainError("UNAUTHENTICATED");
      return { staffId };
    },
  },
  channel,
  planner: { matrix: async () => undefined },
  carriers: [],
  carrierCallbacks: {
    wechat: (body: string) => readIntracityCallback({ appid: "wx1", messageToken: "token" }, body),
    dada: readDadaHint,
  },
  evidence: {
    upload: (key: string) => ({
      url: "https://evidence.example/",
      fields: { key },
      maxBytes: 5_000_000,
      expiresAt: clock.now() + 10 * minute,
    }),
    view: (key: string) => `https://evidence.example/${key}`,
    arrived: async () => true,
    head: async () => new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0]),
  },
} as unknown as Deps;
const app = httpApp(allRoutes, async () => deps);

const callers: Callers = {
  member: [],
  staff: [],
  ended: { member: { name: "ended", token: "" }, staff: { name: "ended", token: "ended-staff-token-of-nobody" } },
};
const unpaid = new Set<string>();
const teamIds = new Set<string>();
const campaigns = new Set<string>();
const fuzz = createFuzz({
  seed,
  callers,
  now: clock.now,
  send: async ({ method, path, headers, body }: Ask) => {
    clock.advance(1);
    const response = await app.request(path, { method, headers, ...(method !== "GET" && { body: body ?? null }) });
    return { status: response.status, headers: response.headers, text: await response.text() };
  },
  onSuccess: ({ name }, { paymentNo, orderId, teamId, campaignId }) => {
    if (typeof paymentNo === "string") unpaid.add(String(orderId));
    if (typeof teamId === "string") teamIds.add(teamId);
    if (name.endsWith("/publication")) campaigns.add(String(campaignId));
  },
});

const signIn = async (name: string) => {
  const reply = await fuzz.put(fuzz.exactly("post /v1/login", { body: { code: codeOf(name) } }));
  return { name, token: String((JSON.parse(reply.text) as { accessToken: string }).accessToken) };
};
async function renew(): Promise<void> {
  callers.member = [];
  for (const name of ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛"]) callers.member.push(await signIn(name));
  for (let i = 0; i < 8; i++) {
    fuzz.keep("code ", codeOf(`新${i}`));
    fuzz.keep("code ", codeOf(`+8613800000${100 + i}`));
  }
}

let keys = 0;
const made: Parameters<typeof openShop>[0] = async (method, path, token, { body } = {}) => {
  const response = await app.request(path, {
    method: method.toUpperCase(),
    headers: {
      authorization: `Bearer ${token}`,
      "idempotency-key": `set-up-${seed}-${++keys}`,
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (response.status >= 300) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
};
const newShop = async () =>
  openShop(made, {
    root: callers.staff[0]!.token,
    // the others may have signed out
    owner: (await signIn("子")).token,
    now: clock.now(),
    opened: (campaignId) => runCampaign(deps, campaignId, clock.now() + hour),
  });

/** What goes on outside: people pay, campaigns open, minutes pass. */
let rounds = 0;
async function outside(): Promise<void> {
  // somebody whom he made an admin may have dismissed the first one
  await table.commit([staffMembers.patch({ staffId: "root" }).set({ active: true, roles: ["admin"] })]);
  for (const orderId of unpaid) {
    const order = await table.load(orders, { orderId });
    const member = order && (await table.load(members, { memberId: order.memberId }));
    if (order?.seat !== "HELD" || !member) continue;
    await settlePayment(deps, {
      state: "SUCCESS",
      paymentNo: order.paymentNo,
      transactionId: `42${order.paymentNo}`,
      mchid: "1900000001",
      appid: "wx1",
      successTime: wholeSecond(clock.now()),
      totalFen: order.payableFen,
      currency: "CNY",
      openid: member.openid,
    });
  }
  unpaid.clear();
  for (const campaignId of campaigns) await runCampaign(deps, campaignId, clock.now() + hour);
  campaigns.clear();
  clock.advance(minute);
  rounds++;
  if (rounds % 10 === 0) await renew();
  if (rounds % 25 === 0) await newShop();
}

test("ninety thousand requests are answered as the document says, and the counters stay true", async () => {
  const log = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
  const lines: string[] = [];
  for (const stream of log)
    stream.mockImplementation((line) => {
      if (/"code":"(UNEXPECTED|INVARIANT)"/.test(String(line))) lines.push(String(line));
      return true;
    });
  callers.ended.member = await signIn("过期");
  clock.advance(hour);
  await platform.hire("root", ["admin"]);
  await platform.hire("other", ["admin"]);
  for (const name of ["root", "other"]) {
    const token = `a-token-of-staff-${name}`;
    staffTokens.set(token, name);
    callers.staff.push({ name, token });
  }
  await renew();
  await newShop();
  const { storeId } = await newShop();
  await platform.hire("manager", ["store_manager"], [storeId]);
  staffTokens.set("a-token-of-staff-manager", "manager");
  callers.staff.push({ name: "manager", token: "a-token-of-staff-manager" });

  const began = performance.now();
  await fuzz.run(most, 8, outside);
  const seconds = (performance.now() - began) / 1_000;
  for (const stream of log) stream.mockRestore();
  process.stdout.write(
    `fuzz in process, seed ${seed}: ${fuzz.requests} requests, ${Math.round((100 * fuzz.reached) / fuzz.requests)} % reached a ` +
      `handler, ${Math.round(fuzz.requests / seconds)}/s, statuses ${JSON.stringify(fuzz.statuses)}\n`,
  );
  expect(fuzz.wrong.join("\n\n")).toBe("");
  expect(lines).toEqual([]);
  expect(fuzz.requests).toBeGreaterThanOrEqual(most);
  expect(fuzz.reached).toBeGreaterThanOrEqual(fuzz.requests / 4);

  expect(teamIds.size).toBeGreaterThan(0);
  for (const teamId of teamIds) {
    const team = await table.load(teams, { teamId });
    const { items: seats } = await table.page(seatsOfTeam(teamId), { limit: 100 });
    const held = seats.filter((order) => order.seat === "HELD").length;
    const paid = seats.filter((order) => order.disposition === "SEATED" && order.leftAt === undefined).length;
    expect({ teamId, held: team?.held, paid: team?.paid, free: team?.free }).toEqual({
      teamId,
      held,
      paid,
      free: team!.size - held - paid,
    });
  }
});
