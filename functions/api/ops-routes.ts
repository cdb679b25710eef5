import type { Route } from "../runtime/route.ts";
import { catalogOps } from "./catalog-routes.ts";
import { communityOps } from "./community-routes.ts";
import { fulfilmentOps } from "./fulfilment-routes.ts";
import { groupbuyOps } from "./groupbuy-routes.ts";
import { identityOps } from "./identity-routes.ts";
import { masterdataOps } from "./masterdata-routes.ts";
import { paymentOps } from "./payment-routes.ts";
import { storeOps } from "./store-routes.ts";
import { supplyOps } from "./supply-routes.ts";

/** What staff call. */
export const opsRoutes: readonly Route[] = [
  ...identityOps,
  ...storeOps,
  ...catalogOps,
  ...masterdataOps,
  ...supplyOps,
  ...communityOps,
  ...groupbuyOps,
  ...fulfilmentOps,
  ...paymentOps,
];
