import { day } from "../kernel/time.ts";

/** 售后期: so long after its hand-over an order may be compensated; what it earns others is theirs only then, ms. */
export const afterSaleMs = 7 * day;
