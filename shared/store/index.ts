export { areaInput, reachOf, serves } from "./area.ts";
export { findStores } from "./find-stores.ts";
export { createStore, loadStore, storeWrites, suspendStore, updateStore } from "./keep-store.ts";
export { area, openingHours, type SpecialDay, type Store, specialDays } from "./model.ts";
export { hasOpening, isOpenDuring, specialDaysIn } from "./rules.ts";
