import * as z from "zod";
import { yuan } from "../../shared/kernel/money.ts";
import { minute } from "../../shared/kernel/time.ts";
import { places } from "../location.ts";
import type { Moves, Paid } from "./group-buy.ts";
import type { Caller, Client } from "./http-client.ts";
import type { Report } from "./report.ts";
import type { Chain } from "./seed.ts";

const anything = z.unknown();
const slots = z.object({
  items: z.array(z.object({ slotId: z.string(), from: z.string(), until: z.string(), left: z.int() })),
});
const priced = z.object({
  payableFen: z.int(),
  storeId: z.string(),
  why: z.string(),
  price: z.array(z.object({ kind: z.string(), amountFen: z.int(), text: z.string() })),
});
const everyDay = [0, 1, 2, 3, 4, 5, 6].flatMap((weekday) =>
  Array.from({ length: 7 }, (_, i) => 480 + 120 * i).map((from) => ({
    weekday,
    from,
    until: from + 120,
    capacity: 2,
    leadMinutes: 30,
  })),
);
const rules = {
  baseFen: 300,
  baseDistanceM: 1000,
  perKmFen: 100,
  baseGrams: 5000,
  perKgFen: 100,
  maxDistanceM: 8000,
  maxGrams: 20_000,
};

/** Story 5: two articles are ordered from the cart and brought to the door in a slot. Answers the order and what it keeps, fen. */
export async function cartIsBrought(parts: {
  client: Client;
  admin: Caller;
  chain: Chain;
  moves: Moves;
  report: Report;
}): Promise<{ seat: Paid; keptFen: number }[]> {
  const { client, admin, chain, moves, report } = parts;
  const storeId = chain.stores.get("人民广场")!;
  report.heading("第五幕 购物车,送到家", "Story 5: a cart is brought to the door");
  await report.step("运营设配送时段与配送费", "delivery slots and fee rules", async () => {
    const because = { version: 0, reason: "开通配送" };
    const delivery = { daysAhead: 1, windows: everyDay };
    await admin.put(`/ops/v1/stores/${storeId}/slot-plan`, { delivery, ...because }, anything);
    await admin.put("/ops/v1/delivery-fees", { rules, ...because }, anything);
  });
  const member = await report.step("沈女士登录", "a member signs in", () => client.member("沈女士"));
  const { lat, lng } = places.find(({ name }) => name === "人民广场")!;
  const { addressId } = await report.step("沈女士保存收货地址", "an address, sealed", () =>
    member.post(
      "/v1/me/addresses",
      {
        name: "沈女士",
        phone: "13800138000",
        address: "黄浦区福州路300号",
        point: { lat: lat + 0.012, lng, datum: "wgs84" },
      },
      z.object({ addressId: z.string() }),
    ),
  );
  const offered = () => member.get(`/v1/stores/${storeId}/slots`, slots);
  const slot = (await offered()).items[0]!;
  const body = {
    lines: ["土鸡蛋", "儿童营养早餐包"].map((name) => ({ articleId: chain.articles.get(name)!.articleId, units: 1 })),
    fulfilment: "delivery",
    addressId,
    storeId,
    slotId: slot.slotId,
  };
  const quote = await report.step("试算:两样商品,送到家", "a quote, line by line", () =>
    member.post("/v1/cart/quotes", body, priced),
  );
  for (const { text, amountFen } of quote.price) report.line(`¥${yuan(amountFen)}  ${text}`);
  const placed = await report.step(
    `下单并付款,${slot.from.slice(11, 16)}–${slot.until.slice(11, 16)}`,
    "orders, pays",
    async () => {
      const order = await member.post("/v1/orders", body, priced.extend({ orderId: z.string() }));
      await moves.pay({ ...order, member });
      return { ...order, member };
    },
  );
  report.check(
    "价格逐行相加等于应付,下单与试算一致",
    placed.payableFen === quote.payableFen &&
      placed.price.reduce((sum, { amountFen }) => sum + amountFen, 0) === placed.payableFen,
    placed.price,
  );
  const left = (await offered()).items.find(({ slotId }) => slotId === slot.slotId)?.left;
  report.check("该时段少了一个名额", left === slot.left - 1, left);

  const at = `/ops/v1/stores/${storeId}/orders/${placed.orderId}`;
  await report.step("时钟拨到时段内,门店备货、出发", "ready, dispatched", async () => {
    await moves.advance(Date.parse(slot.from) + 20 * minute - (await moves.now()));
    await admin.post(`${at}/ready`, undefined, anything);
    await admin.post(`${at}/dispatch`, undefined, anything);
  });
  const handed = await report.step("凭收货码签收", "handed over at the door", async () => {
    const code = z.object({ code: z.string() });
    const shown = await member.post(`/v1/orders/${placed.orderId}/pickup-code`, undefined, code);
    await admin.post(`/ops/v1/stores/${storeId}/pickups`, { code: shown.code }, anything);
    return member.get(`/v1/orders/${placed.orderId}`, z.object({ headline: z.string(), stage: z.string() }));
  });
  report.check("订单已送达", handed.headline === "已送达" && handed.stage === "HANDED_OVER", handed);
  return [{ seat: placed, keptFen: placed.payableFen }];
}
