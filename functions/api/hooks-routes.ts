import type { RouteModule } from "../runtime/route-module.ts";
import { carrierHooks } from "./carrier-callback.ts";
import { paymentHooks } from "./payment-notification.ts";

/** What machines call: at once, as a notification has five seconds. */
export const hooksModules: readonly RouteModule[] = [
  { under: ["/hooks"], routes: async () => [...paymentHooks, ...carrierHooks] },
];
