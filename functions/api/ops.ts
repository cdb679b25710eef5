import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { behindEdge } from "../runtime/origin.ts";
import { opsModules } from "./ops-routes.ts";

export const handler = behindEdge(httpHandler(opsModules, composeDeps(["cursor-key", "blind-index-key"])));
