import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { hookRoutes } from "./routes.ts";

export const handler = httpHandler(hookRoutes, composeDeps(["wechat"]));
