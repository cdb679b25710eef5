import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { behindEdge } from "../runtime/origin.ts";
import { shopRoutes } from "./shop-routes.ts";

export const handler = behindEdge(
  httpHandler(shopRoutes, composeDeps(["member-token-keys", "cursor-key", "blind-index-key", "wechat"])),
);
