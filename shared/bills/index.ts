export { type BillDay, billDay } from "./model.ts";
export type { BillSource } from "./ports.ts";
export { reconcileDay, reconcileDays } from "./reconcile-day.ts";
