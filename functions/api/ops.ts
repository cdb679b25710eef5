import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { opsRoutes } from "./routes.ts";

export const handler = httpHandler(opsRoutes, composeDeps(["cursor-key", "blind-index-key", "wechat"]));
