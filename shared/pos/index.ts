export { posMappings } from "./columns.ts";
export { posFileLifecycle } from "./lifecycle.ts";
export { type PosFile, posFile, posLayouts } from "./model.ts";
