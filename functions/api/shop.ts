import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { behindEdge } from "../runtime/origin.ts";
import { shopModules } from "./shop-routes.ts";

export const handler = behindEdge(
  httpHandler(shopModules, composeDeps(["member-token-keys", "cursor-key", "blind-index-key", "wechat"])),
);
