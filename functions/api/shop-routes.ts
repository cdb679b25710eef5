import type { Route } from "../runtime/route.ts";
import { catalogShop } from "./catalog-routes.ts";
import { communityShop } from "./community-routes.ts";
import { fulfilmentShop } from "./fulfilment-routes.ts";
import { groupbuyShop } from "./groupbuy-routes.ts";
import { identityShop } from "./identity-routes.ts";
import { inboxShop } from "./inbox-routes.ts";
import { leaderShop } from "./leader-routes.ts";
import { storeShop } from "./store-routes.ts";

/** What members call. */
export const shopRoutes: readonly Route[] = [
  ...identityShop,
  ...storeShop,
  ...catalogShop,
  ...communityShop,
  ...groupbuyShop,
  ...leaderShop,
  ...fulfilmentShop,
  ...inboxShop,
];
