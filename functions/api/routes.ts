import type { Route } from "../runtime/route.ts";
import { catalogOps, catalogShop } from "./catalog-routes.ts";
import { communityOps, communityShop } from "./community-routes.ts";
import { fulfilmentOps, fulfilmentShop } from "./fulfilment-routes.ts";
import { groupbuyOps, groupbuyShop } from "./groupbuy-routes.ts";
import { identityOps, identityShop } from "./identity-routes.ts";
import { inboxShop } from "./inbox-routes.ts";
import { paymentHooks, paymentOps } from "./payment-routes.ts";
import { storeOps, storeShop } from "./store-routes.ts";

/** Every route of the platform, by the function that serves it. */
export const shopRoutes: readonly Route[] = [
  ...identityShop,
  ...storeShop,
  ...catalogShop,
  ...communityShop,
  ...groupbuyShop,
  ...fulfilmentShop,
  ...inboxShop,
];
export const opsRoutes: readonly Route[] = [
  ...identityOps,
  ...storeOps,
  ...catalogOps,
  ...communityOps,
  ...groupbuyOps,
  ...fulfilmentOps,
  ...paymentOps,
];
export const hookRoutes: readonly Route[] = paymentHooks;
export const allRoutes: readonly Route[] = [...shopRoutes, ...opsRoutes, ...hookRoutes];
