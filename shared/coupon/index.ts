export { grantWrites, revocationWrites } from "./grant-coupon.ts";
export { couponGrantLifecycle, couponLifecycle } from "./lifecycle.ts";
export { type Coupon, type CouponGrant, couponFunder, couponOff } from "./model.ts";
export { couponFor, couponHeld, couponReturned, couponTaken, couponUsed, funderAccount } from "./use-coupon.ts";
