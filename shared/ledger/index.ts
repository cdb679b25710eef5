export { booked } from "./book-transfer.ts";
export type { Transfer } from "./model.ts";
