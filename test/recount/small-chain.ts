import { toIso } from "../../shared/kernel/time.ts";
import { type Neighbour, openWorld } from "../stories/world.ts";

/** Ten neighbours' fortnight: something of everything that a recount looks at. Answers a world in which all of it has happened. */
export async function openSmallChain() {
  const world = await openWorld({ unitsPerStore: 20_000, concurrency: { Shop: 2, Ops: 2, default: 2 } });
  const { made, ops, neighbours, staff, stores, articleId, pay, pass, passTo, clock, community, local } = world;
  const { minute, hour, day } = world.times;
  const [store = ""] = stores;
  const [li, wang, zhao, han, chen, sun] = (await neighbours("李", "王", "赵", "韩", "陈", "孙")) as [
    Neighbour,
    Neighbour,
    Neighbour,
    Neighbour,
    Neighbour,
    Neighbour,
  ];
  const finance = await staff("keeper-of-money", ["finance"], []);
  const clerk = await staff("clerk", ["store_staff"], [store]);
  const rider = await staff("rider", ["rider"], [store]);
  const because = { reason: "开业" };
  await made(
    finance.put("/ops/v1/commission-programme", { active: true, bps: { leader: 500, koc: 0 }, version: 0, ...because }),
  );
  const communityId = await community([han, li, zhao], store);
  await made(
    ops.put(`/ops/v1/communities/${communityId}/members/${han.memberId}/role`, { role: "leader", ...because }),
  );
  const { couponId } = await made(
    ops.post("/ops/v1/coupons", {
      name: "邻里券",
      off: { by: "amount", fen: 100 },
      thresholdFen: 500,
      validFrom: toIso(clock.now()),
      validUntil: toIso(clock.now() + 30 * day),
      funder: { by: "platform" },
      budgetFen: 10_000,
    }),
  );
  await made(ops.post(`/ops/v1/coupons/${couponId}/grants`, { memberIds: [wang.memberId, zhao.memberId], ...because }));
  const couponOf = async (who: Neighbour) => (await made(who.get("/v1/coupons"))).items[0].grantId as string;
  const collects = async (who: Neighbour, orderId: string) => {
    const { code } = await made(who.post(`/v1/orders/${orderId}/pickup-code`));
    await made(clerk.post(`/ops/v1/stores/${store}/pickups`, { code }));
  };

  // a team that fills, one that fails, one that somebody leaves
  const teams = await world.campaign({ invitesRequired: 1, totalCap: 40, unitsPerStore: 20 });
  const first = await world.formedTeam(li, teams.campaignId, { storeId: store });
  const second = await world.paidSeat(wang, first.teamId, { couponGrantId: await couponOf(wang), storeId: store });
  await world.formedTeam(chen, teams.campaignId);
  const parting = await world.formedTeam(sun, teams.campaignId);
  await made(sun.post(`/v1/orders/${parting.orderId}/departure`));
  // a batch of the community
  const { teamIds } = await world.batch([communityId], { minUnits: 2, unitsPerStore: 20 });
  const batched = [
    await world.paidSeat(li, teamIds[0]!, { units: 3 }),
    await world.paidSeat(zhao, teamIds[0]!, { units: 2 }),
  ];
  // the shop's cart: collected, cancelled, given up, and paid too late
  const order = async (who: Neighbour, units: number, more = {}) =>
    made(who.post("/v1/orders", { lines: [{ articleId, units }], place: world.here, ...more }));
  const mine = await order(zhao, 2, { couponGrantId: await couponOf(zhao) });
  await pay(zhao, mine);
  const cancelled = await order(han, 1);
  await pay(han, cancelled);
  await made(han.post(`/v1/orders/${cancelled.orderId}/cancellation`));
  await order(chen, 1);
  const { articleId: rare } = await world.newArticle({ name: "最后一盒", priceFen: 2_000 });
  const lessBy = { delta: 20 - 20_000, reason: "盘点" };
  await made(ops.post(`/ops/v1/stores/${store}/stock/${rare}/adjustments`, lessBy));
  const late = await made(
    sun.post("/v1/orders", { lines: [{ articleId: rare, units: 20 }], place: world.here, storeId: store }),
  );
  const { paymentNo } = await made(sun.post(`/v1/orders/${late.orderId}/payment`));
  await local("wechat/pay-after-close", { paymentNo, afterMs: 30 * minute });
  await pass(20 * minute);
  await order(wang, 1, { lines: [{ articleId: rare, units: 1 }], storeId: store });
  await pass(35 * minute);
  await pass(hour);
  await collects(zhao, mine.orderId);
  await collects(li, first.orderId);
  await made(clerk.post(`/ops/v1/stores/${store}/orders/${second.orderId}/ready`));
  await made(
    ops.post(`/ops/v1/stores/${store}/orders/${mine.orderId}/compensations`, {
      amountFen: 300,
      bearer: "platform",
      reason: "草莓压坏三分之一",
    }),
  );

  // two are brought, by a carrier and by our rider
  const windows = [0, 1, 2, 3, 4, 5, 6].flatMap((weekday) =>
    [13, 16, 19].map((from) => ({ weekday, from: from * 60, until: from * 60 + 120, capacity: 5, leadMinutes: 30 })),
  );
  await made(
    ops.put(`/ops/v1/stores/${store}/slot-plan`, { delivery: { daysAhead: 1, windows }, version: 0, ...because }),
  );
  const rules = {
    baseFen: 300,
    baseDistanceM: 3000,
    perKmFen: 100,
    baseGrams: 2000,
    perKgFen: 100,
    peaks: [],
    freeOverFen: 99_000,
    maxDistanceM: 10_000,
    maxGrams: 20_000,
  };
  await made(ops.put("/ops/v1/delivery-fees", { rules, version: 0, ...because }));
  const { addressId } = await made(
    wang.post("/v1/me/addresses", {
      name: "王",
      phone: "13912345678",
      address: "人民大道200号",
      point: { ...world.here, lat: world.here.lat + 0.002 },
    }),
  );
  const brought: string[] = [];
  for (const own of [false, true]) {
    const [slot] = (await made(wang.get(`/v1/stores/${store}/slots`))).items;
    const placed = await order(wang, 1, {
      fulfilment: "delivery",
      addressId,
      storeId: store,
      slotId: slot.slotId,
      place: undefined,
    });
    brought.push(placed.orderId);
    await pay(wang, placed);
    await made(clerk.post(`/ops/v1/stores/${store}/orders/${placed.orderId}/ready`));
    if (own) await made(rider.put("/ops/v1/riders/me/shift", { storeId: store, on: true, room: 2 }));
    await passTo(Date.parse(slot.from) - 15 * minute);
    if (own) {
      const acts = `/ops/v1/riders/me/jobs/${placed.orderId}/acts`;
      await made(rider.post(acts, { act: "accept" }));
      await made(rider.post(acts, { act: "pickUp" }));
      await passTo(slot.from);
      const { code } = await made(wang.post(`/v1/orders/${placed.orderId}/pickup-code`));
      await made(rider.post(`/ops/v1/riders/me/jobs/${placed.orderId}/handover`, { code }));
    } else for (const minutes of [13, 3, 3, 3, 10, 10, 10]) await pass(minutes * minute);
  }

  // days pass: deadlines, cut-offs, refunds, closed books; the leader is paid out
  await passTo(Date.parse((await world.team(teamIds[0]!)).batch.cutOff));
  for (const ms of [6 * minute, 2 * minute, hour, 20 * hour]) await pass(ms);
  await passTo((await world.order(li, batched[0]!.orderId)).pickupFrom);
  for (const [i, who] of [li, zhao].entries()) await collects(who, batched[i]!.orderId);
  for (const ms of [hour, 3 * day, 5 * day, minute]) await pass(ms);
  const { payoutId } = await made(han.post("/v1/me/payouts", { amountFen: 100 }));
  await pass(2 * minute);
  const { confirmation } = await made(han.post(`/v1/me/payouts/${payoutId}/confirmation`));
  await local("wechat/transfer-confirm", { package: confirmation.package });
  for (const ms of [minute, hour, day]) await pass(ms);
  // and something is left going on
  const open = await world.campaign({ invitesRequired: 3 });
  await world.formedTeam(chen, open.campaignId);
  const held = await order(sun, 1);
  return { world, held: held.orderId as string, brought, communityId };
}
