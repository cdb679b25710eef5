export { floorText, marginFloor } from "./margin-floor.ts";
export { noteDeal, referencePrice } from "./reference-price.ts";
export {
  type Discount,
  discounted,
  discountLine,
  discountRoom,
  type Priced,
  type PriceLine,
  priceLines,
  weightText,
} from "./seat-price.ts";
