import type { Route } from "../runtime/route.ts";
import { opsRoutes } from "./ops-routes.ts";
import { paymentHooks } from "./payment-notification.ts";
import { shopRoutes } from "./shop-routes.ts";

/** Every route of the platform; a function imports its own alone. */
export const allRoutes: readonly Route[] = [...shopRoutes, ...opsRoutes, ...paymentHooks];
