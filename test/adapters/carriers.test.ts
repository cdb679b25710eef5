import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { yuanAsFen } from "../../functions/adapters/carriers/config.ts";
import { createDada, dadaSign, readDadaHint } from "../../functions/adapters/carriers/dada.ts";
import { dadaStates, intracityStates } from "../../functions/adapters/carriers/states.ts";
import {
  createWeChatIntracity,
  intracitySign,
  readIntracityCallback,
} from "../../functions/adapters/carriers/wechat-intracity.ts";
import { createWeChatApi } from "../../functions/adapters/wechat/api.ts";
import type { Carrier, CarrierJob, CarrierNews } from "../../shared/dispatch/index.ts";
import { confirmed } from "../../shared/dispatch/take-hint.ts";
import { toGcj02 } from "../../shared/kernel/geo.ts";
import { yuan } from "../../shared/kernel/money.ts";

const now = 1_795_435_205_250;
const env = { clock: { now: () => now }, sleep: () => new Promise<void>(() => {}) };
const jobNo = "OR01KASWB3Q8W5CJ7T2N9RXEH401";
const secret = "dada_secret";

type Body = Record<string, unknown>;
/** What the carrier's side got, and what it answers: a body, an HTTP status, or nothing ("drop"). */
let calls: { path: string; body: Body }[] = [];
let answer: (path: string, body: Body) => unknown = () => ({});
const server = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk) => {
    text += chunk;
  });
  request.on("end", () => {
    const path = (request.url ?? "").split("?")[0]!;
    const body = JSON.parse(text) as Body;
    if (path === "/cgi-bin/stable_token") {
      response.end(JSON.stringify({ access_token: "t1", expires_in: 7200 }));
      return;
    }
    if (path.endsWith("/querystore")) {
      const known = body.out_store_id === "ST1" ? [{ wx_store_id: "4000000000000042001", out_store_id: "ST1" }] : [];
      response.end(JSON.stringify({ errcode: 0, store_list: known }));
      return;
    }
    calls.push({ path, body });
    const told = answer(path, body);
    if (told === "drop") request.socket.destroy();
    else if (typeof told === "number") response.writeHead(told).end();
    else response.end(JSON.stringify(told));
  });
});
let wechat: Carrier;
let dada: Carrier;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kept = new Map<string, { token: string; expiresAt: number }>();
  const api = createWeChatApi({ appid: "wx1", appSecret: "s" }, { apiUrl: url, timeoutMs: 700 }, env, {
    get: async (appid) => kept.get(appid),
    put: async (appid, entry) => void kept.set(appid, entry),
  });
  wechat = createWeChatIntracity(
    { messageToken: "abcdefghi", absentCodes: [934018] },
    api,
    "https://shop.example/hooks/carriers/wechat",
    env,
  );
  dada = createDada(
    { appKey: "dada_app_key", appSecret: secret, sourceId: "73753" },
    { url, callbackUrl: "https://shop.example/hooks/carriers/dada", timeoutMs: 700 },
    env,
  );
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  calls = [];
});

const point = { lat: 31.2231, lng: 121.4737, datum: "wgs84" } as const;
const job: CarrierJob = {
  jobNo,
  orderId: "OR01KASWB3Q8W5CJ7T2N9RXEH4",
  storeId: "ST1",
  recipient: { openid: "o1", name: "王芳", phone: "13800000001", address: "漕溪路9号", point },
  goods: { name: "蔬菜", grams: 1_250, valueFen: 1_990 },
  tipFen: 150,
  promisedUntil: now + 3_600_000,
};
const good = (result: unknown = {}) => ({ status: "success", code: 0, msg: "成功", result });
const bad = (code: number) => ({ status: "fail", code, msg: "no", errorCode: code });
const quote = { feeFen: 850, distanceM: 1_200, quoteNo: "D1", expiresAt: now + 1 };

describe("Dada", () => {
  test("signs to the byte", () => {
    const fields = {
      app_key: "dada_app_key",
      body: '{"order_id":"XL20261123000001"}',
      format: "json",
      source_id: "73753",
      timestamp: 1_795_435_205,
      v: "1.0",
    };
    expect(dadaSign(fields, secret)).toBe("E9EB00D26FD3D174FA2BB3A789ED5556");
  });

  test("is asked for a quote in yuan and GCJ-02, and makes the job out of it", async () => {
    answer = () => good({ fee: 8.5, distance: 1_200.4, deliveryNo: "D1" });
    expect(await dada.quote(job)).toMatchObject({ kind: "quote", quote: { feeFen: 850, quoteNo: "D1" } });
    const { signature, ...fields } = calls[0]!.body as Record<string, string>;
    expect(signature).toBe(dadaSign(fields, secret));
    const { lat, lng } = toGcj02(point);
    expect(JSON.parse(fields.body!)).toMatchObject({
      origin_id: jobNo,
      cargo_price: 19.9,
      cargo_weight: 1.25,
      tips: 1.5,
      receiver_lat: lat,
      receiver_lng: lng,
    });
    answer = () => good();
    expect(await dada.create(job, quote)).toEqual({ kind: "created", feeFen: 850 });
    expect(JSON.parse(String(calls[1]!.body.body))).toEqual({ deliveryNo: "D1" });
    expect(await dada.create(job, { ...quote, expiresAt: now })).toMatchObject({ code: "QUOTE_EXPIRED" });
    expect(calls).toHaveLength(2);
  });

  test("is unknown after a lost answer or a system error, and sent once; refused, busy and absent are told apart", async () => {
    for (const lost of ["drop", 500, bad(-1), "text"]) {
      answer = () => lost;
      expect(await dada.create(job, quote)).toMatchObject({ kind: "unknown" });
    }
    expect(calls).toHaveLength(4);
    answer = () => bad(2062);
    expect(await dada.create(job, quote)).toMatchObject({ kind: "refused", code: "2062" });
    answer = () => 429;
    expect(await dada.create(job, quote)).toEqual({ kind: "busy" });
    answer = () => bad(2005);
    expect(await dada.query(jobNo, "ST1")).toEqual({ kind: "absent" });
    expect(await dada.cancel(jobNo, "customer", "ST1")).toEqual({ kind: "absent" });
  });

  test("tells where a job is, and what a cancellation costs", async () => {
    const told = { orderId: jobNo, statusCode: 2, transporterName: "王", transporterPhone: "13900000002" };
    const where = {
      transporterLng: "121.47",
      transporterLat: "31.22",
      acceptTime: "2026-11-23 20:00:05",
      cancelTime: "",
    };
    answer = () => good({ ...told, ...where, actualFee: 7.05 });
    expect(await dada.query(jobNo, "ST1")).toEqual({
      kind: "job",
      news: {
        jobNo,
        carrier: "dada",
        state: "ACCEPTED",
        at: 1_795_435_205_000,
        raw: "2",
        rider: { name: "王", phone: "13900000002" },
        position: { lat: 31.22, lng: 121.47, datum: "gcj02" },
        feeFen: 705,
      },
    });
    answer = () => good({ ...told, orderId: "another" });
    expect(await dada.query(jobNo, "ST1")).toMatchObject({ kind: "unknown" });
    answer = () => good({ deduct_fee: 2.01 });
    expect(await dada.cancel(jobNo, "customer", "ST1")).toEqual({ kind: "cancelled", deductFen: 201 });
  });

  test("writes yuan that are fen again, whatever they are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_999_999_999 }), (fen) => {
        expect(yuanAsFen.parse(yuan(fen))).toBe(fen);
        expect(yuanAsFen.parse(JSON.parse(JSON.stringify(Number(yuan(fen)))))).toBe(fen);
      }),
    );
    for (const none of ["1.005", "-1", "", "1e3", "NaN", 0.1 + 0.2])
      expect(yuanAsFen.safeParse(none).success).toBe(false);
  });

  const hint = (more: Body) => {
    const fields = { client_id: "280000000012345", order_id: jobNo, update_time: 1_795_435_205, ...more };
    const text = [fields.client_id, fields.order_id, String(fields.update_time)].sort().join("");
    return JSON.stringify({ ...fields, signature: createHash("md5").update(text).digest("hex"), ...more });
  };

  test("maps each of its codes, whoever cancelled and whoever dropped it", () => {
    const states = { 1: "CREATED", 2: "ACCEPTED", 3: "PICKED_UP", 4: "DELIVERED", 5: "CANCELLED", 8: "CREATED" };
    const others = { 9: "RETURNING", 10: "RETURNED", 100: "ARRIVED_STORE", 1000: "FAILED" };
    for (let code = 0; code <= 1_001; code++)
      expect(readDadaHint(hint({ order_status: code })).state).toBe(
        ({ ...states, ...others } as Record<number, string>)[code] ?? "UNKNOWN",
      );
    expect(Object.keys(dadaStates)).toHaveLength(10);
    for (const [from, by] of [
      [1, "carrier"],
      [2, "merchant"],
      [3, "system"],
    ])
      expect(readDadaHint(hint({ order_status: 5, cancel_from: from })).cancelledBy).toBe(by);
    expect(readDadaHint(hint({ order_status: 1, repeat_reason_type: 2 }))).toMatchObject({ state: "RIDER_DROPPED" });
    expect(readDadaHint(hint({ order_status: 1000, update_time: 1_795_435_205_250 })).at).toBe(1_795_435_205_250);
  });

  test("signs callbacks without a secret: forged ones say nothing that the carrier does not bear out", () => {
    const vector = { client_id: "280000000012345", order_id: "XL20261123000001", order_status: 4 };
    const signed = { ...vector, update_time: 1_795_435_205, signature: "8ae804491ffec267d969fed5e3e4cb67" };
    const forged = readDadaHint(JSON.stringify(signed));
    expect(forged).toMatchObject({ state: "DELIVERED", at: 1_795_435_205_000 });
    const news: CarrierNews = { jobNo: forged.jobNo, carrier: "dada", state: "ACCEPTED", at: now, raw: "2" };
    expect(confirmed(forged, { kind: "job", news })).toEqual(news);
    expect(confirmed(forged, { kind: "absent" })).toBeUndefined();
    expect(confirmed(forged, { kind: "unknown", reason: "" })).toBeUndefined();
    expect(confirmed(forged, { kind: "job", news: { ...news, raw: "4", feeFen: 1 } })).toMatchObject({
      ...forged,
      feeFen: 1,
    });
    expect(() => readDadaHint(JSON.stringify({ ...signed, update_time: 1 }))).toThrow();
    expect(() => readDadaHint("{}")).toThrow();
  });
});

describe("WeChat's 同城配送", () => {
  test("quotes and makes a job in fen and GCJ-02, for a store that it knows", async () => {
    answer = () => ({ errcode: 0, est_fee: 1_300, distance: 2_358, promise_delivery_time: 45 });
    expect(await wechat.quote(job)).toEqual({
      kind: "quote",
      quote: { feeFen: 1_300, distanceM: 2_358, arrivesAt: now + 45 * 60_000 },
    });
    answer = () => ({ errcode: 0, store_order_id: jobNo, fee: 1_290 });
    expect(await wechat.create(job, { feeFen: 1_300, distanceM: 2_358 })).toEqual({ kind: "created", feeFen: 1_290 });
    const { lat, lng } = toGcj02(point);
    expect(calls[1]).toMatchObject({
      path: "/cgi-bin/express/intracity/addorder",
      body: {
        store_order_id: jobNo,
        user_openid: "o1",
        user_lat: lat,
        user_lng: lng,
        wx_store_id: "4000000000000042001",
      },
    });
    expect(await wechat.quote({ ...job, storeId: "ST2" })).toMatchObject({ code: "STORE_UNKNOWN" });
    expect(calls).toHaveLength(2);
  });

  test("is unknown, refused, busy or absent as it answers, and sent once", async () => {
    const create = () => wechat.create(job, { feeFen: 1, distanceM: 1 });
    for (const lost of ["drop", 500, { errcode: 0, store_order_id: "another", fee: 1 }]) {
      answer = () => lost;
      expect(await create()).toMatchObject({ kind: "unknown" });
    }
    expect(calls).toHaveLength(3);
    answer = () => ({ errcode: 934009, errmsg: "no balance" });
    expect(await create()).toEqual({ kind: "refused", code: "934009", message: "no balance" });
    answer = () => ({ errcode: 45011 });
    expect(await create()).toEqual({ kind: "busy" });
    answer = () => ({ errcode: 934018 });
    expect(await wechat.query(jobNo, "ST1")).toEqual({ kind: "absent" });
    expect(await wechat.cancel(jobNo, "other", "ST1")).toEqual({ kind: "absent" });
  });

  test("tells where a job is, and what a cancellation costs", async () => {
    const rider = { transporter_name: "李", transporter_phone: "13900000003" };
    const order = { store_order_id: jobNo, order_status: 30_000, create_time: 1, status_change_time: 1_795_435_205 };
    answer = () => ({ errcode: 0, ...order, actualfee: 201, transporter_info: rider });
    expect(await wechat.query(jobNo, "ST1")).toMatchObject({
      news: { state: "ACCEPTED", at: 1_795_435_205_000, feeFen: 201, rider: { name: "李" } },
    });
    answer = () => ({ errcode: 0, deductfee: 500 });
    expect(await wechat.cancel(jobNo, "tooLate", "ST1")).toEqual({ kind: "cancelled", deductFen: 500 });
  });

  const config = { appid: "wx539e0b4872f19621", messageToken: "abcdefghi" };
  const fields = {
    appid: "wx539e0b4872f19621",
    order_status: 40_000,
    service_trans_id: "DADA",
    status_change_time: 1_711_458_532,
    store_order_id: "sa5dadada12fd4assdsdad11s",
    timestamp: 1_711_458_532,
    wx_order_id: "4018734875633256960",
    wx_store_id: "4000000000000042001",
  };
  const signed = (more: Record<string, string | number> = {}, token = config.messageToken) => {
    const content = { ...fields, ...more };
    return { ...content, sign: intracitySign(content, token) };
  };
  const read = (body: unknown) => readIntracityCallback(config, JSON.stringify(body));

  test("signs its callbacks to the byte, and each of its codes is mapped", () => {
    expect(signed().sign).toBe("bb783330085f89499dfc6911e3a2dd31");
    expect(read(signed())).toMatchObject({ state: "ARRIVED_STORE", at: 1_711_458_532_000, raw: "40000" });
    const states: Record<number, string> = {
      10000: "CREATED",
      20000: "CANCELLED",
      20001: "CANCELLED",
      30000: "ACCEPTED",
      40000: "ARRIVED_STORE",
      50000: "PICKED_UP",
      60000: "RIDER_DROPPED",
      70000: "DELIVERED",
      90000: "FAILED",
    };
    expect(Object.keys(intracityStates)).toEqual(Object.keys(states));
    for (const code of [...Object.keys(states).map(Number), 0, 20_002, 80_000, 99_999])
      expect(read(signed({ order_status: code })).state).toBe(states[code] ?? "UNKNOWN");
    expect(read(signed({ order_status: 20_001 })).cancelledBy).toBe("carrier");
  });

  test("forged in any field, under any other token, or of another app, a callback is refused", () => {
    const altered = Object.entries(fields).flatMap(([key, value]) => [
      { ...signed(), [key]: typeof value === "number" ? value + 1 : `${value}1` },
      { ...signed(), [key]: typeof value === "number" ? value - 1 : value.slice(1) },
      Object.fromEntries(Object.entries(signed()).filter(([name]) => name !== key)),
    ]);
    const forged = [
      ...altered,
      ...["", "ABCDEFGHI", "abcdefgh", "abcdefghij"].map((token) => signed({}, token)),
      ...["", "0".repeat(32), signed().sign.toUpperCase(), "a85489d9444bdd382e0de0ddca67a8ee"].map((sign) => ({
        ...fields,
        sign,
      })),
      fields,
      { ...signed(), more: 1 },
      { ...signed(), more: { sign: 1 } },
      signed({ appid: "wx2" }),
      signed({ store_order_id: "x".repeat(30) }),
      signed({ order_status: 1.5 }),
      signed({ status_change_time: 0 }),
      null,
      [],
    ];
    expect(forged.length).toBeGreaterThanOrEqual(40);
    for (const body of forged) expect(() => read(body)).toThrow();
  });
});
