/** What is done with files: the door to what is loaded with the first of them. */
export { applyImport, importRun } from "./apply-import.ts";
export { exportFile } from "./export-file.ts";
export { planImport } from "./plan-import.ts";
