import * as z from "zod";
import { origin } from "../kernel/event.ts";
import { idOf } from "../kernel/ids.ts";
import { basisPoints, fen } from "../kernel/money.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { temperatureZones } from "../kernel/zone.ts";
import { campaignLifecycle, teamLifecycle } from "./lifecycle.ts";

/** Who may join a team: everybody; the leader's community; neighbours routed to the leader's store; who never paid before. */
export const admission = z.enum(["anyone", "community", "store", "new"]);

/** A price from a quantity on: of a community's paid units, as wanted. */
const tier = z.object({ fromUnits: z.int().min(1).max(1_000_000), unitFen: fen.min(1) });
export type Tier = z.infer<typeof tier>;

/** A kit's component as it was when the campaign was made: units in one kit, and the price of one alone, by which it has its part of the kit's price. */
const component = z.object({
  articleId: idOf("AR"),
  name: z.string(),
  units: z.int().min(1).max(99),
  aloneFen: fen.min(1),
  zone: z.enum(temperatureZones).optional(),
});

/** Where the goods of a batch come from; rows of before it was asked come from stock. */
export const sourced = z.enum(["stock", "to_order"]).default("stock");

/** What a batch (截单团) agrees with each community beyond the price. A ladder is a batch of several tiers. */
const batchTerms = z.object({
  /** Paid units without which it fails. */
  minUnits: z.int().min(1).max(1_000_000),
  /** Units of a case: only whole ones are bought. */
  casePack: z.int().min(2).max(999).optional(),
  /** By quantity, the price falling; the first begins at the minimum, and its price is what is prepaid. */
  tiers: z.array(tier).min(1).max(10),
  /** Orders a community may place. */
  seats: z.int().min(2).max(10_000),
  /** to_order: its goods are bought at the cut-off, so that its allotments are what may be ordered and no stock. */
  sourced,
});
export type BatchTerms = z.infer<typeof batchTerms>;

/** The terms a team is opened under; a live team keeps them whatever becomes of the campaign. Durations in ms. */
const termFields = z.object({
  name: text(1, 40),
  articleId: idOf("AR"),
  articleName: z.string(),
  perishable: z.boolean(),
  /** Of a kit. */
  components: z.array(component).min(1).max(20).optional(),
  /** Of an article by weight: of one unit nominally. What a store packs is weighed, and what lacks is refunded. */
  grams: z.int().min(1).max(100_000).optional(),
  /** How the article is kept, where it says. */
  zone: z.enum(temperatureZones).optional(),
  /** Price of one unit alone, and in a team that succeeds; in a batch, at its first tier. */
  aloneFen: fen.min(1),
  teamFen: fen.min(1),
  costFen: fen,
  /** The least a unit is sold for after discounts, as it was when the campaign was published. */
  floorFen: fen.optional(),
  /** Off each order that is collected, and on each that is delivered. */
  pickupDiscountFen: fen.optional(),
  deliveryFeeFen: fen.optional(),
  /** Its payments are marked for 分账: the channel keeps them until a part is shared, or all is let go. */
  profitSharing: z.boolean().optional(),
  /** What may be struck through, as it was when the campaign opened: of the days before (`recent`), or the last deal's. */
  reference: z.object({ fen: fen.optional(), recent: z.boolean().optional() }).optional(),
  holdMs: z
    .int()
    .min(5 * 60_000)
    .max(60 * 60_000),
  perMemberLimit: z.int().min(1).max(99),
  admits: admission,
  /** Nothing lives longer; a batch's cut-off. */
  hardEnd: epochMs,
  pickupFrom: epochMs,
  pickupUntil: epochMs,
  /** Of a neighbour team only. */
  invitesRequired: z.int().min(1).max(99).optional(),
  durationMs: z
    .int()
    .multipleOf(1000)
    .min(10 * 60_000)
    .max(30 * 86_400_000)
    .optional(),
  leaderLeaves: z.enum(["transfer", "dissolve"]).optional(),
  /** Of a batch only. */
  batch: batchTerms.optional(),
});
export type Terms = z.infer<typeof termFields>;

const ofOneKind = ({ invitesRequired, durationMs, leaderLeaves, batch }: Terms): boolean =>
  [invitesRequired, durationMs, leaderLeaves].every((figure) => (figure === undefined) === (batch !== undefined));
const terms = termFields.refine(ofOneKind, "a neighbour team's terms or a batch's, not both");

/** neighbour: 拼团; batch: 截单团; ladder: a batch whose price falls with the quantity. */
export const campaignKind = z.enum(["neighbour", "batch", "ladder"]);

export const campaign = termFields
  .extend({
    campaignId: idOf("CP"),
    kind: campaignKind,
    /** The team price as a share of the price alone; a ladder names its prices. */
    shareBps: basisPoints.min(1).optional(),
    /** A batch has one team in each. */
    communityIds: z.array(idOf("CM")).min(1).max(50).optional(),
    opensAt: epochMs,
    closesAt: epochMs,
    state: z.enum(campaignLifecycle.states),
    /** Why it was cancelled or suspended. */
    reason: text(0, 200).optional(),
    /** What was known of the goods when it was published, and which of their rules somebody answered for not keeping. */
    goods: z
      .object({
        score: z.int().optional(),
        notes: z.array(z.string()),
        exceptions: z.array(
          z.object({ rule: z.string(), reasonCode: z.string(), approver: z.string(), expiresAt: epochMs }),
        ),
      })
      .optional(),
    /** Units over all stores; a second counter only where it is set. */
    totalCap: z.int().min(1).optional(),
    /** What subsidised completions may cost the platform in all (no limit where absent), and what they have cost. */
    subsidyBudgetFen: fen.optional(),
    subsidySpentFen: fen.optional(),
    origin,
    createdAt: epochMs,
  })
  .refine(ofOneKind, "a neighbour campaign's terms or a batch's, not both")
  .refine(
    ({ kind, batch, communityIds }) => (kind === "neighbour") === (batch === undefined && communityIds === undefined),
  );
export type Campaign = z.infer<typeof campaign>;

/** A store's units for a campaign's article, a kit's as kits: `left` is taken at hold; RETURNED rows take back nothing any more. */
export const allotment = z.object({
  campaignId: idOf("CP"),
  storeId: idOf("ST"),
  articleId: idOf("AR"),
  units: z.int().min(1).max(1_000_000),
  left: z.int().min(0),
  state: z.enum(["PLANNED", "OPEN", "RETURNED"]),
  /** What may be ordered, no stock: set as it opens. */
  sourced: z.literal("to_order").optional(),
});
export type Allotment = z.infer<typeof allotment>;

/** Units that may still be held over all stores, where the campaign has a total cap. */
export const totalCap = z.object({ campaignId: idOf("CP"), left: z.int().min(0) });

/** A batch's orders in a community, newest campaign first. */
export const communityCampaign = z.object({ communityId: idOf("CM"), campaignId: idOf("CP"), teamId: idOf("TM") });

/**
 * held + paid + free = size, always; a team's page is this one row. A batch's team has no leader: one comes to be for each
 * community when the campaign opens, FORMING until the cut-off.
 */
export const team = z.object({
  teamId: idOf("TM"),
  campaignId: idOf("CP"),
  state: z.enum(teamLifecycle.states),
  /** How it was decided: natural or subsidised success; why it failed. */
  outcome: z.enum(["natural", "subsidised", "deadline", "leader_left", "ops", "stock"]).optional(),
  size: z.int().min(2).max(10_000),
  held: z.int().min(0),
  paid: z.int().min(0),
  free: z.int().min(0),
  /** Units paid for, as wanted: a batch's quantity, which its minimum and tier go by. */
  paidUnits: z.int().min(0).optional(),
  /** Frozen with a batch's success: the quantity counted, the tier's price, and where the last case ends. */
  frozen: z
    .object({
      units: z.int().min(1),
      unitFen: fen.min(1),
      split: z
        .object({
          how: z.enum(["fill", "cut"]),
          paidAt: epochMs,
          orderId: idOf("OR"),
          units: z.int().min(0),
        })
        .optional(),
    })
    .optional(),
  leaderId: idOf("MB").optional(),
  leaderOrderId: idOf("OR").optional(),
  /** The leader's store and community, which decide who is a neighbour; a batch's own. */
  storeId: idOf("ST"),
  communityId: idOf("CM").optional(),
  openedAt: epochMs,
  /** Set by the leader's payment: its success time + duration, at most the hard end. */
  deadline: epochMs.optional(),
  decidedAt: epochMs.optional(),
  /** What the platform bore to complete it: the sum of its orders' subsidies. */
  subsidyFen: fen.optional(),
  /** While the subsidies of a batch are being booked: how many paid seats have been gone through, and where to go on. */
  subsidyBooking: z.object({ seats: z.int().min(0), after: z.record(z.string(), z.string()).optional() }).optional(),
  terms,
  origin,
});
export type Team = z.infer<typeof team>;

/** One member's part in one campaign: the units of each order that counts, and which of them is the live seat. */
export const guard = z.object({
  campaignId: idOf("CP"),
  memberId: idOf("MB"),
  /** orderId → units held or paid and not refunded. */
  units: z.record(z.string(), z.int().min(1)),
  liveOrderId: idOf("OR").optional(),
});
export type Guard = z.infer<typeof guard>;

/** A share link: who shared what, a team, a campaign, or the shop. The token fits a 小程序码 scene (32 characters). */
export const share = z.object({
  token: z.string().regex(/^[0-9A-HJKMNP-TV-Z]{16}$/),
  inviterId: idOf("MB"),
  teamId: idOf("TM").optional(),
  campaignId: idOf("CP").optional(),
  communityId: idOf("CM").optional(),
  at: epochMs,
});
export type Share = z.infer<typeof share>;

/** Somebody opened a share link: first and last time. */
export const touch = z.object({
  token: z.string(),
  memberId: idOf("MB"),
  inviterId: idOf("MB"),
  firstAt: epochMs,
  lastAt: epochMs,
});
