import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { shopRoutes } from "./routes.ts";

export const handler = httpHandler(
  shopRoutes,
  composeDeps(["member-token-keys", "cursor-key", "blind-index-key", "wechat"]),
);
