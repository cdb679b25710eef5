export { createStore, loadStore, type StoreFacts, suspendStore, updateStore } from "./keep-store.ts";
export { openingHours, type Store, store } from "./model.ts";
export { hasOpening, isOpenDuring } from "./rules.ts";
