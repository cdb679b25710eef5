import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { behindEdge } from "../runtime/origin.ts";
import { refusal } from "../runtime/refusal.ts";

/** What is served as it lies beside the bundle. */
const files: Record<string, { file: string; type: string; binary?: true }> = {
  "/openapi.json": { file: "openapi.json", type: "application/json; charset=utf-8" },
  "/docs/swagger-ui-bundle.js": { file: "swagger-ui/swagger-ui-bundle.js", type: "text/javascript; charset=utf-8" },
  "/docs/swagger-ui.css": { file: "swagger-ui/swagger-ui.css", type: "text/css; charset=utf-8" },
  "/docs/favicon-32x32.png": { file: "swagger-ui/favicon-32x32.png", type: "image/png", binary: true },
};

const docs = `<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Commensal · API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<div id="ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`;
const start = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#ui", deepLinking: true, persistAuthorization: false });\n`;

const home = `<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Commensal</title>
<h1>Commensal 共餐</h1>
<p>社群、团购、直播,一张桌子。Community, group buying and live shows at one table.</p>
<ul><li><a href="/docs">API 文档,可直接试用 · API, to read and try</a></li><li><a href="/openapi.json">OpenAPI</a></li></ul>
</html>
`;

const headers = (type: string) => ({
  "content-type": type,
  "cache-control": "public, max-age=300",
  "x-content-type-options": "nosniff",
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
});

const page = (body: string, type: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode: 200,
  headers: headers(type),
  body,
});

/** The home page, the API's document and its viewer; everything that is no route of ours ends here as a problem. */
export const handler = behindEdge(async (event: APIGatewayProxyEventV2) => {
  const path = event.rawPath.length > 1 ? event.rawPath.replace(/\/$/, "") : event.rawPath;
  const known = path === "/" || path === "/docs" || path === "/docs/start.js" || path in files;
  if (!known) return refusal("ROUTE_NOT_FOUND", event);
  if (!["GET", "HEAD"].includes(event.requestContext.http.method))
    return refusal("METHOD_NOT_ALLOWED", event, { allow: "GET, HEAD" });
  if (path === "/") return page(home, "text/html; charset=utf-8");
  if (path === "/docs") return page(docs, "text/html; charset=utf-8");
  if (path === "/docs/start.js") return page(start, "text/javascript; charset=utf-8");
  const { file, type, binary } = files[path]!;
  const bytes = readFileSync(join(import.meta.dirname, file));
  return binary
    ? { statusCode: 200, headers: headers(type), body: bytes.toString("base64"), isBase64Encoded: true }
    : page(bytes.toString("utf8"), type);
});
