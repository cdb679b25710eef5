import { carryDelivery } from "../../shared/dispatch/index.ts";
import { sweep } from "../../shared/groupbuy/index.ts";
import { composeDeps } from "../runtime/composition.ts";
import { jobHandler, lateWork } from "../runtime/handler.ts";
import { logger } from "../runtime/logger.ts";

/** Takes the next step of deliveries whose execution never started, or died. Beside a living one it changes nothing. */
export const handler = jobHandler("deliveries", composeDeps(["wechat", "carriers"]), (deps, untilMs) =>
  sweep(
    deps,
    "dispatch",
    async ({ id }) => {
      const { outcome, at } = await carryDelivery(deps, id, { patient: true });
      return outcome === "done" || Math.max(at, deps.env.clock.now() + 60_000);
    },
    {
      untilMs,
      late: lateWork,
      failed: (due, error) => logger.unexpected("DELIVERY_FAILED", error, { orderId: due.id }),
    },
  ),
);
