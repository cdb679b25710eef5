export { floorText, marginFloor } from "./margin-floor.ts";
export { noteDeal, referencePrice } from "./reference-price.ts";
export { type Discount, discounted, discountRoom, type Priced, type PriceLine, priceLines } from "./seat-price.ts";
