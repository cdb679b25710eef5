import type { Point } from "../kernel/geo.ts";

/** Travel over roads from one place to another: metres and seconds, whole numbers. */
export interface Travel {
  distanceM: number;
  durationS: number;
}

/** Road distances. What is sent out is coordinates alone, rounded to some 11 m, with nothing that names a person. */
export interface RoutePlanner {
  /**
   * Travel from one place to at most 8 others, all in wgs84, in their order; a place that can't be reached is undefined.
   * Undefined as a whole: the provider does not answer, or not usably. Never throws for that.
   */
  matrix(from: Point, to: readonly Point[]): Promise<(Travel | undefined)[] | undefined>;
}

/** Addresses to points. */
export interface Geocoder {
  /**
   * The best place for an address text (1 to 200 characters; the rest is cut), in wgs84, near `bias` if given. `relevance` is
   * 0 to 1. Undefined: nothing found. Throws TRY_AGAIN when the provider does not answer.
   */
  geocode(text: string, bias?: Point): Promise<{ point: Point; label: string; relevance: number } | undefined>;
}

/** Tells the payment channel that the goods were handed over: without it the money stays frozen. */
export interface ShippingUpload {
  /**
   * Uploads the hand-over of one payment. `uploaded` also when it had been uploaded before. `unknown` and `busy`: call
   * again with the same values. `refused`: staff must look (the payment is not known to the channel, or not shippable).
   */
  uploadPickup(pickup: {
    paymentNo: string;
    openid: string;
    /** What was handed over, for the member to read; cut to 120 characters. */
    description: string;
    /** Epoch ms. */
    handedOverAt: number;
    /** Collected by the member, or brought within the city. */
    way: "pickup" | "delivery";
  }): Promise<
    | { kind: "uploaded" }
    | { kind: "refused"; code: string; message: string }
    | { kind: "busy" }
    | { kind: "unknown"; reason: string }
  >;
  /**
   * What became of a payment whose shipping was uploaded (get_order). shipped: its money is frozen until the member confirms, or two days
   * have passed for a pickup. settled: the merchant has it. closed: it went back.
   */
  settlementOf(
    paymentNo: string,
  ): Promise<
    | { kind: "shipped" | "settled" | "closed" | "busy" }
    | { kind: "refused"; code: string; message: string }
    | { kind: "unknown"; reason: string }
  >;
}
