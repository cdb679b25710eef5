import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { behindEdge } from "../runtime/origin.ts";
import { hookRoutes } from "./routes.ts";

export const handler = behindEdge(httpHandler(hookRoutes, composeDeps(["wechat"])));
