import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWeChatProfitSharing } from "../../functions/adapters/wechat/profit-sharing.ts";
import { createWeChatTransfers } from "../../functions/adapters/wechat/transfers.ts";
import { day, minute, second } from "../../shared/kernel/time.ts";
import type { PayoutChannel, ProfitSharing } from "../../shared/payout/ports.ts";
import { openWorld, type World } from "../local/wechat-world.ts";

let world: World;
let transfers: PayoutChannel;
let sharing: ProfitSharing;
beforeAll(async () => {
  world = await openWorld({ timeoutMs: 700 });
  const endpoints = { payUrl: world.sandbox.url, notifyBase: world.notifyBase, timeoutMs: 700 };
  transfers = createWeChatTransfers(world.config, endpoints, world.env);
  sharing = createWeChatProfitSharing(world.config, endpoints, world.env);
});
afterAll(() => world.close());

const openidOf = async (user: string) => (await world.knob<{ openid: string }>("login-code", { user })).openid;
const fault = (op: string, kind: string, times = 1) => world.knob("fault", { match: { op }, kind, times });

describe("a transfer", () => {
  const payout = async (payoutNo: string, more = {}) => ({
    payoutNo,
    amountFen: 100,
    openid: await openidOf("Mei"),
    remark: "推广佣金",
    ...more,
  });

  test("waits for its member, is the same under its number, and another under it is refused", async () => {
    const asked = await payout("PO000001");
    const first = await transfers.transfer(asked);
    expect(first).toMatchObject({ kind: "transfer", transfer: { state: "WAIT_USER_CONFIRM", amountFen: 100 } });
    expect(await transfers.transfer(asked)).toEqual(first);
    expect(await transfers.transfer({ ...asked, amountFen: 101 })).toMatchObject({ kind: "refused" });
    expect(await transfers.queryTransfer("PO000002")).toEqual({ kind: "absent" });
  });

  test("of 2,000 yuan and more carries the real name sealed anew each time, and re-enters all the same", async () => {
    const asked = await payout("PO000003", { amountFen: 200_000 });
    expect(await transfers.transfer(asked)).toMatchObject({ kind: "refused" });
    await world.knob("real-name", { user: "Mei", name: "王芳" });
    const named = { ...asked, realName: "王芳" };
    const first = await transfers.transfer(named);
    expect(first).toMatchObject({ transfer: { state: "WAIT_USER_CONFIRM" } });
    expect(await transfers.transfer(named)).toEqual(first);
    expect(await transfers.transfer({ ...named, payoutNo: "PO000004", realName: "王方" })).toMatchObject({
      transfer: { state: "FAIL", failReason: "NAME_NOT_CORRECT" },
    });
  });

  test("whose answer is lost is unknown, and there when it is asked about; unconfirmed for a day it is over", async () => {
    await fault("transfer", "drop-answer");
    expect(await transfers.transfer(await payout("PO000005"))).toMatchObject({ kind: "unknown" });
    expect(await transfers.queryTransfer("PO000005")).toMatchObject({ transfer: { state: "WAIT_USER_CONFIRM" } });
    world.clock.advance(day);
    await world.quiet();
    expect(await transfers.queryTransfer("PO000005")).toMatchObject({
      transfer: { state: "FAIL", failReason: "OVERDUE_CLOSE" },
    });
  });
});

describe("a share", () => {
  /** A payment of 100 yuan that is marked for it unless told, and settled; its number at the channel. */
  async function settledPayment(paymentNo: string, { marked = true, settled = true } = {}): Promise<string> {
    const openid = await openidOf("Li");
    const expiresAt = world.clock.now() + 15 * minute;
    const request = { paymentNo, description: "蔬菜", amountFen: 10_000, openid, expiresAt };
    await world.pay.prepay({ ...request, ...(marked && { profitSharing: true as const }) });
    await world.knob("pay", { paymentNo });
    await world.quiet();
    if (settled) {
      await world.shipping.uploadPickup({
        paymentNo,
        openid,
        description: "蔬菜",
        handedOverAt: world.clock.now(),
        way: "pickup",
      });
      world.clock.advance(2 * day + minute);
    }
    const found = await world.pay.query(paymentNo);
    return (found.kind === "transaction" && found.transaction.transactionId) || "";
  }
  const share = async (transactionId: string, shareNo: string, amountFen: number, user = "Mei") => {
    const openid = await openidOf(user);
    return sharing.share({ shareNo, transactionId, receivers: [{ openid, amountFen }], description: "佣金" });
  };

  test("is worked on, then finished for each of its people, and lets the rest go for good", async () => {
    const transactionId = await settledPayment("SHP00001");
    const openid = await openidOf("Mei");
    expect(await sharing.addReceiver(openid)).toEqual({ kind: "ok" });
    expect(await sharing.addReceiver(openid)).toEqual({ kind: "ok" });
    expect(await sharing.queryShare({ shareNo: "S1", transactionId })).toEqual({ kind: "absent" });
    const asked = await share(transactionId, "S1", 3_000);
    expect(asked).toMatchObject({ share: { state: "PROCESSING", receivers: [{ openid, result: "PENDING" }] } });
    world.clock.advance(10 * second);
    const done = { state: "FINISHED", receivers: [{ openid, amountFen: 3_000, result: "SUCCESS" }] };
    expect(await share(transactionId, "S1", 3_000)).toMatchObject({ share: done });
    expect(await sharing.queryShare({ shareNo: "S1", transactionId })).toMatchObject({ share: done });
    expect(await share(transactionId, "S1", 2_999)).toMatchObject({ kind: "refused" });
    expect(await share(transactionId, "S2", 1)).toMatchObject({ kind: "refused", code: "INVALID_REQUEST" });
    const rest = { shareNo: "S3", transactionId, description: "解冻" };
    expect(await sharing.unfreeze(rest)).toMatchObject({ kind: "refused", code: "INVALID_REQUEST" });
  });

  test("is refused of a payment that is not marked or not settled, and above 30 % of it", async () => {
    const unmarked = await settledPayment("SHP00002", { marked: false });
    expect(await share(unmarked, "S4", 1)).toMatchObject({ kind: "refused", code: "INVALID_REQUEST" });
    const unsettled = await settledPayment("SHP00003", { settled: false });
    expect(await share(unsettled, "S5", 1)).toMatchObject({ kind: "refused", code: "INVALID_REQUEST" });
    const marked = await settledPayment("SHP00004");
    expect(await share(marked, "S6", 3_001)).toMatchObject({ kind: "refused", code: "RULE_LIMIT" });
    world.clock.advance(30 * day);
    expect(await share(marked, "S7", 3_000)).toMatchObject({ kind: "refused", code: "INVALID_REQUEST" });
  });

  test("closes for one who was never made known, and its number answers whatever answer was lost", async () => {
    const transactionId = await settledPayment("SHP00005");
    await fault("share", "drop-answer");
    expect(await share(transactionId, "S8", 100, "Stranger")).toMatchObject({ kind: "unknown" });
    world.clock.advance(10 * second);
    expect(await sharing.queryShare({ shareNo: "S8", transactionId })).toMatchObject({
      share: { state: "FINISHED", receivers: [{ result: "CLOSED", failReason: "NO_RELATION" }] },
    });
  });

  test("that nobody gets is let go, once", async () => {
    const transactionId = await settledPayment("SHP00006");
    const rest = { shareNo: "S9", transactionId, description: "解冻" };
    expect(await sharing.unfreeze(rest)).toMatchObject({ share: { state: "PROCESSING", receivers: [] } });
    world.clock.advance(10 * second);
    expect(await sharing.unfreeze(rest)).toMatchObject({ share: { state: "FINISHED", receivers: [] } });
  });
});
