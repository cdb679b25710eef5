export { posMappings } from "./columns.ts";
export { posFileLifecycle } from "./lifecycle.ts";
export { type PosFile, type PosLayout, posFile, posLayouts } from "./model.ts";
