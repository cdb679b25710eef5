import { day, dayOf, hour, minute, toIso } from "../../shared/kernel/time.ts";
import { type Chain, made, type SimulatedStore } from "./chain.ts";
import type { Any, Caller, Client } from "./client.ts";
import type { Dice } from "./dice.ts";
import type { Actor } from "./members.ts";
import type { Parameters } from "./parameters.ts";

interface Parts {
  chain: Chain;
  client: Client;
  dice: Dice;
  parameters: Parameters;
}
const because = { reason: "模拟运行" };

/** Whoever works at a store: makes ready what is paid, hands over for codes, decides on deliveries that need a person. */
export function createStaff(store: SimulatedStore, { chain, dice, parameters: { staff } }: Parts): Actor {
  const { storeId, clerk, manager } = store;
  const at = `/ops/v1/stores/${storeId}`;
  const done = new Set<string>();
  return {
    name: `staff of ${store.name}`,
    async act(now) {
      for (const { code, orderId } of store.counter.splice(0)) {
        if (dice.hits(staff.mistypes))
          await clerk.post(`${at}/pickups`, { code: String(dice.between(10 ** 11, 10 ** 12 - 1)) });
        const handed = await clerk.post(`${at}/pickups`, { code });
        if (handed.ok && dice.hits(staff.compensates))
          await manager.post(`${at}/orders/${orderId}/compensations`, {
            amountFen: dice.between(100, 400),
            bearer: dice.pick(["platform", "store"])!,
            reason: "顾客到店反映压坏",
          });
      }
      const page = await clerk.get(`${at}/orders?day=${dayOf(now)}&limit=50`);
      for (const { orderId, seat, stage, teamId } of page.body?.items ?? []) {
        if (seat !== "CONFIRMED" || stage !== "PLACED" || done.has(orderId) || !dice.hits(staff.readies)) continue;
        done.add(orderId);
        if (teamId === undefined || dice.hits(0.5)) await clerk.post(`${at}/orders/${orderId}/ready`);
      }
      const deliveries = await manager.get(`${at}/deliveries?limit=50`);
      for (const { orderId, state, needsAttention, carrier, riderId } of deliveries.body?.items ?? []) {
        // one of the shop's people has it with him: he is at the door
        if (state === "PICKED_UP" && carrier === undefined && riderId !== store.riderId) {
          const code = await chain.owners.get(orderId)?.post(`/v1/orders/${orderId}/pickup-code`);
          if (code?.ok) store.counter.push({ code: code.body.code, orderId });
        }
        if (!needsAttention || !dice.hits(0.7)) continue;
        if (["FAILED", "RETURNED", "CANCELLED"].includes(state))
          await manager.post(`${at}/orders/${orderId}/delivery`, { decision: "sendAgain", ...because });
        else if (state === "WAITING") await clerk.post(`${at}/orders/${orderId}/dispatch`);
      }
      return staff.everyMinutes * minute;
    },
  };
}

/** A rider of a store: on shift by day, he takes offers along, brings them, and sometimes can't. */
export function createRider(store: SimulatedStore, { chain, dice, parameters: { rider, day: waking } }: Parts): Actor {
  const { rider: who, storeId } = store;
  const acts = (orderId: string, body: Record<string, unknown>) =>
    who.post(`/ops/v1/riders/me/jobs/${orderId}/acts`, body);
  return {
    name: `rider of ${store.name}`,
    async act(now) {
      const hourNow = Math.floor(((now + 8 * hour) % day) / hour);
      const on = hourNow >= waking.from && hourNow < waking.until;
      const { body } = await who.get("/ops/v1/riders/me/round");
      if (body?.shift?.on !== on) await who.put("/ops/v1/riders/me/shift", { storeId, on, room: rider.room });
      for (const { orderId, state, backFrom } of body?.stops ?? []) {
        if (state === "ACCEPTED")
          await (dice.hits(rider.givesUp)
            ? acts(orderId, { act: "giveUp", reason: "电动车没电" })
            : acts(orderId, { act: "pickUp" }));
        else if (backFrom !== undefined) {
          if (now >= Date.parse(backFrom)) await acts(orderId, { act: "bringBack", reason: "无人接听" });
        } else if (dice.hits(rider.cannotReach)) await acts(orderId, { act: "cannotReach" });
        else if (dice.hits(rider.leaves)) await acts(orderId, { act: "leave", note: "放在门口" });
        else {
          const code = await chain.owners.get(orderId)?.post(`/v1/orders/${orderId}/pickup-code`);
          const handed = code?.ok
            ? await who.post(`/ops/v1/riders/me/jobs/${orderId}/handover`, { code: code.body.code })
            : undefined;
          // cancelled on the way, or for a person: it goes back
          if (!handed?.ok) await acts(orderId, { act: "bringBack", reason: "订单已取消" });
        }
      }
      for (const { orderId } of body?.offers ?? [])
        if (dice.hits(rider.accepts)) await acts(orderId, { act: "accept" });
      return rider.everyMinutes * minute;
    },
  };
}

/** Ops: campaigns of all three kinds each morning, goods, coupons; through the day teams are completed, campaigns stopped, orders moved. */
export function createOps(
  { chain, dice, parameters }: Parts,
  { memberIds, reader }: { memberIds: readonly string[]; reader: Caller },
): Actor {
  const { ops, articles, stores } = chain;
  const { ops: how, campaigns: terms } = parameters;
  let lastDay = "";
  let number = 0;

  async function launch(draft: Record<string, unknown>, kind: string): Promise<void> {
    const { campaignId } = await made(ops.post("/ops/v1/campaigns", draft));
    await made(
      ops.post(`/ops/v1/campaigns/${campaignId}/allotments`, {
        allotments: stores.map(({ storeId }) => ({ storeId, units: terms.units })),
      }),
    );
    const { ok } = await ops.post(`/ops/v1/campaigns/${campaignId}/publication`);
    if (ok) chain.campaigns.push({ campaignId, kind, teams: [] });
  }

  async function morning(now: number): Promise<void> {
    const inMs = (ms: number) => toIso(now + ms);
    const article = () => dice.pick(articles)!;
    for (const { storeId } of stores)
      for (const { articleId } of articles)
        if (lastDay !== "")
          await ops.post(`/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, {
            delta: dice.between(20, 80),
            reason: "早班到货",
          });
    for (const invitesRequired of terms.invitesRequired) {
      const { articleId, name } = article();
      await launch(
        {
          name: `${name}邻里团${++number}`,
          articleId,
          invitesRequired,
          shareBps: 8000,
          durationMinutes: terms.durationMinutes,
          holdMinutes: terms.holdMinutes,
          perMemberLimit: 3,
          ...(dice.hits(0.3) && { totalCap: terms.units }),
          opensAt: inMs(0),
          closesAt: inMs(11 * hour),
          hardEnd: inMs(13 * hour),
          pickupFrom: inMs(hour),
          pickupUntil: inMs(4 * day),
        },
        "neighbour",
      );
    }
    for (const kind of ["batch", "ladder"]) {
      const { articleId, name, priceFen } = article();
      const tiers = [
        { fromUnits: 3, unitFen: Math.round(priceFen * 0.9) },
        { fromUnits: 8, unitFen: Math.round(priceFen * 0.8) },
      ];
      await launch(
        {
          name: `${name}社区团${++number}`,
          articleId,
          communityIds: stores.map(({ communityId }) => communityId),
          minUnits: 3,
          ...(kind === "ladder" ? { kind, tiers } : { kind, shareBps: 8500 }),
          opensAt: inMs(0),
          cutOff: inMs(8 * hour),
          pickupFrom: inMs(10 * hour),
          pickupUntil: inMs(4 * day),
        },
        kind,
      );
    }
    const { couponId } = await made(
      ops.post("/ops/v1/coupons", {
        name: `晨间券${number}`,
        off: dice.hits(0.5) ? { by: "amount", fen: dice.between(50, 300) } : { by: "percent", bps: 1000, mostFen: 300 },
        thresholdFen: 900,
        validFrom: inMs(0),
        validUntil: inMs(3 * day),
        funder: dice.hits(0.5) ? { by: "platform" } : { by: "store", storeId: stores[0]!.storeId },
        budgetFen: 10_000,
      }),
    );
    const lucky = new Set(Array.from({ length: how.coupons }, () => dice.pick(memberIds)!));
    await ops.post(`/ops/v1/coupons/${couponId}/grants`, { memberIds: [...lucky], reason: "晨间活动" });
  }

  return {
    name: "ops",
    async act(now) {
      const today = dayOf(now);
      if (today !== lastDay) {
        await morning(now);
        lastDay = today;
        return parameters.stepMinutes * minute;
      }
      for (const campaign of chain.campaigns) {
        if (campaign.kind === "neighbour" || campaign.teams.length > 0) continue;
        // the teams of a batch come to be when it opens: told by its page
        const page = await reader.get(`/v1/campaigns/${campaign.campaignId}`);
        for (const { communityId, teamId } of page.body?.communities ?? []) {
          const store = stores.find((one) => one.communityId === communityId);
          if (store && teamId) campaign.teams.push({ teamId, campaignId: campaign.campaignId, storeId: store.storeId });
        }
      }
      const team = dice.pick(chain.openTeams);
      if (team && dice.hits(how.subsidises))
        await ops.post(`/ops/v1/teams/${team.teamId}/subsidised-completion`, { reason: "开业支持成团" });
      const campaign = dice.pick(chain.campaigns);
      if (campaign && dice.hits(how.cancels)) {
        const stopped = await ops.post(`/ops/v1/campaigns/${campaign.campaignId}/cancellation`, { reason: "供货中断" });
        if (stopped.ok) chain.campaigns.splice(chain.campaigns.indexOf(campaign), 1);
      }
      const waiting = chain.placed.splice(0);
      for (const { orderId } of waiting)
        if (dice.hits(how.reroutes)) await ops.post(`/ops/v1/orders/${orderId}/reroute`, { reason: "门店临时停电" });
      return how.everyMinutes * minute;
    },
  };
}

/** The carriers' riders: quick, slow, giving up, or none at all. */
export function createCarriers({ client, dice, parameters: { carriers } }: Parts): Actor {
  const way = (): Any[] => {
    const arrive = dice.between(3, 12);
    const picked = arrive + dice.between(1, 5);
    const brought = picked + dice.between(8, 40);
    const step = (state: string, minutes: number) => ({ state, afterMs: minutes * minute });
    if (dice.hits(carriers.gives))
      return [
        step("ACCEPTED", 1),
        step("PICKED_UP", picked),
        step("RETURNING", brought),
        step("RETURNED", brought + 20),
      ];
    if (dice.hits(carriers.drops))
      return [step("ACCEPTED", 1), step("RIDER_DROPPED", 2), step("ACCEPTED", 4), step("CANCELLED", arrive + 6)];
    return [step("ACCEPTED", 1), step("ARRIVED_STORE", arrive), step("PICKED_UP", picked), step("DELIVERED", brought)];
  };
  return {
    name: "carriers",
    async act() {
      for (const carrier of ["wechat", "dada"])
        await client.local("carriers/plan", {
          carrier,
          feeFen: dice.between(450, 900),
          minutes: dice.between(20, 60),
          steps: way(),
          ...(dice.hits(carriers.refuses) && { refuse: dice.pick(["quote", "create"])! }),
        });
      return carriers.everyMinutes * minute;
    },
  };
}

/** Somebody who forges what the channel and the carriers send; he must be refused. */
export function createStranger(
  { client, chain, dice, parameters }: Parts,
  wrong: (where: string, what: string) => void,
): Actor {
  return {
    name: "stranger",
    async act() {
      const orderId = dice.pick([...chain.owners.keys()]) ?? "OR0";
      for (const [path, body] of [
        [
          "/hooks/wechat/pay",
          { id: "EV-forged", event_type: "TRANSACTION.SUCCESS", resource: { ciphertext: "eA==", nonce: "n" } },
        ],
        [
          "/hooks/carriers/dada",
          { order_id: `${orderId}01`, order_status: 4, client_id: "1", update_time: 1, signature: "x" },
        ],
        ["/hooks/carriers/wechat", { store_order_id: `${orderId}01`, order_status: 70000, sign: "x" }],
      ] as const) {
        const { ok, status } = await client.nobody.post(path, body);
        if (ok) wrong(path, `a forged message was answered ${status}`);
      }
      return parameters.stranger.everyMinutes * minute;
    },
  };
}
