import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { behindEdge } from "../runtime/origin.ts";
import { hooksModules } from "./hooks-routes.ts";

export const handler = behindEdge(httpHandler(hooksModules, composeDeps(["wechat", "carriers"])));
