export { deliveryFee } from "./delivery-fee.ts";
export { feeRulesOf, keepFees, keepSlotPlan, readFees, readSlotPlan } from "./keep-plan.ts";
export { deliveryFeeRules, slotId, slotKind, slotWindows } from "./model.ts";
export { type Slot, slotBack, slotsOffered, takeSlot, withoutSlot } from "./take-slot.ts";
