import type { Route } from "../runtime/route.ts";
import { campaignOps } from "./campaign-routes.ts";
import { catalogOps } from "./catalog-routes.ts";
import { communityOps } from "./community-routes.ts";
import { fulfilmentOps } from "./fulfilment-routes.ts";
import { masterdataOps } from "./masterdata-routes.ts";
import { paymentOps } from "./payment-routes.ts";
import { staffOps } from "./staff-routes.ts";
import { storeOps } from "./store-routes.ts";
import { supplyOps } from "./supply-routes.ts";

/** What staff call. */
export const opsRoutes: readonly Route[] = [
  ...staffOps,
  ...storeOps,
  ...catalogOps,
  ...masterdataOps,
  ...supplyOps,
  ...communityOps,
  ...campaignOps,
  ...fulfilmentOps,
  ...paymentOps,
];
