import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openApiDocument } from "./openapi.ts";
import { allRoutes } from "./routes.ts";

/** Writes docs/openapi.json anew from the routes: `npm run openapi`. */
const target = join(import.meta.dirname, "../../docs/openapi.json");
writeFileSync(target, `${JSON.stringify(openApiDocument(allRoutes), null, 1)}\n`);
process.stdout.write(`wrote ${target}\n`);
