import * as z from "zod";
import { origin } from "../kernel/event.ts";
import { idOf } from "../kernel/ids.ts";
import { fen } from "../kernel/money.ts";
import { epochMs } from "../kernel/time.ts";
import { pii } from "../kernel/vault.ts";
import { temperatureZones } from "../kernel/zone.ts";
import { payment } from "../payment/model.ts";
import { orderLifecycle, seatLifecycle, shippingLifecycle } from "./lifecycle.ts";

export const orderLine = z.object({
  articleId: idOf("AR"),
  name: z.string(),
  units: z.int().min(1).max(9_999),
  /** Price of one unit alone, and as sold; of a kit's component its part of the kit's price, rounded. */
  aloneFen: fen,
  unitFen: fen,
  /** What the units come to: at first units × unitFen, or a component's part of that; less once fewer grams were packed. */
  amountFen: fen,
  /** Of goods by weight: of one unit nominally, and of all units as packed. */
  grams: z.int().min(1).optional(),
  packedGrams: z.int().min(1).optional(),
  /** How it is kept, as its article said when it was ordered; ambient where it is left out. */
  zone: z.enum(temperatureZones).optional(),
});

/** The kit that an order's lines are the components of: price of one alone, and as sold. */
const orderKit = z.object({ articleId: idOf("AR"), name: z.string(), aloneFen: fen, unitFen: fen });

/** Taken off an order beside its team price: what was promised, and what the margin floor let through. */
export const orderDiscount = z.object({
  kind: z.enum(["pickup", "coupon"]),
  faceFen: fen,
  amountFen: fen,
});

/** Why the order went to its store, as it was decided: enough to recompute it. Distances in metres, travel time in seconds. */
export const routed = z.object({
  /** community: a batch is served by its community's store, and its way is not looked at. */
  by: z.enum(["nearest", "picked", "community"]),
  /** matrix: Amazon Location; cache: our decision for the cell; great_circle: a straight line × detour, where Location did not answer, or the roads could not change which store is the nearest. */
  method: z.enum(["matrix", "cache", "great_circle"]),
  cell: z.string(),
  distanceM: z.int(),
  durationS: z.int().optional(),
  /** Stores that were nearer and why they could not serve: suspended, closed, out_of_range, no_stock, no_slot. */
  passed: z.array(z.object({ storeId: idOf("ST"), why: z.string() })).max(8),
});
export type Routed = z.infer<typeof routed>;

/** Order (the contract), seat (the place in a team) and the payment attempt in force are one row. */
export const order = payment.extend({
  orderId: idOf("OR"),
  memberId: idOf("MB"),
  storeId: idOf("ST"),
  /** Day in Asia/Shanghai on which the order was placed: key of the store's day. */
  day: z.string(),
  campaignId: idOf("CP").optional(),
  /** The team its seat is in; an order of the shop's cart has none, and stands once it is paid. */
  teamId: idOf("TM").optional(),
  seat: z.enum(seatLifecycle.states),
  stage: z.enum(orderLifecycle.states),
  shipping: z.enum(shippingLifecycle.states),
  /** In a batch: the most it can come to until its share is settled, then what it came to. */
  lines: z.array(orderLine).min(1),
  kit: orderKit.optional(),
  /** What is taken off, and the least that a unit may come to by it. */
  discounts: z.array(orderDiscount).max(5).optional(),
  floorFen: fen.optional(),
  /** The coupon among the discounts, and the account that bears it. */
  coupon: z.object({ grantId: idOf("CG"), funder: z.string() }).optional(),
  /** Of the article that was sold: of a kit, kits. */
  units: z.int().min(1),
  /** The community leader who placed it in the member's name. */
  placedBy: idOf("MB").optional(),
  /** In a batch: the units asked for, and up to how many of them the member takes to fill a case. */
  wantedUnits: z.int().min(1).optional(),
  upToUnits: z.int().min(1).optional(),
  /** When a batch's seat that gets less, or a lower price, than was paid had its share settled: refund begun, units given back. */
  settledAt: epochMs.optional(),
  /** Its goods are bought at the cut-off and given out as they arrive at its store; gone once another store serves it. */
  sourced: z.literal("to_order").optional(),
  /** Its payment is marked for 分账. */
  profitSharing: z.literal(true).optional(),
  /** When a seat that got less of what arrived than it was sold had its part settled: refund begun, lines cut. */
  shortAt: epochMs.optional(),
  /** When the store last weighed what it packed of goods by weight. */
  packedAt: epochMs.optional(),
  /** What of the payment has been refunded, fen. */
  refundedFen: fen.optional(),
  createdAt: epochMs,
  holdUntil: epochMs,
  /** Keyed hash of the address it was routed from, where one was given. */
  addressHash: z.string().optional(),
  /** The member had never paid when this was placed. */
  firstOrder: z.boolean(),
  routed,
  origin,
  pickupFrom: epochMs,
  pickupUntil: epochMs,
  /** The place of a slot that it holds. */
  slotId: z.string().optional(),
  /** It is brought to the member, between two moments, for a fee that is part of what is paid; distances in metres. */
  delivery: z
    .object({
      from: epochMs,
      until: epochMs,
      feeFen: fen,
      /** How the fee came about; they sum to it. */
      fees: z.array(z.object({ amountFen: z.int(), text: z.string() })).max(8),
      distanceM: z.int(),
      /** Where it goes, wgs84, rounded to some 100 m: for whom a rider takes along. */
      toward: z.object({ lat: z.number(), lng: z.number() }).optional(),
      /** When it was not ready by the time its slot began: staff were told. */
      unpreparedAt: epochMs.optional(),
    })
    .optional(),
  /** To whom and where: JSON `{ name, phone, address, wgs84: { lat, lng } }`, sealed under the member's key. */
  deliverTo: pii().optional(),
  pickupHash: z.string().optional(),
  pickupCode: pii().optional(),
  /** What the store turned out not to have: refunded, or given as another article. The lines are without it. */
  missing: z
    .array(z.object({ articleId: idOf("AR"), name: z.string(), units: z.int().min(1), instead: z.string().optional() }))
    .max(100)
    .optional(),
  /** When it was made ready, and which reminder to collect it its member had last: before the end of pickup, or at it. */
  readyAt: epochMs.optional(),
  reminded: z.enum(["soon", "over"]).optional(),
  /** Where it waits since it is ready: a number of its store's shelf, and the day (YYYY-MM-DD, Asia/Shanghai) that the number is of. */
  shelfNo: z.int().min(1).max(999).optional(),
  shelfDay: z.string().optional(),
  handedOverAt: epochMs.optional(),
  /** When its store disposed of it, for nobody collected it. */
  disposedAt: epochMs.optional(),
  /** When the member left a forming team. */
  leftAt: epochMs.optional(),
  /** The refund of what was paid, and when it ended. */
  refundId: idOf("RF").optional(),
  refundedAt: epochMs.optional(),
});
export type Order = z.infer<typeof order>;
