export { fileColumns } from "./file-columns.ts";
export { importLifecycle } from "./lifecycle.ts";
export { type FileKind, fileKinds, type ImportRun, mostRows } from "./model.ts";
