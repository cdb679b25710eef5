import { expect, test } from "vitest";
import { type BillSource, reconcileDay } from "../../shared/bills/index.ts";
import { providerNumber } from "../../shared/kernel/ids.ts";
import { parseIso } from "../../shared/kernel/time.ts";
import { booked } from "../../shared/ledger/index.ts";
import type { PaymentChannel } from "../../shared/payment/index.ts";
import type { PayoutChannel, ProfitSharing } from "../../shared/payout/index.ts";
import { paymentCases, transfersOfSubject } from "../../shared/table/keys.ts";
import { openTestTable } from "../engine/table.ts";

const DAY = "2026-11-23";
const MCHID = "1900000001";
const { table, env, clock } = await openTestTable(parseIso(`${DAY}T10:00:00+08:00`));
const orderId = env.ids.next("OR");
const paymentNo = providerNumber(orderId, 1);

const trade = [
  "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注",
  `${DAY} 10:00:00,wx1,${MCHID},0,,4200,${paymentNo},o,JSAPI,SUCCESS,OTHERS,CNY,8.00,0.00,0,0,0.00,0.00,,,青菜,,0.05000,0.60%,8.00,0.00,`
    .split(",")
    .map((cell) => `\`${cell}`)
    .join(","),
  "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
  "`1,`8.00,`0.00,`0,`0.05,`8.00,`0.00",
  "",
].join("\r\n");
/** Its payment, and so much (yuan) that the channel kept of it. */
const flow = (fee: string) => {
  const after = (8 - Number(fee)).toFixed(2);
  const row = (cells: string) =>
    cells
      .split(",")
      .map((cell) => `\`${cell}`)
      .join(",");
  return [
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号",
    row(`${DAY} 10:00:00,4200,F1,交易,交易,收入,8.00,8.00,API,,${paymentNo}`),
    row(`${DAY} 10:00:00,4200,F2,扣除交易手续费,扣除交易手续费,支出,${fee},${after},API,,${paymentNo}`),
    "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额",
    `\`2,\`1,\`8.00,\`1,\`${fee}`,
    "",
  ].join("\r\n");
};
type Bill = Awaited<ReturnType<BillSource["fetchBill"]>>;
const look = (said: { trade: Bill; flow: Bill }, answers: "busy" | "absent" = "absent") =>
  reconcileDay(
    {
      table,
      env,
      bills: { mchid: MCHID, fetchBill: async (type) => said[type] },
      channel: { query: async () => ({ kind: answers }) } as unknown as PaymentChannel,
      payouts: {} as PayoutChannel,
      sharing: {} as ProfitSharing,
    },
    DAY,
  );
const bill = (text: string): Bill => ({ kind: "bill", text });
const feesBooked = async () =>
  (await table.page(transfersOfSubject(`BILL-${DAY}`), { limit: 10 })).items.map((line) => [line.kind, line.amountFen]);

test("a day of which the channel has one of the two bills is not done, whichever it is; without either nothing may have moved", async () => {
  clock.set(parseIso("2026-11-24T10:16:00+08:00"));
  const none: Bill = { kind: "none" };
  expect(await look({ trade: bill(trade), flow: none })).toMatchObject({ state: "WAITING", payments: 0 });
  expect(await look({ trade: none, flow: bill(flow("0.05")) })).toMatchObject({ state: "WAITING" });
  expect(await look({ trade: none, flow: none })).toMatchObject({ state: "MATCHED", looks: 3 });
});

test("what the channel kept is booked once the day is read to its end, and put right by a line of its own when it turns out to be another", async () => {
  // the bill has a payment that the books have not, and the channel says nothing of it
  expect(await look({ trade: bill(trade), flow: bill(flow("0.05")) }, "busy")).toMatchObject({ state: "WAITING" });
  expect(await feesBooked()).toEqual([]);
  expect(await table.load(paymentCases, { caseKey: `books_lack#${paymentNo}` })).toBeUndefined();

  await table.commit([
    booked(env, {
      subject: orderId,
      kind: "payment",
      reference: paymentNo,
      amountFen: 800,
      at: parseIso(`${DAY}T10:00:00+08:00`),
    }),
  ]);
  for (let i = 0; i < 2; i++)
    expect(await look({ trade: bill(trade), flow: bill(flow("0.05")) })).toMatchObject({ state: "MATCHED", feeFen: 5 });
  expect(await feesBooked()).toEqual([["fee", 5]]);
  expect(await look({ trade: bill(trade), flow: { kind: "altered", why: "another hash" } })).toMatchObject({
    state: "REFUSED",
    bookedFeeFen: 5,
  });
  expect(await look({ trade: bill(trade), flow: bill(flow("0.03")) })).toMatchObject({ feeFen: 3, bookedFeeFen: 3 });
  expect(await feesBooked()).toEqual([
    ["fee", 5],
    ["fee_return", 2],
  ]);
});
