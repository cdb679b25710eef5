import * as z from "zod";
import { hour, toIso } from "../../shared/kernel/time.ts";
import type { Caller, Client, Member } from "./http-client.ts";
import type { Chain } from "./seed.ts";

/** The moves that the stories share, each over HTTP. */

const seat = z.object({
  orderId: z.string(),
  teamId: z.string(),
  payableFen: z.int(),
  storeId: z.string(),
  seat: z.string(),
});
export type Seat = z.infer<typeof seat> & { member: Member };
/** What is paid for, a seat or an order from the cart. */
export type Paid = Pick<Seat, "orderId" | "payableFen" | "member">;

const team = z.object({
  state: z.string(),
  outcome: z.string().optional(),
  paid: z.int(),
  size: z.int(),
  remainingInvites: z.int(),
  deadline: z.string().optional(),
  version: z.string(),
});
const tier = z.object({ fromUnits: z.int(), unitFen: z.int() });
const batch = z.object({
  state: z.string(),
  quantity: z.object({ units: z.int(), unitFen: z.int(), next: tier.optional() }),
  batch: z.object({ text: z.string() }),
});
const order = z.object({
  seat: z.string(),
  headline: z.string(),
  stage: z.string(),
  why: z.string(),
  payment: z.object({ paymentNo: z.string(), state: z.string() }),
  refunds: z.array(z.object({ refundNo: z.string(), state: z.string(), refundFen: z.int() })),
  batch: z.object({ share: z.object({ units: z.int(), unitFen: z.int() }).optional() }).optional(),
});
const purchase = z.object({
  state: z.string(),
  units: z.int(),
  costFen: z.int(),
  communities: z.array(z.object({ units: z.int() })),
  good: z.int(),
  damaged: z.int(),
});
const money = z.object({
  orderId: z.string(),
  transfers: z.array(
    z.object({ kind: z.string(), reference: z.string(), debit: z.string(), credit: z.string(), amountFen: z.int() }),
  ),
  balanceFen: z.int(),
});
const book = z.object({
  payments: z.array(z.object({ paymentNo: z.string(), state: z.string(), totalFen: z.int(), refundedFen: z.int() })),
  refunds: z.array(z.object({ refundNo: z.string(), status: z.string(), refundFen: z.int() })),
});

interface Plan {
  name: string;
  articleId: string;
  durationMinutes: number;
  /** 3 where absent: teams of four. */
  invitesRequired?: number;
  /** Units per store. */
  allotments: { storeId: string; units: number }[];
}

export function createMoves(client: Client, admin: Caller) {
  const { local } = client;
  const now = async () => (await local.get("/_local/clock", z.object({ now: z.int() }))).now;
  const anything = z.unknown();
  /** The parameters of the payment sheet, as the mini-program asks for them. */
  const prepay = ({ member, orderId }: Paid) =>
    member.post(`/v1/orders/${orderId}/payment`, undefined, z.object({ paymentNo: z.string() }));

  /** Each store its units, then publication: it opens at once. */
  const launch = async (campaignId: string, allotments: Plan["allotments"]) => {
    const path = `/ops/v1/campaigns/${campaignId}`;
    await admin.post(`${path}/allotments`, { allotments }, anything);
    await admin.post(`${path}/publication`, undefined, anything);
  };

  return {
    now,

    /** Moves the clock by `ms`; what falls due runs before the step's idle. */
    async advance(ms: number): Promise<void> {
      await local.post("/_local/clock", { advanceMs: ms }, anything);
    },

    /** A team, everyone at 80 %: draft, units per store, publication. It opens at once. */
    async publish(plan: Plan): Promise<{ campaignId: string; aloneFen: number; teamFen: number }> {
      const at = await now();
      const draft = {
        name: plan.name,
        articleId: plan.articleId,
        invitesRequired: plan.invitesRequired ?? 3,
        shareBps: 8000,
        durationMinutes: plan.durationMinutes,
        holdMinutes: 15,
        opensAt: toIso(at),
        closesAt: toIso(at + 10 * hour),
        hardEnd: toIso(at + 24 * hour),
        pickupFrom: toIso(at + 6 * hour),
        pickupUntil: toIso(at + 48 * hour),
      };
      const made = z.object({ campaignId: z.string(), aloneFen: z.int(), teamFen: z.int() });
      const campaign = await admin.post("/ops/v1/campaigns", draft, made);
      await launch(campaign.campaignId, plan.allotments);
      return campaign;
    },

    /** A community of a store, and its members, signed in. */
    async community(storeId: string, community: string, names: readonly string[]) {
      const body = { storeId, name: community, kind: "neighbourhood" };
      const { communityId } = await admin.post("/ops/v1/communities", body, z.object({ communityId: z.string() }));
      const joined: Member[] = [];
      for (const name of names) {
        const member = await client.member(name);
        await member.post(`/v1/communities/${communityId}/membership`, undefined, anything);
        joined.push(member);
      }
      return { communityId, joined };
    },
    /** A batch or ladder, and the team of each of its communities. */
    async publishBatch({ allotments, ...draft }: Pick<Plan, "allotments"> & Record<string, unknown>) {
      const made = z.object({ campaignId: z.string() });
      const { campaignId } = await admin.post("/ops/v1/campaigns", draft, made);
      await launch(campaignId, allotments);
      const teams = z.object({ communities: z.array(z.object({ communityId: z.string(), teamId: z.string() })) });
      const member = await client.member("看客");
      return { campaignId, ...(await member.get(`/v1/campaigns/${campaignId}`, teams)) };
    },
    orderInBatch: async (member: Member, teamId: string, units: object): Promise<Seat> => ({
      ...(await member.post(`/v1/teams/${teamId}/seats`, units, seat)),
      member,
    }),
    batch: (member: Member, teamId: string) => member.get(`/v1/teams/${teamId}`, batch),
    pickingList: (storeId: string, campaignId: string) =>
      admin.get(
        `/ops/v1/stores/${storeId}/campaigns/${campaignId}/picking-list`,
        z.object({ communities: z.array(z.object({ units: z.int(), cases: z.int().optional() })) }),
      ),

    /** What a campaign bought for a store, and what came of it. */
    purchase: (storeId: string, campaignId: string) =>
      admin.get(`/ops/v1/stores/${storeId}/purchases/${campaignId}`, purchase),
    receive: (storeId: string, campaignId: string, arrival: object) =>
      admin.post(`/ops/v1/stores/${storeId}/purchases/${campaignId}/arrivals`, arrival, purchase),

    /** Units a campaign has left at a store. */
    async unitsLeft(campaignId: string, storeId: string): Promise<number | undefined> {
      const shape = z.object({ allotments: z.array(z.object({ storeId: z.string(), left: z.int() })) });
      const { allotments } = await admin.get(`/ops/v1/campaigns/${campaignId}`, shape);
      return allotments.find((row) => row.storeId === storeId)?.left;
    },

    open: async (member: Member, campaignId: string, where: object): Promise<Seat> => ({
      ...(await member.post(`/v1/campaigns/${campaignId}/teams`, where, seat)),
      member,
    }),
    /** Comes by a share link, and takes a seat. */
    async join(member: Member, teamId: string, shareToken: string, where: object): Promise<Seat> {
      await member.post(
        `/v1/shares/${shareToken}/touches`,
        undefined,
        z.object({ team: z.object({ teamId: z.literal(teamId) }) }),
      );
      return { ...(await member.post(`/v1/teams/${teamId}/seats`, { ...where, shareToken }, seat)), member };
    },
    share: (member: Member, teamId: string) =>
      member.post(`/v1/teams/${teamId}/shares`, undefined, z.object({ token: z.string(), title: z.string() })),

    prepay,
    /** Pays as the member's WeChat would; the sandbox then notifies us, signed and encrypted. */
    async pay(seat: Paid): Promise<void> {
      const { paymentNo } = await prepay(seat);
      await local.post("/_local/wechat/pay", { paymentNo, user: seat.member.name }, anything);
    },

    team: (member: Member, teamId: string) => member.get(`/v1/teams/${teamId}`, team),
    teamChanges: (member: Member, teamId: string, after: string) =>
      member.get(
        `/v1/teams/${teamId}/changes?after=${after}`,
        z.object({
          version: z.string(),
          changed: z.boolean(),
          askAgainS: z.int().optional(),
          current: team.optional(),
        }),
      ),
    order: ({ member, orderId }: Paid) => member.get(`/v1/orders/${orderId}`, order),
    inbox: async (member: Member) =>
      (await member.get("/v1/inbox", z.object({ items: z.array(z.object({ title: z.string(), body: z.string() })) })))
        .items,
    money: ({ orderId }: Paid) => admin.get(`/ops/v1/orders/${orderId}/money`, money),
    book: () => local.get("/_local/wechat/book", book),
    notifications: (numbers: string[]) =>
      local
        .get(
          "/_local/wechat/notifications",
          z.array(z.object({ kind: z.string(), number: z.string(), state: z.string() })),
        )
        .then((rows) => rows.filter((row) => numbers.includes(row.number))),
    refundExecutions: async () =>
      (
        await local.get(
          "/_local/executions?machine=RefundMachine",
          z.object({ executions: z.array(z.object({ name: z.string(), status: z.string() })) }),
        )
      ).executions,
  };
}

export type Moves = ReturnType<typeof createMoves>;

/** Every store its units; `none` are left out of the campaign. */
export const toAll = ({ stores }: Chain, units: number, none: string[] = []) =>
  [...stores].filter(([place]) => !none.includes(place)).map(([, storeId]) => ({ storeId, units }));
