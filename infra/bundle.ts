import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { build, type Metafile } from "esbuild";
import { type FunctionName, functionNames, functions } from "./functions.ts";

const projectRoot = join(import.meta.dirname, "..");
const staging = join(projectRoot, "bundles");

/**
 * Functions that are built together. A build keeps in each of its files what any of its functions uses: the two large APIs would
 * carry each other's use cases, the jobs those of both (measured: 20 to 60 kB each). A build more costs some seconds.
 */
const alone: readonly FunctionName[] = ["Shop", "Ops"];
const builds = [...alone.map((name) => [name]), functionNames.filter((name) => !alone.includes(name))];

/** Files of the documentation viewer that `functions/api/site.ts` reads beside its bundle. */
const viewerFiles = ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"];

/**
 * Bundles every function into `<outDir>/<Name>/index.mjs`, what it loads on demand into files beside it, and the documentation
 * site's files beside `Site`. The same sources give the same bytes. Entries are read below `functionsRoot`, the project's
 * `functions/` unless told. Throws one line that names the files when entries are missing, and esbuild's BuildFailure for
 * broken ones.
 */
export async function bundle({ outDir, functionsRoot }: { outDir: string; functionsRoot?: string }): Promise<void> {
  const root = functionsRoot ?? join(projectRoot, "functions");
  const missing = functionNames.map((name) => join(root, functions[name].entry)).filter((path) => !existsSync(path));
  if (missing.length > 0) {
    throw new Error(
      `Cannot bundle, no such file: ${missing.join(", ")}; write it, or take it out of infra/functions.ts`,
    );
  }
  for (const names of builds) await bundleTogether(names, root, outDir);
  copySiteFiles(join(outDir, "Site"));
}

/** One build of some functions into their folders below `outDir`. */
async function bundleTogether(names: readonly FunctionName[], root: string, outDir: string): Promise<void> {
  const { outputFiles, metafile } = await build({
    entryPoints: names.map((name) => ({ in: join(root, functions[name].entry), out: name })),
    // Nothing is written there: names inside the bundles must not depend on where they end up.
    outdir: staging,
    write: false,
    metafile: true,
    outExtension: { ".js": ".mjs" },
    absWorkingDir: projectRoot,
    bundle: true,
    // What is imported on demand stays apart, and is read when it is asked for.
    splitting: true,
    minify: true,
    // Chinese texts as they are: escaped they would take twice the bytes.
    charset: "utf8",
    format: "esm",
    platform: "node",
    target: "node24",
    // Prefer the packages' ESM: it shakes, CommonJS does not (measured: a fifth off the API's bundle).
    mainFields: ["module", "main"],
    alias: { "@aws-sdk/credential-provider-node": join(projectRoot, "functions/runtime/lambda-credentials.ts") },
    // CommonJS packages inside an ESM file still call require() for Node's own modules.
    banner: { js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);' },
    // Copyright notices go into a file beside the bundle, not into what is parsed at each cold start.
    legalComments: "external",
    logLevel: "warning",
  });
  const contents = new Map(outputFiles.map((file) => [basename(file.path), file.contents]));
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]));
  for (const name of names) {
    const folder = join(outDir, name);
    mkdirSync(folder, { recursive: true });
    for (const file of withImports(`${name}.mjs`, outputs)) {
      const target = file === `${name}.mjs` ? "index.mjs" : file;
      writeFileSync(join(folder, target), contents.get(file)!);
      const notices = contents.get(`${file}.LEGAL.txt`);
      if (notices) writeFileSync(join(folder, `${target}.LEGAL.txt`), notices);
    }
  }
}

/** The file and all that it imports, at once or on demand. */
function withImports(
  file: string,
  outputs: Map<string, Metafile["outputs"][string]>,
  found = new Set<string>(),
): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const { path, external } of outputs.get(file)!.imports)
    if (!external) withImports(basename(path), outputs, found);
  return found;
}

function copySiteFiles(site: string): void {
  const viewer = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  mkdirSync(join(site, "swagger-ui"), { recursive: true });
  for (const file of viewerFiles) cpSync(join(viewer, file), join(site, "swagger-ui", file));
  const document = join(projectRoot, "docs", "openapi.json");
  if (existsSync(document)) cpSync(document, join(site, "openapi.json"));
}
