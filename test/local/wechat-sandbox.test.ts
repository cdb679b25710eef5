import { spawnSync } from "node:child_process";
import {
  constants,
  createDecipheriv,
  createHash,
  createPublicKey,
  publicEncrypt,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { day, hour, minute, second } from "../../shared/kernel/time.ts";
import { openWorld, start, type World } from "./wechat-world.ts";

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

interface Delivered {
  number: string;
  state: string;
  attempt: number;
  deliveries: { at: number; action: string; status: number | null }[];
}
const notifications = () => world.knob<Delivered[]>("GET notifications");
const notificationOf = async (number: string) => (await notifications()).find((row) => row.number === number);
const book = () => world.knob<{ payments: Record<string, unknown>[]; refunds: Record<string, unknown>[] }>("GET book");
const quietAfter = async (ms: number) => {
  world.clock.advance(ms);
  await world.quiet();
};

/** A call signed as the merchant, with room to sign it wrongly. */
async function call(
  method: "GET" | "POST",
  path: string,
  content?: unknown,
  wrong: {
    fields?: Record<string, string>;
    signedPath?: string;
    sentBody?: string;
    headers?: Record<string, string>;
  } = {},
) {
  const { mchid, merchantSerial, merchantPrivateKey } = world.config;
  const body = content === undefined ? "" : JSON.stringify(content);
  const fields: Record<string, string> = {
    mchid,
    nonce_str: "ABCDEF0123456789",
    timestamp: String(Math.floor(world.clock.now() / 1000)),
    serial_no: merchantSerial,
    ...wrong.fields,
  };
  const message = `${method}\n${wrong.signedPath ?? path}\n${fields.timestamp}\n${fields.nonce_str}\n${body}\n`;
  fields.signature ??= sign("sha256", Buffer.from(message), merchantPrivateKey).toString("base64");
  const sent = wrong.sentBody ?? body;
  const response = await fetch(`${world.sandbox.url}${path}`, {
    method,
    headers: {
      Accept: "application/json",
      "User-Agent": "test",
      ...(sent && { "Content-Type": "application/json" }),
      Authorization: `WECHATPAY2-SHA256-RSA2048 ${Object.entries(fields)
        .map(([name, value]) => `${name}="${value}"`)
        .join(",")}`,
      ...wrong.headers,
    },
    ...(sent && { body: sent }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const text = bytes.toString();
  let parsed: Record<string, unknown> = {};
  try {
    parsed = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // a bill, or nothing
  }
  return { status: response.status, headers: response.headers, bytes, text, body: parsed };
}
const queryPath = (no: string) => `/v3/pay/transactions/out-trade-no/${no}?mchid=${world.config.mchid}`;

describe("our signature is checked exactly", () => {
  test("and every other one is answered 401 SIGN_ERROR, unsigned", async () => {
    await world.order("Mei", "SIGN00001");
    const path = queryPath("SIGN00001");
    expect((await call("GET", path)).status).toBe(200);
    const now = Math.floor(world.clock.now() / 1000);
    const wrongs: Parameters<typeof call>[3][] = [
      { fields: { signature: "AAAA" } },
      { fields: { mchid: "1900000000" } },
      { fields: { serial_no: "00" } },
      { fields: { timestamp: String(now - 301) } },
      { fields: { timestamp: String(now + 301) } },
      { fields: { nonce_str: "" } },
      { signedPath: path.split("?")[0] as string },
      { headers: { Authorization: "Bearer x" } },
    ];
    for (const wrong of wrongs) {
      const answer = await call("GET", path, undefined, wrong);
      expect([answer.status, answer.body.code]).toEqual([401, "SIGN_ERROR"]);
      expect(answer.headers.get("wechatpay-signature")).toBeNull();
    }
    const close = path.replace(/\?.*/, "/close");
    const respaced = { sentBody: `{"mchid": "${world.config.mchid}"}` };
    expect((await call("POST", close, { mchid: world.config.mchid }, respaced)).status).toBe(401);
    expect((await call("POST", close, { mchid: world.config.mchid })).status).toBe(204);
  });

  test("and every other answer carries WeChat Pay's own, and the finer number of a problem", async () => {
    const answer = await call("GET", queryPath("SIGN00002"));
    expect(answer.status).toBe(404);
    expect(answer.headers.get("request-id")).toMatch(/-268512771$/);
    const [timestamp, nonce, serial, signature] = ["timestamp", "nonce", "serial", "signature"].map(
      (name) => answer.headers.get(`wechatpay-${name}`) ?? "",
    );
    const key = createPublicKey(world.config.platformKeys[serial ?? ""] ?? "");
    const message = Buffer.from(`${timestamp}\n${nonce}\n${answer.text}\n`);
    expect(verify("sha256", message, key, Buffer.from(signature ?? "", "base64"))).toBe(true);
  });
});

describe("notifications", () => {
  test("come again by the cadence of 15 steps, over 24 h 4 m, then stop", async () => {
    world.answer(() => 500);
    await world.order("Mei", "CADENCE01");
    await world.knob("pay", { paymentNo: "CADENCE01" });
    await world.quiet();
    const waits = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600];
    for (const wait of waits) {
      const before = world.received.length;
      await quietAfter(wait * second - 1);
      expect(world.received).toHaveLength(before);
      await quietAfter(1);
      expect(world.received).toHaveLength(before + 1);
    }
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBe(24 * 3600 + 4 * 60);
    expect(await notificationOf("CADENCE01")).toMatchObject({ state: "given-up", attempt: 15 });
    await quietAfter(7 * day);
    expect(world.received).toHaveLength(16);
    const ids = new Set(world.received.map(({ body }) => (JSON.parse(body) as { id: string }).id));
    expect(ids.size).toBe(1);
    const stamps = world.received.map(({ headers }) => headers["wechatpay-timestamp"]);
    expect(new Set(stamps).size).toBe(16);
  });

  test("stop once they were answered 200 or 204", async () => {
    let answers = 0;
    world.answer(() => (++answers < 3 ? 503 : 200));
    await world.paidOrder("Mei", "STOP00001");
    await quietAfter(15 * second);
    await quietAfter(15 * second);
    await quietAfter(day);
    expect(world.received).toHaveLength(3);
    expect(await notificationOf("STOP00001")).toMatchObject({ state: "accepted" });
  });

  test("of every forged kind are refused by our side, and the true one gets through behind them", async () => {
    const forged = ["bad-signature", "signtest", "stale", "tampered", "unknown-serial", "foreign-merchant"];
    const outcomes: string[] = [];
    world.answer(async ({ headers, body }) => {
      const outcome = await world.pay.readNotification(headers, body).then(
        () => "read",
        (error: { code: string }) => error.code,
      );
      outcomes.push(outcome);
      return outcome === "read" ? 204 : 401;
    });
    await world.knob("plan", { paymentNo: "FORGED001", notify: forged });
    await world.paidOrder("Mei", "FORGED001");
    expect(outcomes).toEqual([
      "NOTIFICATION_UNSIGNED",
      "NOTIFICATION_UNSIGNED",
      "NOTIFICATION_STALE",
      "NOTIFICATION_UNSIGNED",
      "NOTIFICATION_UNSIGNED",
      "NOTIFICATION_FOREIGN",
      "read",
    ]);
    const { deliveries } = (await notificationOf("FORGED001")) as Delivered;
    expect(deliveries.map(({ action, status }) => [action, status])).toEqual([
      ...forged.map((action) => [action, 401]),
      ["deliver", 204],
    ]);
  });

  test("can be authentic and ours, and still untrue", async () => {
    const read: unknown[] = [];
    world.answer(async ({ headers, body }) => {
      const { transaction } = (await world.pay.readNotification(headers, body)) as { transaction: object };
      read.push(transaction);
      return 204;
    });
    await world.knob("plan", { default: true, notify: ["wrong-amount", "wrong-currency", "wrong-payer", "deliver"] });
    const { openid } = await world.paidOrder("Mei", "UNTRUE001");
    const truth = { totalFen: 1280, currency: "CNY", openid };
    expect(read).toEqual([
      expect.objectContaining({ ...truth, totalFen: 1281 }),
      expect.objectContaining({ ...truth, currency: "USD" }),
      expect.objectContaining({ currency: "CNY", openid: expect.not.stringContaining(openid) }),
      expect.objectContaining(truth),
    ]);
  });

  test("are dropped, delayed and repeated as planned", async () => {
    await world.knob("plan", { paymentNo: "PLAN00001", notify: [{ drop: 2 }, { delay: 10_000 }, { duplicate: 4 }] });
    await world.paidOrder("Mei", "PLAN00001");
    expect(world.received).toHaveLength(0);
    await quietAfter(15 * second);
    await quietAfter(15 * second);
    expect(world.received).toHaveLength(0);
    await quietAfter(10 * second);
    expect(world.received).toHaveLength(5);
    expect(new Set(world.received.map(({ body }) => (JSON.parse(body) as { id: string }).id)).size).toBe(1);
    await quietAfter(day);
    expect(world.received).toHaveLength(5);
  });

  test("wait through an outage and can be made due at once", async () => {
    await world.order("Mei", "OUTAGE001");
    await world.knob("outage", { on: true });
    await world.knob("pay", { paymentNo: "OUTAGE001" });
    await world.quiet();
    expect(world.received).toHaveLength(0);
    await expect(fetch(world.sandbox.url)).rejects.toThrow();
    await world.knob("outage", { on: false });
    await world.quiet();
    expect(world.received).toHaveLength(1);

    await world.knob("plan", { paymentNo: "OUTAGE002", notify: [{ delay: 3 * hour }] });
    await world.paidOrder("Mei", "OUTAGE002");
    expect(world.received).toHaveLength(1);
    expect(await world.knob("notify-now")).toEqual({ sent: 1 });
    expect(world.received).toHaveLength(2);
  });
});

describe("an order", () => {
  test("can't be paid at or after time_expire, stays NOTPAY until closed, and closes by itself after seven days", async () => {
    await world.order("Mei", "EXPIRE001");
    world.clock.advance(15 * minute);
    await expect(world.knob("pay", { paymentNo: "EXPIRE001" })).rejects.toThrow("expired");
    expect(await world.pay.query("EXPIRE001")).toMatchObject({ transaction: { state: "NOTPAY" } });
    world.clock.advance(7 * day);
    expect(await world.pay.query("EXPIRE001")).toMatchObject({ transaction: { state: "CLOSED" } });
  });

  test("can be paid in the last millisecond, and the success time is a whole second", async () => {
    const { expiresAt } = await world.order("Mei", "LAST00001");
    world.clock.advance(15 * minute - (expiresAt % 1000) - 1);
    const paid = await world.knob<{ successTime: number }>("pay", { paymentNo: "LAST00001", user: "Mei" });
    expect(paid.successTime % 1000).toBe(0);
    expect(paid.successTime).toBeLessThan(expiresAt);
  });

  test("can have been paid earlier than we hear of it, but never later than now", async () => {
    const at = world.clock.now();
    await world.order("Mei", "EARLIER01");
    world.clock.advance(hour);
    await expect(world.knob("pay", { paymentNo: "EARLIER01", at: at + 2 * hour })).rejects.toThrow("future");
    await world.knob("pay", { paymentNo: "EARLIER01", at: at + minute });
    expect(await world.pay.query("EARLIER01")).toMatchObject({
      transaction: { successTime: Math.floor((at + minute) / 1000) * 1000 },
    });
  });

  test("is paid by its payer only, and once", async () => {
    await world.order("Mei", "PAYER0001");
    await expect(world.knob("pay", { paymentNo: "PAYER0001", user: "Bo" })).rejects.toThrow("not the payer");
    await world.knob("pay", { paymentNo: "PAYER0001", user: "Mei" });
    await expect(world.knob("pay", { paymentNo: "PAYER0001" })).rejects.toThrow("SUCCESS");
  });

  test("whose close raced is answered closed and paid all the same", async () => {
    await world.order("Mei", "RACE00001");
    await world.knob("pay-after-close", { paymentNo: "RACE00001", afterMs: 2_000 });
    expect(await world.pay.close("RACE00001")).toEqual({ kind: "closed" });
    expect(await world.pay.query("RACE00001")).toMatchObject({ transaction: { state: "CLOSED" } });
    await quietAfter(2_000);
    expect(await world.pay.query("RACE00001")).toMatchObject({ transaction: { state: "SUCCESS" } });
    expect(world.received).toHaveLength(1);

    await world.order("Mei", "RACE00002");
    await world.pay.close("RACE00002");
    await world.knob("pay-after-close", { paymentNo: "RACE00002" });
    await world.quiet();
    expect(await world.pay.query("RACE00002")).toMatchObject({ transaction: { state: "SUCCESS" } });
  });

  test("is found by the channel's own number too, and only for its merchant", async () => {
    await world.paidOrder("Mei", "BYID00001");
    const [payment] = (await book()).payments;
    const path = `/v3/pay/transactions/id/${payment?.transactionId}`;
    expect((await call("GET", `${path}?mchid=${world.config.mchid}`)).body).toMatchObject({
      out_trade_no: "BYID00001",
      trade_state: "SUCCESS",
      trade_type: "JSAPI",
    });
    expect((await call("GET", `${path}?mchid=1900000000`)).body.code).toBe("PARAM_ERROR");
  });

  test("goes only where this machine can hear of it", async () => {
    const { openid } = await world.knob<{ openid: string }>("login-code", { user: "Mei" });
    const content = (notify_url: string) => ({
      appid: world.config.appid,
      mchid: world.config.mchid,
      description: "x",
      out_trade_no: "NOTIFY001",
      notify_url,
      amount: { total: 1, currency: "CNY" },
      payer: { openid },
    });
    const prepay = (url: string) => call("POST", "/v3/pay/transactions/jsapi", content(url));
    for (const url of ["https://api.example.com/hooks", "http://127.0.0.1:1/hooks?x=1", "http://127.0.0.1.evil.test/"])
      expect((await prepay(url)).body.code).toBe("PARAM_ERROR");
    expect((await prepay("http://127.0.0.1:1/hooks")).status).toBe(200);
  });
});

describe("a refund", () => {
  test("has at most fifty parts, and never sums to more than was paid", async () => {
    await world.paidOrder("Mei", "PARTS0001", 100);
    const part = (number: number, refundFen = 1) =>
      world.pay.refund({
        refundNo: `PART${number}`,
        paymentNo: "PARTS0001",
        refundFen,
        totalFen: 100,
        reason: "",
      });
    expect(await part(0, 101)).toMatchObject({ kind: "refused" });
    for (let number = 1; number <= 50; number++) expect(await part(number)).toMatchObject({ kind: "refund" });
    expect(await part(51)).toMatchObject({ kind: "refused", message: expect.stringContaining("50") });
    expect(await part(50)).toMatchObject({ kind: "refund" });
    await world.quiet();
    expect((await book()).payments[0]).toMatchObject({ refundedFen: 50, state: "REFUND" });
  });

  test("is possible for 365 days", async () => {
    await world.paidOrder("Mei", "YEAR00001", 100);
    const refund = (refundNo: string) =>
      world.pay.refund({ refundNo, paymentNo: "YEAR00001", refundFen: 1, totalFen: 100, reason: "" });
    const { successTime } = (await book()).payments[0] as { successTime: number };
    world.clock.advance(successTime + 365 * day - world.clock.now());
    expect(await refund("YEAR1")).toMatchObject({ kind: "refund" });
    world.clock.advance(1);
    expect(await refund("YEAR2")).toMatchObject({ kind: "refused" });
  });

  test("that was closed frees its amount for a new number", async () => {
    await world.paidOrder("Mei", "CLOSED001", 100);
    const refund = (refundNo: string) =>
      world.pay.refund({ refundNo, paymentNo: "CLOSED001", refundFen: 100, totalFen: 100, reason: "" });
    await world.knob("refund-plan", { refundNo: "CL1", outcome: "closed" });
    expect(await refund("CL1")).toMatchObject({ refund: { status: "CLOSED" } });
    expect(await refund("CL2")).toMatchObject({ refund: { status: "PROCESSING" } });
    await world.quiet();
    expect(await world.pay.queryRefund("CL2")).toMatchObject({ refund: { status: "SUCCESS" } });
  });

  test("that went abnormal can be sent to a card, its fields sealed for WeChat Pay's key", async () => {
    await world.paidOrder("Mei", "ABNORMAL1", 100);
    await world.knob("refund-plan", { default: true, outcome: "abnormal" });
    await world.pay.refund({ refundNo: "AB1", paymentNo: "ABNORMAL1", refundFen: 100, totalFen: 100, reason: "" });
    const [refund] = (await book()).refunds;
    const path = `/v3/refund/domestic/refunds/${refund?.channelRefundId}/apply-abnormal-refund`;
    const [serial = "", key = ""] = Object.entries(world.config.platformKeys).at(-1) ?? [];
    const seal = (text: string) =>
      publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" }, Buffer.from(text)).toString(
        "base64",
      );
    const fields = { out_refund_no: "AB1", type: "USER_BANK_CARD", bank_type: "ICBC_DEBIT" };
    const plain = { ...fields, bank_account: "6222000000000000", real_name: "张三" };
    expect((await call("POST", path, plain)).body.code).toBe("PARAM_ERROR");
    const sealed = { ...fields, bank_account: seal("6222000000000000"), real_name: seal("张三") };
    const answer = await call("POST", path, sealed, { headers: { "Wechatpay-Serial": serial } });
    expect(answer.body).toMatchObject({ status: "PROCESSING", out_refund_no: "AB1" });
    await world.quiet();
    expect(await world.pay.queryRefund("AB1")).toMatchObject({ refund: { status: "SUCCESS" } });
  });
});

describe("the bills", () => {
  /** Cells behind back-ticks, one header, lines, one header of totals, totals. */
  function parseBill(text: string) {
    const lines = text
      .replace(/^\uFEFF/, "")
      .trimEnd()
      .split("\r\n");
    const cells = (line = "") => line.split(",").map((cell) => cell.replace(/^`/, ""));
    const header = cells(lines[0]);
    const rows = lines.slice(1, -2).map((line) => {
      expect(line.split(",").every((cell) => cell.startsWith("`"))).toBe(true);
      const values = cells(line);
      expect(values).toHaveLength(header.length);
      return Object.fromEntries(header.map((name, index) => [name, values[index] ?? ""]));
    });
    const totals = Object.fromEntries(
      cells(lines.at(-2)).map((name, index) => [name, cells(lines.at(-1))[index] ?? ""]),
    );
    return { rows, totals };
  }
  const fen = (yuan = "") => Math.round(Number(yuan) * 100);
  async function bill(path: string) {
    const answer = await call("GET", path);
    expect(answer.status).toBe(200);
    const url = new URL(String(answer.body.download_url));
    const file = await call("GET", `${url.pathname}${url.search}`);
    const content = path.includes("tar_type") ? gunzipSync(file.bytes) : file.bytes;
    expect(createHash("sha1").update(content).digest("hex")).toBe(answer.body.hash_value);
    return parseBill(content.toString());
  }

  test("parse back to the book: trades and refunds in yuan, fen for fen", async () => {
    await world.paidOrder("Mei", "BILL00001", 1999);
    await world.paidOrder("Bo", "BILL00002", 5);
    await world.order("Bo", "BILL00003", 700);
    await world.pay.refund({ refundNo: "BILLRF1", paymentNo: "BILL00001", refundFen: 799, totalFen: 1999, reason: "" });
    await world.quiet();
    expect((await call("GET", "/v3/bill/tradebill?bill_date=2026-11-23&bill_type=ALL")).body.code).toBe(
      "NO_STATEMENT_EXIST",
    );
    world.clock.advance(14 * hour);
    const { rows, totals } = await bill("/v3/bill/tradebill?bill_date=2026-11-23&bill_type=ALL");
    const kept = await book();
    expect(rows.filter((row) => row.交易状态 === "SUCCESS").map((row) => [row.商户订单号, fen(row.订单金额)])).toEqual(
      kept.payments.filter(({ successTime }) => successTime !== null).map((row) => [row.paymentNo, row.totalFen]),
    );
    expect(
      rows
        .filter((row) => row.交易状态 === "REFUND")
        .map((row) => [row.商户退款单号, row.微信退款单号, fen(row.退款金额), row.退款状态]),
    ).toEqual(kept.refunds.map((row) => [row.refundNo, row.channelRefundId, row.refundFen, row.status]));
    expect(totals).toMatchObject({ 总交易单数: "3", 订单总金额: "20.04", 退款总金额: "7.99" });
    const zipped = await bill("/v3/bill/tradebill?bill_date=2026-11-23&bill_type=REFUND&tar_type=GZIP");
    expect(zipped.rows).toHaveLength(1);
    expect((await bill("/v3/bill/tradebill?bill_date=2026-11-22&bill_type=ALL")).rows).toHaveLength(0);
  });

  test("of the funds end in the balance that they describe", async () => {
    await world.paidOrder("Mei", "FUND00001", 10_000);
    await world.pay.refund({
      refundNo: "FUNDRF1",
      paymentNo: "FUND00001",
      refundFen: 2_500,
      totalFen: 10_000,
      reason: "",
    });
    await world.quiet();
    world.clock.advance(14 * hour);
    const { rows, totals } = await bill("/v3/bill/fundflowbill?bill_date=2026-11-23&account_type=BASIC");
    const signed = rows.map((row) => (row.收支类型 === "收入" ? 1 : -1) * fen(row["收支金额(元)"]));
    expect(fen(rows.at(-1)?.["账户结余(元)"])).toBe(signed.reduce((sum, value) => sum + value, 0));
    expect(totals).toMatchObject({ 资金流水总笔数: "3", 收入金额: "100.00", 支出笔数: "2" });
  });
});

test("platform certificates are handed out in certificate mode, encrypted, and speak for the key that signs", async () => {
  expect((await call("GET", "/v3/certificates")).status).toBe(404);
  await world.knob("rotate-key", { mode: "certificate" });
  const answer = await call("GET", "/v3/certificates");
  const serial = answer.headers.get("wechatpay-serial") ?? "";
  const found = (
    answer.body.data as {
      serial_no: string;
      encrypt_certificate: { nonce: string; associated_data: string; ciphertext: string };
    }[]
  ).find(({ serial_no }) => serial_no === serial);
  const { nonce, associated_data, ciphertext } = found?.encrypt_certificate ?? {
    nonce: "",
    associated_data: "",
    ciphertext: "",
  };
  const sealed = Buffer.from(ciphertext, "base64");
  const decipher = createDecipheriv("aes-256-gcm", world.config.apiV3Key, nonce);
  decipher.setAAD(Buffer.from(associated_data)).setAuthTag(sealed.subarray(-16));
  const certificate = new X509Certificate(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]));
  expect(certificate.serialNumber).toBe(serial);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.publicKey.export({ type: "spki", format: "pem" })).toBe(world.config.platformKeys[serial]);
});

test("a restart keeps keys, orders, plans, faults and what is still to be sent", async () => {
  expect(statSync(join(world.dataDir, "wechat-keys.json")).mode & 0o777).toBe(0o600);
  const config = world.config;
  world.answer(() => 500);
  await world.order("Mei", "RESTART01");
  await world.knob("refund-plan", { refundNo: "RS1", outcome: { processing: minute } });
  await world.knob("fault", { match: { op: "query" }, kind: "429", times: 2 });
  await world.knob("pay", { paymentNo: "RESTART01" });
  await world.quiet();
  await world.pay.refund({ refundNo: "RS1", paymentNo: "RESTART01", refundFen: 1, totalFen: 1280, reason: "" });

  await world.restart();
  expect(world.config).toEqual(config);
  expect(await world.pay.query("RESTART01")).toEqual({ kind: "busy" });
  expect(await world.pay.query("RESTART01")).toEqual({ kind: "busy" });
  expect(await world.pay.query("RESTART01")).toMatchObject({ transaction: { state: "REFUND" } });
  world.answer(() => 204);
  await quietAfter(15 * second);
  expect(await notificationOf("RESTART01")).toMatchObject({ state: "accepted", attempt: 1 });
  await quietAfter(minute);
  expect(await world.pay.queryRefund("RS1")).toMatchObject({ refund: { status: "SUCCESS" } });
});

test("what was answered is on disk when the process is killed in the next moment", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "wechat-killed-"));
  const script = `
    import { startWeChatSandbox } from ${JSON.stringify(new URL("../../local/wechat/sandbox.ts", import.meta.url).href)};
    import { createWeChatPay } from ${JSON.stringify(new URL("../../functions/adapters/wechat/pay.ts", import.meta.url).href)};
    const clock = { now: () => ${start}, advance() {}, at: () => ({ cancel() {} }), offset: 0 };
    const sandbox = await startWeChatSandbox({ dataDir: ${JSON.stringify(dataDir)}, clock });
    const env = { clock, rng: { bytes: (count) => new Uint8Array(count) } };
    const pay = createWeChatPay(sandbox.config, { payUrl: sandbox.url, notifyBase: "http://127.0.0.1:9" }, env);
    const { body } = await sandbox.control({ method: "POST", path: "login-code", body: { user: "Mei" } });
    const order = { paymentNo: "KILLED001", description: "x", amountFen: 1280, openid: body.openid, expiresAt: ${start + hour} };
    const answer = await pay.prepay(order);
    await sandbox.control({ method: "POST", path: "pay", body: { paymentNo: "KILLED001" } });
    const refund = { refundNo: "KRF1", paymentNo: "KILLED001", refundFen: 80, totalFen: 1280, reason: "" };
    process.stdout.write(JSON.stringify([answer.kind, (await pay.refund(refund)).kind]));
    process.kill(process.pid, "SIGKILL");
  `;
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  expect([child.signal, child.stdout]).toEqual(["SIGKILL", '["ok","refund"]']);

  const after = await openWorld({ dataDir });
  const { payments, refunds } = await after.knob<Awaited<ReturnType<typeof book>>>("GET book");
  expect(payments).toEqual([expect.objectContaining({ paymentNo: "KILLED001", successTime: start - 250 })]);
  await after.quiet();
  expect(await after.pay.queryRefund("KRF1")).toMatchObject({ refund: { status: "SUCCESS", refundFen: 80 } });
  expect(refunds).toHaveLength(1);
  await after.close();
  rmSync(dataDir, { recursive: true });
});

test("a knob that does not exist, or is turned the wrong way, says what there is", async () => {
  expect(await world.sandbox.control({ method: "POST", path: "nothing" })).toMatchObject({ status: 404 });
  expect(await world.sandbox.control({ method: "POST", path: "plan", body: { notify: [] } })).toMatchObject({
    status: 400,
  });
  expect(await world.sandbox.control({ method: "POST", path: "pay", body: { paymentNo: "NONE00001" } })).toMatchObject({
    status: 404,
  });
  expect(
    await world.sandbox.control({ method: "POST", path: "fault", body: { match: { op: "x" }, kind: "429" } }),
  ).toMatchObject({ status: 400 });
});
