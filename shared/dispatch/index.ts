export type {
  Asked,
  CancelReason,
  Carrier,
  CarrierJob,
  CarrierNews,
  CarrierState,
} from "./ports.ts";
