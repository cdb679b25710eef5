/** What staff do about supply: the door to what is loaded with the first request to it. */
export { grantException } from "./grant-exception.ts";
export { createSupplier, suspendSupplier, updateSupplier } from "./keep-supplier.ts";
export { closeRecall, loadRecall, openRecall } from "./open-recall.ts";
export { announceLot, checkLot } from "./receive-lot.ts";
