import { composeDeps } from "../runtime/composition.ts";
import { httpHandler } from "../runtime/http.ts";
import { behindEdge } from "../runtime/origin.ts";
import { paymentHooks } from "./payment-notification.ts";

export const handler = behindEdge(httpHandler(paymentHooks, composeDeps(["wechat"])));
