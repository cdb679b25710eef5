import { minute } from "../../shared/kernel/time.ts";
import { type Chain, made, placeAt, type SimulatedStore } from "./chain.ts";
import type { Any, Caller, Client } from "./client.ts";
import type { Dice } from "./dice.ts";
import type { Temperament } from "./parameters.ts";

/** Somebody who acts: what he does now, and after how many ms he comes again; `undefined`: never. */
export interface Actor {
  name: string;
  act(now: number): Promise<number | undefined>;
}

type Who = Caller & { name: string; memberId: string };
interface Mine {
  orderId: string;
  storeId: string;
  teamId?: string;
  delivers: boolean;
  /** He pays at the channel at his next visit. */
  paysLater?: boolean;
  over?: boolean;
}

/** What goes wrong for a member that should not. */
type Wrong = (invariant: "A2" | "API", where: string, what: string) => void;

/** A member: he visits some times a day, sees to what he ordered, and does something new as he is inclined to. */
export function createMember(parts: {
  who: Who;
  home: number;
  store: SimulatedStore;
  temperament: Temperament;
  chain: Chain;
  client: Client;
  dice: Dice;
  wakingMs: number;
  wrong: Wrong;
}): Actor {
  const { who, home, store, temperament, chain, client, dice, wakingMs, wrong } = parts;
  const place = placeAt(home);
  const mine: Mine[] = [];
  let addressId: string | undefined;
  let began = false;

  /** Pays now, later, never, or when it is too late, as he is inclined to. */
  async function pays(order: Mine): Promise<void> {
    const how = dice.weighed(temperament.pays);
    if (how === "later") order.paysLater = true;
    if (how === "later" || how === "never") return;
    await payNow(order, how === "afterClose");
  }
  async function payNow({ orderId }: Mine, late: boolean): Promise<void> {
    const { ok, body } = await who.post(`/v1/orders/${orderId}/payment`);
    if (!ok) return;
    const { paymentNo } = body;
    if (late) await client.local("wechat/pay-after-close", { paymentNo, afterMs: dice.between(0, 40) * minute });
    else await client.local("wechat/pay", { paymentNo, user: who.name });
  }
  const placed = async (body: Any, more: { teamId?: string; delivers?: boolean } = {}): Promise<void> => {
    const order: Mine = { orderId: body.orderId, storeId: body.storeId, delivers: false, ...more };
    mine.push(order);
    chain.owners.set(order.orderId, who);
    await pays(order);
  };
  const couponFor = async (): Promise<string | undefined> => {
    const { ok, body } = await who.get("/v1/coupons");
    return ok ? body.items.find((one: Any) => one.state === "GRANTED")?.grantId : undefined;
  };

  async function tend(order: Mine): Promise<void> {
    if (order.paysLater) {
      order.paysLater = false;
      await payNow(order, false);
    }
    const { ok, body } = await who.get(`/v1/orders/${order.orderId}`);
    if (!ok) {
      wrong("API", order.orderId, `its member is told ${JSON.stringify(body)}`);
      return;
    }
    order.storeId = body.store.storeId;
    if (["RELEASED", "REFUNDED"].includes(body.seat) || body.stage === "HANDED_OVER") {
      order.over = true;
      return;
    }
    if (body.seat === "CONFIRMED" && body.stage === "PLACED") {
      if (!chain.placed.some(({ orderId }) => orderId === order.orderId))
        chain.placed.push({ orderId: order.orderId, storeId: order.storeId, memberId: who.memberId });
    }
    if (["HELD", "PAID", "CONFIRMED"].includes(body.seat) && dice.hits(temperament.changesMind)) {
      await who.post(`/v1/orders/${order.orderId}/${order.teamId ? "departure" : "cancellation"}`);
      return;
    }
    if (body.seat === "CONFIRMED" && !order.delivers && dice.hits(temperament.collects)) {
      const code = await who.post(`/v1/orders/${order.orderId}/pickup-code`);
      if (code.ok)
        chain.stores
          .find(({ storeId }) => storeId === order.storeId)
          ?.counter.push({ code: code.body.code, orderId: order.orderId });
    }
    if (order.delivers) await who.get(`/v1/orders/${order.orderId}/trail`);
    if (body.seat === "PAID" && order.teamId) await who.post(`/v1/teams/${order.teamId}/shares`);
  }

  const basket = () => {
    const first = dice.pick(chain.articles)!;
    const second = dice.pick(chain.articles)!;
    const lines = [{ articleId: first.articleId, units: dice.between(1, 3) }];
    if (second !== first && dice.hits(0.5)) lines.push({ articleId: second.articleId, units: dice.between(1, 2) });
    return lines;
  };

  const wants: Record<string, () => Promise<void>> = {
    async browse() {
      const looks = [
        `/v1/stores/${store.storeId}/articles`,
        "/v1/campaigns",
        "/v1/inbox",
        "/v1/orders",
        "/v1/me/teams?standing=open",
        `/v1/stores/${store.storeId}/search?q=${encodeURIComponent("鸡蛋")}`,
        `/v1/communities/${store.communityId}/campaigns`,
      ];
      for (let i = 0; i < 3; i++) await who.get(dice.pick(looks)!);
    },

    async team() {
      const team = dice.hits(0.75) ? dice.pick(chain.openTeams.slice(-6)) : undefined;
      if (team) {
        const answer = await who.post(`/v1/teams/${team.teamId}/seats`, { place, fulfilment: "pickup" });
        if (answer.ok) await placed(answer.body, { teamId: team.teamId });
        else if (["TEAM_FULL", "TEAM_CLOSED", "TEAM_NOT_VISIBLE"].includes(answer.code ?? "")) {
          const at = chain.openTeams.indexOf(team);
          if (at >= 0 && answer.code !== "TEAM_NOT_VISIBLE") chain.openTeams.splice(at, 1);
        }
        return;
      }
      const campaign = dice.pick(chain.campaigns.filter(({ kind }) => kind === "neighbour").slice(-4));
      if (!campaign) return;
      const coupon = dice.hits(0.3) ? await couponFor() : undefined;
      const answer = await who.post(`/v1/campaigns/${campaign.campaignId}/teams`, {
        place,
        fulfilment: "pickup",
        ...(coupon && { couponGrantId: coupon }),
        ...(dice.hits(0.3) && { communityId: store.communityId }),
      });
      if (!answer.ok) return;
      const { teamId, storeId } = answer.body;
      chain.openTeams.push({ teamId, campaignId: campaign.campaignId, storeId });
      await placed(answer.body, { teamId });
    },

    async batch() {
      const open = chain.campaigns.filter(({ kind }) => kind !== "neighbour").slice(-4);
      const team = dice.pick(open)?.teams.find(({ storeId }) => storeId === store.storeId);
      if (!team) return;
      const answer = await who.post(`/v1/teams/${team.teamId}/seats`, { units: dice.between(1, 2) });
      if (answer.ok) await placed(answer.body, { teamId: team.teamId });
    },

    async cart() {
      const lines = basket();
      if (dice.hits(0.3)) await who.put("/v1/me/cart", { lines });
      if (dice.hits(0.3)) await who.post("/v1/cart/quotes", { lines, place });
      const coupon = dice.hits(0.4) ? await couponFor() : undefined;
      const answer = await who.post("/v1/orders", { lines, place, ...(coupon && { couponGrantId: coupon }) });
      if (answer.ok) await placed(answer.body);
    },

    async delivery() {
      addressId ??= (
        await made(
          who.post("/v1/me/addresses", { name: "邻居", phone: "13912345678", address: "人民大道200号", point: place }),
        )
      ).addressId;
      const slots = await who.get(`/v1/stores/${store.storeId}/slots`);
      const slot = dice.pick((slots.body?.items ?? []).slice(0, 4)) as Any;
      if (!slot) return;
      const answer = await who.post("/v1/orders", {
        lines: basket(),
        fulfilment: "delivery",
        addressId,
        storeId: store.storeId,
        slotId: slot.slotId,
      });
      if (answer.ok) await placed(answer.body, { delivers: true });
    },

    /** Looks at what belongs to others, and uses it: it must not be there for him. */
    async pry() {
      const other = dice.pick([...chain.owners].filter(([, owner]) => owner !== who));
      if (!other) return;
      const [orderId] = other;
      for (const ask of [
        () => who.get(`/v1/orders/${orderId}`),
        () => who.get(`/v1/orders/${orderId}/trail`),
        () => who.post(`/v1/orders/${orderId}/pickup-code`),
        () => who.post(`/v1/orders/${orderId}/cancellation`),
        () => who.get(`/ops/v1/orders/${orderId}/money`),
      ]) {
        const { ok, status } = await ask();
        if (ok) wrong("A2", orderId, `${who.memberId} was answered ${status} about another one's order`);
      }
    },
  };

  return {
    name: who.name,
    async act() {
      if (!began) {
        began = true;
        if (dice.hits(0.8)) await who.post(`/v1/communities/${store.communityId}/membership`);
      } else {
        for (const order of mine.filter(({ over }) => !over).slice(0, 4)) await tend(order);
        await wants[dice.weighed(temperament.wants)]!();
      }
      // the payment sheet is open: he is back before the hold ends
      if (mine.some(({ paysLater }) => paysLater)) return minute;
      return Math.round((wakingMs / temperament.visits) * (0.5 + dice.next()));
    },
  };
}
