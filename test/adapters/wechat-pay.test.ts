import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWeChatPay } from "../../functions/adapters/wechat/pay.ts";
import { hour } from "../../shared/kernel/time.ts";
import { openWorld, type World } from "../local/wechat-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld({ timeoutMs: 700 });
});
afterAll(() => world.close());

const fault = (op: string, kind: string, times = 1) => world.knob("fault", { match: { op }, kind, times });

describe("a payment", () => {
  test("goes from prepay to paid, and query and notification tell the same transaction", async () => {
    const order = await world.order("Mei", "PAY000001");
    expect(order.prepaid).toEqual({ kind: "ok", prepayId: expect.stringMatching(/^wx/) });
    expect(await world.pay.query("PAY000001")).toEqual({
      kind: "transaction",
      transaction: { paymentNo: "PAY000001", state: "NOTPAY", mchid: world.config.mchid, appid: world.config.appid },
    });
    const prepayId = order.prepaid.kind === "ok" ? order.prepaid.prepayId : "";
    const before = world.received.length;
    await world.knob("pay", { prepayId, user: "Mei" });
    await world.quiet();

    const found = await world.pay.query("PAY000001");
    expect(found).toMatchObject({
      kind: "transaction",
      transaction: { state: "SUCCESS", totalFen: 1280, currency: "CNY", openid: order.openid },
    });
    const successTime = found.kind === "transaction" ? found.transaction.successTime : undefined;
    expect(successTime).toBe(Math.floor(world.clock.now() / 1000) * 1000);
    expect(world.received).toHaveLength(before + 1);
    const notice = world.received[before];
    expect(notice?.path).toBe("/hooks/wechat/pay");
    expect(await world.pay.readNotification(notice?.headers ?? {}, notice?.body ?? "")).toEqual({
      id: expect.any(String),
      kind: "payment",
      transaction: found.kind === "transaction" && found.transaction,
    });
  });

  test("re-enters with identical parameters for a fresh prepay id, and is refused with others", async () => {
    const { prepaid, ...request } = await world.order("Mei", "PAY000002");
    const again = await world.pay.prepay(request);
    expect(again.kind).toBe("ok");
    expect(again).not.toEqual(prepaid);
    expect(await world.pay.prepay({ ...request, amountFen: 1 })).toMatchObject({
      kind: "refused",
      code: "INVALID_REQUEST",
    });
    expect(await world.pay.prepay({ ...request, expiresAt: request.expiresAt + 1_000 })).toMatchObject({
      kind: "refused",
    });
  });

  test("that is paid or closed says so when asked for again", async () => {
    const { prepaid: _, ...paid } = await world.paidOrder("Mei", "PAY000003");
    expect(await world.pay.prepay(paid)).toEqual({ kind: "paid" });
    expect(await world.pay.close("PAY000003")).toEqual({ kind: "paid" });
    const { prepaid: __, ...closed } = await world.order("Mei", "PAY000004");
    expect(await world.pay.close("PAY000004")).toEqual({ kind: "closed" });
    expect(await world.pay.close("PAY000004")).toEqual({ kind: "closed" });
    expect(await world.pay.prepay(closed)).toEqual({ kind: "closed" });
    expect(await world.pay.query("PAY000004")).toMatchObject({ transaction: { state: "CLOSED" } });
  });

  test("nobody asked for is absent", async () => {
    expect(await world.pay.query("PAY999999")).toEqual({ kind: "absent" });
    expect(await world.pay.close("PAY999999")).toEqual({ kind: "absent" });
    expect(await world.pay.queryRefund("RF999999")).toEqual({ kind: "absent" });
  });

  test("with a number or amount against the rules is refused", async () => {
    const { prepaid: _, ...request } = await world.order("Mei", "PAY000005");
    expect(await world.pay.prepay({ ...request, paymentNo: "P1" })).toMatchObject({ code: "PARAM_ERROR" });
    expect(await world.pay.prepay({ ...request, paymentNo: "P".repeat(33) })).toMatchObject({ code: "PARAM_ERROR" });
    expect(await world.pay.prepay({ ...request, paymentNo: "PAY.00006" })).toMatchObject({ code: "PARAM_ERROR" });
    expect(await world.pay.prepay({ ...request, paymentNo: "PAY000006", amountFen: 0 })).toMatchObject({
      code: "PARAM_ERROR",
    });
    expect(await world.pay.prepay({ ...request, paymentNo: "PAY000006", openid: "oNobody" })).toMatchObject({
      code: "PARAM_ERROR",
    });
    const long = { ...request, paymentNo: "PAY000006", description: "蔬菜".repeat(100) };
    expect(await world.pay.prepay(long)).toMatchObject({ kind: "ok" });
  });
});

describe("a refund", () => {
  test("is accepted, then succeeds, and the same number never pays twice", async () => {
    await world.paidOrder("Lan", "PAY000010", 1000);
    await world.knob("refund-plan", { refundNo: "RF10A", outcome: { processing: 60_000 } });
    const request = { refundNo: "RF10A", paymentNo: "PAY000010", refundFen: 400, totalFen: 1000, reason: "未成团" };
    const accepted = await world.pay.refund(request);
    expect(accepted).toMatchObject({
      kind: "refund",
      refund: { refundNo: "RF10A", paymentNo: "PAY000010", status: "PROCESSING", refundFen: 400, totalFen: 1000 },
    });
    expect(await world.pay.refund(request)).toEqual(accepted);
    expect(await world.pay.queryRefund("RF10A")).toEqual(accepted);
    expect(await world.pay.refund({ ...request, refundFen: 401 })).toMatchObject({ kind: "refused" });
    expect(await world.pay.query("PAY000010")).toMatchObject({ transaction: { state: "REFUND", totalFen: 1000 } });

    const before = world.received.length;
    world.clock.advance(60_000);
    await world.quiet();
    const done = await world.pay.queryRefund("RF10A");
    expect(done).toMatchObject({ refund: { status: "SUCCESS", successTime: expect.any(Number) } });
    const notice = world.received[before];
    expect(await world.pay.readNotification(notice?.headers ?? {}, notice?.body ?? "")).toEqual({
      id: expect.any(String),
      kind: "refund",
      refund: done.kind === "refund" && done.refund,
    });
  });

  test("waits for the balance under the same number and goes through after a top-up", async () => {
    await world.paidOrder("Lan", "PAY000011", 500);
    await world.knob("refund-plan", { paymentNo: "PAY000011", outcome: "not-enough" });
    const request = { refundNo: "RF11A", paymentNo: "PAY000011", refundFen: 500, totalFen: 500, reason: "未成团" };
    expect(await world.pay.refund(request)).toEqual({ kind: "notEnough" });
    expect(await world.pay.queryRefund("RF11A")).toEqual({ kind: "absent" });
    await world.knob("top-up", {});
    expect(await world.pay.refund(request)).toMatchObject({ kind: "refund" });
  });

  test("can end abnormal or closed", async () => {
    await world.paidOrder("Lan", "PAY000012", 500);
    for (const [refundNo, outcome] of [
      ["RF12A", "abnormal"],
      ["RF12B", "closed"],
    ] as const) {
      await world.knob("refund-plan", { refundNo, outcome });
      const request = { refundNo, paymentNo: "PAY000012", refundFen: 100, totalFen: 500, reason: "" };
      expect(await world.pay.refund(request)).toMatchObject({ refund: { status: outcome.toUpperCase() } });
    }
    await world.knob("resolve-refund", { refundNo: "RF12A" });
    expect(await world.pay.queryRefund("RF12A")).toMatchObject({ refund: { status: "SUCCESS" } });
  });

  test("of more than was paid, or of nothing that was paid, is refused", async () => {
    await world.paidOrder("Lan", "PAY000013", 500);
    const request = { refundNo: "RF13A", paymentNo: "PAY000013", refundFen: 300, totalFen: 500, reason: "" };
    expect(await world.pay.refund(request)).toMatchObject({ kind: "refund" });
    expect(await world.pay.refund({ ...request, refundNo: "RF13B" })).toMatchObject({ kind: "refused" });
    expect(await world.pay.refund({ ...request, refundNo: "RF13C", totalFen: 501 })).toMatchObject({ kind: "refused" });
    await world.order("Lan", "PAY000014", 500);
    expect(await world.pay.refund({ ...request, refundNo: "RF14A", paymentNo: "PAY000014" })).toMatchObject({
      kind: "refused",
    });
  });
});

describe("when an answer does not come as it should", () => {
  test.each(["500-after-effect", "drop-answer"])(
    "%s: unknown, and asking under the same number finds it",
    async (kind) => {
      const no = kind === "drop-answer" ? "PAY000020" : "PAY000021";
      await fault("prepay", kind);
      const { prepaid, ...request } = await world.order("Bo", no, 900);
      expect(prepaid).toMatchObject({ kind: "unknown" });
      expect(await world.pay.query(no)).toMatchObject({ transaction: { state: "NOTPAY" } });
      expect(await world.pay.prepay(request)).toMatchObject({ kind: "ok" });
      await world.knob("pay", { paymentNo: no });

      const refund = { refundNo: `RF${no}`, paymentNo: no, refundFen: 900, totalFen: 900, reason: "" };
      await fault("refund", kind);
      expect(await world.pay.refund(refund)).toMatchObject({ kind: "unknown" });
      expect(await world.pay.queryRefund(refund.refundNo)).toMatchObject({ kind: "refund" });
      expect(await world.pay.refund(refund)).toMatchObject({ kind: "refund" });
      const { payments } = await world.knob<{ payments: { paymentNo: string; refundedFen: number }[] }>("GET book");
      await world.quiet();
      expect(payments.filter(({ paymentNo }) => paymentNo === no)).toHaveLength(1);
    },
  );

  test("500-before and timeout: unknown, and nothing was done", async () => {
    await fault("prepay", "500-before");
    expect((await world.order("Bo", "PAY000022")).prepaid).toEqual({ kind: "unknown", reason: "HTTP 500" });
    await fault("prepay", "timeout");
    expect((await world.order("Bo", "PAY000022")).prepaid).toEqual({
      kind: "unknown",
      reason: "no answer within 700 ms",
    });
    expect(await world.pay.query("PAY000022")).toEqual({ kind: "absent" });
  });

  test("a lost close is unknown, and closed when asked again", async () => {
    await world.order("Bo", "PAY000023");
    await fault("close", "drop-answer");
    expect(await world.pay.close("PAY000023")).toMatchObject({ kind: "unknown" });
    expect(await world.pay.close("PAY000023")).toEqual({ kind: "closed" });
  });

  test("429 is busy for every operation", async () => {
    for (const op of ["prepay", "query", "close", "refund", "queryRefund"]) await fault(op, "429");
    expect((await world.order("Bo", "PAY000024")).prepaid).toEqual({ kind: "busy" });
    expect(await world.pay.query("PAY000024")).toEqual({ kind: "busy" });
    expect(await world.pay.close("PAY000024")).toEqual({ kind: "busy" });
    const refund = { refundNo: "RF24A", paymentNo: "PAY000024", refundFen: 1, totalFen: 1, reason: "" };
    expect(await world.pay.refund(refund)).toEqual({ kind: "busy" });
    expect(await world.pay.queryRefund("RF24A")).toEqual({ kind: "busy" });
  });

  test("an outage is unknown, with a reason that names no secret", async () => {
    await world.knob("outage", { on: true });
    const answer = await world.pay.query("PAY000001");
    await world.knob("outage", { on: false });
    expect(answer).toEqual({ kind: "unknown", reason: "the connection failed" });
  });

  test("our own wrong key is unknown and tells the remedy", async () => {
    const { platformKeys, ...rest } = world.config;
    const other = await openWorld();
    const endpoints = { payUrl: world.sandbox.url, notifyBase: world.notifyBase };
    const pay = createWeChatPay(
      { ...rest, merchantPrivateKey: other.config.merchantPrivateKey, platformKeys },
      endpoints,
      world.env,
    );
    await other.close();
    expect(await pay.query("PAY000001")).toMatchObject({
      kind: "unknown",
      reason: expect.stringContaining("check merchantSerial"),
    });
  });

  test("an answer signed by somebody else, unsigned, stale, redirected or about another number is not believed", async () => {
    const answers: Record<string, [status: number, headers: Record<string, string>, body: string]> = {};
    const imposter = createServer((request, response) => {
      const [status, headers, body] = answers[request.url?.split("?")[0]?.split("/").at(-1) ?? ""] ?? [500, {}, ""];
      response.writeHead(status, headers).end(body);
    });
    await new Promise<void>((resolve) => imposter.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(imposter.address() as AddressInfo).port}`;
    const pay = createWeChatPay(world.config, { payUrl: url, notifyBase: url }, world.env);

    const { createSign } = await import("node:crypto");
    const { readFileSync } = await import("node:fs");
    const kept = JSON.parse(readFileSync(`${world.dataDir}/wechat-keys.json`, "utf8")) as {
      platform: { serial: string; privateKey: string }[];
    };
    const key = kept.platform.at(-1);
    const signed = (body: string, ageMs = 0) => {
      const timestamp = String(Math.floor((world.clock.now() - ageMs) / 1000));
      const signature = createSign("sha256")
        .update(`${timestamp}\nn\n${body}\n`)
        .sign(key?.privateKey ?? "", "base64");
      return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": "n",
        "Wechatpay-Serial": key?.serial ?? "",
        "Wechatpay-Signature": signature,
      };
    };
    const truth = JSON.stringify({
      appid: world.config.appid,
      mchid: world.config.mchid,
      out_trade_no: "GOOD",
      trade_state: "NOTPAY",
    });
    answers.GOOD = [200, signed(truth), truth];
    answers.UNSIGNED = [200, {}, truth];
    answers.CHANGED = [200, signed(`${truth} `), truth];
    answers.STALE = [200, signed(truth, 301_000), truth];
    answers.OTHER = [200, signed(truth), truth];
    answers.REDIRECT = [302, { Location: `${world.sandbox.url}/` }, ""];
    answers.ABSENT = [404, {}, '{"code":"ORDER_NOT_EXIST","message":""}'];
    answers.NONSENSE = [200, signed("[]"), "[]"];
    expect(await pay.query("GOOD")).toMatchObject({ kind: "transaction" });
    for (const name of ["UNSIGNED", "CHANGED", "STALE", "OTHER", "REDIRECT", "ABSENT", "NONSENSE"])
      expect([name, (await pay.query(name)).kind]).toEqual([name, "unknown"]);

    const asked = { refundNo: "RF1", paymentNo: "PAY1", refundFen: 10, totalFen: 100, reason: "" };
    const refund = (change: object = {}, amount: object = {}) => {
      const body = JSON.stringify({
        refund_id: "R1",
        out_refund_no: "RF1",
        out_trade_no: "PAY1",
        status: "PROCESSING",
        amount: { refund: 10, total: 100, ...amount },
        ...change,
      });
      answers.refunds = [200, signed(body), body];
      answers.RF1 = answers.refunds;
    };
    refund();
    expect(await pay.refund(asked)).toMatchObject({ kind: "refund" });
    expect(await pay.queryRefund("RF1")).toMatchObject({ kind: "refund" });
    for (const [change, amount] of [
      [{ out_refund_no: "RF2" }],
      [{ out_trade_no: "PAY2" }],
      [{}, { refund: 11 }],
      [{}, { total: 101 }],
      [{ status: "SUCCESS" }],
      [{ status: "DONE" }],
    ]) {
      refund(change, amount);
      expect([change, amount, (await pay.refund(asked)).kind]).toEqual([change, amount, "unknown"]);
    }
    refund({ out_refund_no: "RF2" });
    expect(await pay.queryRefund("RF1")).toMatchObject({ kind: "unknown" });
    imposter.closeAllConnections();
    await new Promise((resolve) => imposter.close(resolve));
  });
});

test("answers and notifications are trusted in both modes, and after a rotation once the configuration is read again", async () => {
  await world.order("Ru", "PAY000030");
  await world.knob("rotate-key", { mode: "certificate" });
  expect(await world.pay.query("PAY000030")).toMatchObject({ kind: "transaction" });
  await world.knob("rotate-key", { mode: "certificate" });
  expect(await world.pay.query("PAY000030")).toMatchObject({ kind: "unknown" });
  world.rebuild();
  expect(await world.pay.query("PAY000030")).toMatchObject({ kind: "transaction" });
  await world.knob("rotate-key", { mode: "public-key" });
  expect(await world.pay.query("PAY000030")).toMatchObject({ kind: "transaction" });
});

test("a prepay id is good for two hours", async () => {
  const { openid } = await world.knob<{ openid: string }>("login-code", { user: "Ru" });
  const request = {
    paymentNo: "PAY000031",
    description: "x",
    amountFen: 1,
    openid,
    expiresAt: world.clock.now() + 5 * hour,
  };
  const first = await world.pay.prepay(request);
  const prepayId = first.kind === "ok" ? first.prepayId : "";
  world.clock.advance(2 * hour);
  await expect(world.knob("pay", { prepayId })).rejects.toThrow("older than 2 h");
  const second = await world.pay.prepay(request);
  await world.knob("pay", { prepayId: second.kind === "ok" ? second.prepayId : "" });
  await world.quiet();
  expect(await world.pay.query("PAY000031")).toMatchObject({ transaction: { state: "SUCCESS" } });
});
