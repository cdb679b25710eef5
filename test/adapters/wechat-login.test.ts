import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWeChatApi } from "../../functions/adapters/wechat/api.ts";
import { createWeChatLogin } from "../../functions/adapters/wechat/login.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { hour, minute } from "../../shared/kernel/time.ts";
import { openWorld, type World } from "../local/wechat-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld({ timeoutMs: 700 });
});
afterAll(() => world.close());

const codeFor = (user: string) => world.knob<{ code: string; openid: string; unionid: string }>("login-code", { user });
const phoneCodeFor = (user: string, phone: string) => world.knob<{ code: string }>("phone-code", { user, phone });
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "no refusal",
    (error: unknown) => (error instanceof DomainError ? error.code : error),
  );
const token = () => world.tokens.get(world.config.appid)?.token;

describe("login", () => {
  test("gives the same person the same openid, once per code", async () => {
    const { code, openid, unionid } = await codeFor("Mei");
    expect(await world.login.exchangeCode(code)).toEqual({ openid, unionid });
    expect(await refusal(world.login.exchangeCode(code))).toBe("LOGIN_CODE_INVALID");
    const next = await codeFor("Mei");
    expect(await world.login.exchangeCode(next.code)).toEqual({ openid, unionid });
  });

  test("takes no made-up code, no code after five minutes and no phone code", async () => {
    expect(await refusal(world.login.exchangeCode("made-up&appid=x"))).toBe("LOGIN_CODE_INVALID");
    const { code } = await codeFor("Mei");
    world.clock.advance(5 * minute);
    expect(await refusal(world.login.exchangeCode(code))).toBe("LOGIN_CODE_INVALID");
    const phone = await phoneCodeFor("Mei", "13812345678");
    expect(await refusal(world.login.exchangeCode(phone.code))).toBe("LOGIN_CODE_INVALID");
  });

  test("of a user whom WeChat blocks is refused", async () => {
    await world.knob("user", { user: "Villain", blocked: true });
    const { code } = await codeFor("Villain");
    expect(await refusal(world.login.exchangeCode(code))).toBe("USER_BLOCKED");
  });

  test("tells busy from broken", async () => {
    const { code } = await codeFor("Mei");
    await world.knob("fault", { match: { op: "login" }, kind: "429" });
    expect(await refusal(world.login.exchangeCode(code))).toBe("LOGIN_BUSY");
    for (const kind of ["500-before", "timeout"]) {
      await world.knob("fault", { match: { path: "/sns/" }, kind });
      expect(await refusal(world.login.exchangeCode(code))).toBe("WECHAT_UNAVAILABLE");
    }
    await world.knob("outage", { on: true });
    const error = await world.login.exchangeCode(code).catch((thrown: Error) => thrown);
    await world.knob("outage", { on: false });
    expect(`${(error as Error).message}${(error as Error).stack}`).not.toContain(world.config.appSecret);
    expect(await world.login.exchangeCode(code)).toMatchObject({ openid: expect.any(String) });
  });

  test("with a wrong secret is our fault, not the member's", async () => {
    const config = { ...world.config, appSecret: "wrong" };
    const api = createWeChatApi(config, { apiUrl: world.sandbox.url }, world.env, {
      get: async () => undefined,
      put: async () => {},
    });
    const { code } = await codeFor("Mei");
    expect(await refusal(createWeChatLogin(config, api).exchangeCode(code))).toBe("WECHAT_UNAVAILABLE");
  });
});

describe("the phone number", () => {
  test("comes as E.164, once per code", async () => {
    const { code } = await phoneCodeFor("Mei", "13812345678");
    expect(await world.login.phoneNumber(code)).toBe("+8613812345678");
    expect(await refusal(world.login.phoneNumber(code))).toBe("LOGIN_CODE_INVALID");
    const { code: loginCode } = await codeFor("Mei");
    expect(await refusal(world.login.phoneNumber(loginCode))).toBe("LOGIN_CODE_INVALID");
  });

  test("needs one access token for many callers at once, kept until WeChat would renew it", async () => {
    world.tokens.clear();
    const fetches = world.tokenFetches;
    await world.knob("revoke-token", {});
    const codes = await Promise.all(["1", "2", "3", "4"].map((digit) => phoneCodeFor("Mei", `1381234567${digit}`)));
    const numbers = await Promise.all(codes.map(({ code }) => world.login.phoneNumber(code)));
    expect(new Set(numbers).size).toBe(4);
    expect(world.tokenFetches - fetches).toBe(1);
    const first = token();
    world.clock.advance(hour);
    await world.login.phoneNumber((await phoneCodeFor("Mei", "13812345678")).code);
    expect(token()).toBe(first);
    world.clock.advance(hour - 5 * minute);
    await world.login.phoneNumber((await phoneCodeFor("Mei", "13812345678")).code);
    expect(token()).not.toBe(first);
  });

  test("survives a token that WeChat took back, with one fetch for all who noticed", async () => {
    const before = token();
    await world.knob("revoke-token", {});
    const codes = await Promise.all([phoneCodeFor("Mei", "13900000001"), phoneCodeFor("Mei", "13900000002")]);
    expect(await Promise.all(codes.map(({ code }) => world.login.phoneNumber(code)))).toEqual([
      "+8613900000001",
      "+8613900000002",
    ]);
    expect(token()).not.toBe(before);
  });

  test("is unavailable when the token can't be had, and comes back afterwards", async () => {
    world.tokens.clear();
    const { code } = await phoneCodeFor("Mei", "13812345678");
    await world.knob("fault", { match: { op: "token" }, kind: "500-before" });
    expect(await refusal(world.login.phoneNumber(code))).toBe("WECHAT_UNAVAILABLE");
    expect(await world.login.phoneNumber(code)).toBe("+8613812345678");
  });
});

test("hostile answers are refused, not believed", async () => {
  const bodies = ["", "[]", "null", '{"errcode":"0"}', '{"openid":7}', '{"openid":""}', "<html>", '{"errcode":0}'];
  let next = "";
  const server = createServer((_request, response) => response.writeHead(200).end(next));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tokens = { get: async () => ({ token: "t", expiresAt: Number.MAX_SAFE_INTEGER }), put: async () => {} };
  const login = createWeChatLogin(world.config, createWeChatApi(world.config, { apiUrl }, world.env, tokens));
  for (const body of bodies) {
    next = body;
    expect([body, await refusal(login.exchangeCode("c"))]).toEqual([body, "WECHAT_UNAVAILABLE"]);
    expect([body, await refusal(login.phoneNumber("c"))]).toEqual([body, "WECHAT_UNAVAILABLE"]);
  }
  next = JSON.stringify({
    phone_info: { purePhoneNumber: "13812345678", countryCode: "86", watermark: { appid: "another" } },
  });
  expect(await refusal(login.phoneNumber("c"))).toBe("LOGIN_CODE_INVALID");
  await new Promise((resolve) => server.close(resolve));
});

describe("the shipping upload", () => {
  test("of a pickup is kept, and a repeat is a success", async () => {
    const { openid } = await world.paidOrder("Lan", "SHIP00001");
    const pickup = {
      paymentNo: "SHIP00001",
      openid,
      description: "蔬".repeat(130),
      handedOverAt: world.clock.now(),
      way: "pickup" as const,
    };
    expect(await world.shipping.uploadPickup(pickup)).toEqual({ kind: "uploaded" });
    expect(await world.shipping.uploadPickup(pickup)).toEqual({ kind: "uploaded" });
    const shipped = await world.knob<Record<string, unknown>[]>("GET shipping");
    expect(shipped).toEqual([
      expect.objectContaining({ paymentNo: "SHIP00001", uploads: 1, logistics_type: 4, delivery_mode: 1 }),
    ]);
    const order = await world.api.callWithToken("/wxa/sec/order/get_order", { merchant_trade_no: "SHIP00001" });
    expect(order).toMatchObject({ kind: "ok", body: { order: { order_state: 2, paid_amount: 1280, openid } } });
  });

  test("after both uploads were used counts as done", async () => {
    const { openid } = await world.paidOrder("Lan", "SHIP00002");
    const upload = (description: string) =>
      world.shipping.uploadPickup({
        paymentNo: "SHIP00002",
        openid,
        description,
        handedOverAt: world.clock.now(),
        way: "pickup",
      });
    for (const description of ["one", "two", "three"]) expect(await upload(description)).toEqual({ kind: "uploaded" });
    const shipped = await world.knob<Record<string, unknown>[]>("GET shipping");
    expect(shipped.find(({ paymentNo }) => paymentNo === "SHIP00002")).toMatchObject({
      uploads: 2,
      shipping_list: [{ item_desc: "two" }],
    });
  });

  test("of somebody else's, an unpaid or an unknown payment is refused", async () => {
    const { openid } = await world.paidOrder("Lan", "SHIP00003");
    const handedOverAt = world.clock.now();
    const upload = (paymentNo: string, who: string) =>
      world.shipping.uploadPickup({ paymentNo, openid: who, description: "x", handedOverAt, way: "pickup" });
    expect(await upload("SHIP00003", "oSomebodyElse")).toMatchObject({ kind: "refused", code: "10060031" });
    expect(await upload("SHIP09999", openid)).toMatchObject({ kind: "refused", code: "10060001" });
    await world.order("Lan", "SHIP00004");
    expect(await upload("SHIP00004", openid)).toMatchObject({ kind: "refused", code: "10060001" });
  });

  test("whose answer is lost is unknown, then done", async () => {
    const { openid } = await world.paidOrder("Lan", "SHIP00005");
    const pickup = {
      paymentNo: "SHIP00005",
      openid,
      description: "x",
      handedOverAt: world.clock.now(),
      way: "pickup" as const,
    };
    await world.knob("fault", { match: { op: "shipping" }, kind: "drop-answer" });
    expect(await world.shipping.uploadPickup(pickup)).toEqual({ kind: "unknown", reason: "the connection failed" });
    await world.knob("fault", { match: { op: "shipping" }, kind: "429" });
    expect(await world.shipping.uploadPickup(pickup)).toEqual({ kind: "busy" });
    expect(await world.shipping.uploadPickup(pickup)).toEqual({ kind: "uploaded" });
  });
});
