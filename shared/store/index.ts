export { findStores } from "./find-stores.ts";
export { createStore, loadStore, storeWrites, suspendStore, updateStore } from "./keep-store.ts";
export { openingHours, type Store } from "./model.ts";
export { hasOpening, isOpenDuring } from "./rules.ts";
