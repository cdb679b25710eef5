import { beforeEach, expect, test } from "vitest";
import { keepRefundRate, refundRate } from "../../functions/adapters/wechat/refund-rate.ts";
import { second } from "../../shared/kernel/time.ts";
import type { PaymentChannel } from "../../shared/payment/index.ts";
import { openTestTable } from "../engine/table.ts";

const { table, env, clock } = await openTestTable();

type Asked = Awaited<ReturnType<PaymentChannel["refund"]>>;
const accepted: Asked = {
  kind: "refund",
  refund: { refundNo: "R1", paymentNo: "P1", channelRefundId: "C1", status: "PROCESSING", refundFen: 1, totalFen: 1 },
};
let account = 0;
let answer: Asked = accepted;
let sent = 0;
/** A channel that counts what reaches it; each test is another merchant. */
function open(): PaymentChannel {
  const ask = async () => {
    sent += 1;
    return answer;
  };
  const channel: Pick<PaymentChannel, "refund" | "queryRefund"> = {
    refund: ask,
    queryRefund: async () => {
      await ask();
      return { kind: "absent" };
    },
  };
  return keepRefundRate(channel as PaymentChannel, `merchant${account}`, { env, table });
}
const refund = { refundNo: "R1", paymentNo: "P1", refundFen: 1, totalFen: 1, reason: "退款" };
/** Asks so many times at this moment, from two functions; answers how many reached the channel. */
async function ask(times: number): Promise<number> {
  const functions = [open(), open()];
  sent = 0;
  const answers = await Promise.all(Array.from({ length: times }, (_, i) => functions[i % 2]!.refund(refund)));
  const turnedAway = answers.filter(({ kind }) => kind === "busy").length - (answer.kind === "busy" ? sent : 0);
  expect(turnedAway).toBe(times - sent);
  return sent;
}

beforeEach(() => {
  account += 1;
  answer = accepted;
  clock.set(Math.ceil(clock.now() / second) * second);
});

test("in one second no more refunds are asked for than the rate, over all functions; the others are busy", async () => {
  const first = await ask(150);
  expect(first).toBeLessThanOrEqual(refundRate.usual);
  expect(first).toBeGreaterThan(refundRate.usual * 0.7);
  clock.advance(second - 1);
  expect(await ask(60)).toBeLessThanOrEqual(refundRate.usual - first);
  clock.advance(1);
  expect(await ask(50)).toBeGreaterThan(refundRate.usual / 4);
});

test("a query of a refund takes a token too", async () => {
  const channel = open();
  sent = 0;
  const answers = await Promise.all(Array.from({ length: 150 }, () => channel.queryRefund("R1")));
  expect(sent).toBeLessThanOrEqual(refundRate.usual);
  expect(answers.filter(({ kind }) => kind === "busy")).toHaveLength(150 - sent);
  // that the channel does not know a refund is no trouble
  clock.advance(second);
  expect(await ask(20)).toBeGreaterThan(refundRate.afterTrouble);
});

test.each<Asked>([
  { kind: "unknown", reason: "no answer" },
  { kind: "busy" },
  { kind: "notEnough" },
  { kind: "refused", code: "SIGN_ERROR", message: "" },
])("after an answer that is $kind only a few a second are asked for, until it has been quiet", async (said) => {
  answer = said;
  expect(await ask(1)).toBe(1);
  for (let i = 0; i < 2; i++) {
    clock.advance(second);
    expect(await ask(15)).toBe(refundRate.afterTrouble);
  }
  answer = accepted;
  clock.advance(second);
  expect(await ask(15)).toBe(refundRate.afterTrouble);
  clock.advance(refundRate.troubleMs);
  expect(await ask(15)).toBeGreaterThan(refundRate.afterTrouble);
});

test("one merchant's trouble is not another's", async () => {
  answer = { kind: "notEnough" };
  await ask(1);
  account += 1;
  answer = accepted;
  clock.advance(second);
  expect(await ask(15)).toBeGreaterThan(refundRate.afterTrouble);
});
