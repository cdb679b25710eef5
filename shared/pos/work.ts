/** What is done with files of tills: the door to what is loaded with the first of them. */
export { importPosFile, loadPosFile } from "./import-file.ts";
export { readRecords } from "./read-records.ts";
export { skippedRecords } from "./skipped-lines.ts";
