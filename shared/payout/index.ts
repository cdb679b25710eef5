export { payoutLifecycle } from "./lifecycle.ts";
export type { Payout } from "./model.ts";
export type { PayoutChannel } from "./ports.ts";
export { applyTransfer, bringPayout } from "./settle-payout.ts";
