export { payoutLifecycle, shareLifecycle } from "./lifecycle.ts";
export type { Payout, ProfitShare } from "./model.ts";
export type { PayoutChannel, ProfitSharing } from "./ports.ts";
export { applyTransfer, bringPayout } from "./settle-payout.ts";
export { bringShare, shareOut } from "./share-out.ts";
