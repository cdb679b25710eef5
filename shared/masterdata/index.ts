export { applyImport, importRun } from "./apply-import.ts";
export { exportFile } from "./export-file.ts";
export { fileTypes } from "./file-types.ts";
export { importLifecycle } from "./lifecycle.ts";
export { type FileKind, fileKinds, type ImportRun } from "./model.ts";
export { mostRows, planImport } from "./plan-import.ts";
