/** What only those who keep coupons need. */
export { grantCoupon, revokeCoupon } from "./grant-coupon.ts";
export { createCoupon, suspendCoupon } from "./keep-coupon.ts";
