export { dispatchLifecycle } from "./lifecycle.ts";
export type {
  Asked,
  CancelReason,
  Carrier,
  CarrierJob,
  CarrierNews,
  CarrierState,
} from "./ports.ts";
export { takeNews } from "./take-news.ts";
