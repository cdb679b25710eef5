import { articlesFile, pricesFile } from "./articles-file.ts";
import type { FileType } from "./file.ts";
import type { FileKind } from "./model.ts";
import { staffFile } from "./staff-file.ts";
import { stockFile } from "./stock-file.ts";
import { storesFile } from "./stores-file.ts";

export const fileTypes: Record<FileKind, FileType> = {
  articles: articlesFile,
  prices: pricesFile,
  stock: stockFile,
  stores: storesFile,
  staff: staffFile,
};
