import { cpSync, existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { functionNames, functions } from "./functions.ts";

const projectRoot = join(import.meta.dirname, "..");

/** Files of the documentation viewer that `functions/api/site.ts` reads beside its bundle. */
const viewerFiles = ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"];

/**
 * Bundles every function into `<outDir>/<Name>/index.mjs`, and the documentation site's files beside `Site`. The same
 * sources give the same bytes. Entries are read below `functionsRoot`, the project's `functions/` unless told.
 * Throws one line that names the files when entries are missing, and esbuild's BuildFailure for broken ones.
 */
export async function bundle({ outDir, functionsRoot }: { outDir: string; functionsRoot?: string }): Promise<void> {
  const root = functionsRoot ?? join(projectRoot, "functions");
  const missing = functionNames.map((name) => join(root, functions[name].entry)).filter((path) => !existsSync(path));
  if (missing.length > 0) {
    throw new Error(
      `Cannot bundle, no such file: ${missing.join(", ")}; write it, or take it out of infra/functions.ts`,
    );
  }
  await build({
    entryPoints: functionNames.map((name) => ({ in: join(root, functions[name].entry), out: `${name}/index` })),
    outdir: outDir,
    outExtension: { ".js": ".mjs" },
    absWorkingDir: projectRoot,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // Prefer the packages' ESM: it shakes, CommonJS does not (measured: a fifth off the API's bundle).
    mainFields: ["module", "main"],
    // CommonJS packages inside an ESM file still call require() for Node's own modules.
    banner: { js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);' },
    // Copyright notices go into a file beside the bundle, not into what is parsed at each cold start.
    legalComments: "external",
    logLevel: "warning",
  });
  copySiteFiles(join(outDir, "Site"));
}

function copySiteFiles(site: string): void {
  const viewer = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  mkdirSync(join(site, "swagger-ui"), { recursive: true });
  for (const file of viewerFiles) cpSync(join(viewer, file), join(site, "swagger-ui", file));
  const document = join(projectRoot, "docs", "openapi.json");
  if (existsSync(document)) cpSync(document, join(site, "openapi.json"));
}
