import type { Env } from "../kernel/env.ts";
import { providerNumber } from "../kernel/ids.ts";
import { booked } from "../ledger/index.ts";
import type { Order } from "../order/index.ts";
import type { Write } from "../table/entity.ts";
import { pickupCodes } from "../table/keys.ts";
import type { Dispatch } from "./model.ts";

/** The ledger line of what bringing an order, or a job that was called off, costs; none for nothing. */
export const deliveryBooked = (
  env: Pick<Env, "clock">,
  { orderId, storeId, attempt }: Pick<Dispatch, "orderId" | "storeId" | "attempt">,
  line: { party: string; amountFen: number; at: number; calledOff?: true },
): Write[] =>
  line.amountFen > 0
    ? [
        booked(env, {
          subject: orderId,
          storeId,
          kind: line.calledOff ? "delivery_called_off" : "delivery",
          reference: providerNumber(orderId, attempt),
          party: line.party,
          amountFen: line.amountFen,
          at: line.at,
        }),
      ]
    : [];

/** The write by which the code of an order that was delivered without it is good for nothing more; none where none was given out. */
export const codeUsed = ({ pickupHash }: Order): Write[] =>
  pickupHash === undefined
    ? []
    : [pickupCodes.patch({ codeHash: pickupHash }).when("state", "=", "ISSUED").set({ state: "USED" })];
