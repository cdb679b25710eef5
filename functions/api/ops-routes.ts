import type { RouteModule } from "../runtime/route-module.ts";

/** What staff call. */
export const opsModules: readonly RouteModule[] = [
  {
    under: ["/ops/v1/audit", "/ops/v1/me", "/ops/v1/staff"],
    routes: async () => (await import("./staff-routes.ts")).staffOps,
  },
  { under: ["/ops/v1/stores"], routes: async () => (await import("./store-routes.ts")).storeOps },
  {
    under: ["/ops/v1/articles", "/ops/v1/stores/*/stock", "/ops/v1/stores/*/stock-takes"],
    routes: async () => (await import("./catalog-routes.ts")).catalogOps,
  },
  {
    under: ["/ops/v1/home", "/ops/v1/stores/*/home"],
    routes: async () => (await import("./home-routes.ts")).homeOps,
  },
  {
    under: ["/ops/v1/imports", "/ops/v1/exports"],
    routes: async () => (await import("./masterdata-routes.ts")).masterdataOps,
  },
  { under: ["/ops/v1/stores/*/pos-files"], routes: async () => (await import("./pos-routes.ts")).posOps },
  {
    under: [
      "/ops/v1/articles/*/exceptions",
      "/ops/v1/articles/*/goods",
      "/ops/v1/recalls",
      "/ops/v1/stores/*/lots",
      "/ops/v1/suppliers",
    ],
    routes: async () => (await import("./supply-routes.ts")).supplyOps,
  },
  {
    under: ["/ops/v1/purchase-orders", "/ops/v1/stores/*/purchases"],
    routes: async () => (await import("./purchase-routes.ts")).purchaseOps,
  },
  {
    under: ["/ops/v1/communities", "/ops/v1/stores/*/communities"],
    routes: async () => (await import("./community-routes.ts")).communityOps,
  },
  {
    under: ["/ops/v1/moderation", "/ops/v1/communities/*/posts"],
    routes: async () => (await import("./ugc-routes.ts")).ugcOps,
  },
  {
    under: ["/ops/v1/campaigns", "/ops/v1/stores/*/campaigns", "/ops/v1/teams"],
    routes: async () => (await import("./campaign-routes.ts")).campaignOps,
  },
  {
    under: [
      "/ops/v1/orders/*/reroute",
      "/ops/v1/stores/*/labels",
      "/ops/v1/stores/*/orders",
      "/ops/v1/stores/*/pick-list",
      "/ops/v1/stores/*/pickups",
    ],
    routes: async () => (await import("./fulfilment-routes.ts")).fulfilmentOps,
  },
  {
    under: [
      "/ops/v1/riders",
      "/ops/v1/stores/*/deliveries",
      "/ops/v1/stores/*/orders/*/delivery",
      "/ops/v1/stores/*/orders/*/trail",
    ],
    routes: async () => (await import("./dispatch-routes.ts")).dispatchOps,
  },
  {
    under: [
      "/ops/v1/orders/*/claim",
      "/ops/v1/recalls/*/compensations",
      "/ops/v1/stores/*/claims",
      "/ops/v1/stores/*/orders/*/claim",
    ],
    routes: async () => (await import("./claim-routes.ts")).claimOps,
  },
  {
    under: ["/ops/v1/stores/*/orders/*/cancellation"],
    routes: async () => (await import("./cart-routes.ts")).cartOps,
  },
  {
    under: ["/ops/v1/delivery-fees", "/ops/v1/stores/*/delivery-fees", "/ops/v1/stores/*/slot-plan"],
    routes: async () => (await import("./slot-routes.ts")).slotOps,
  },
  {
    under: ["/ops/v1/coupons", "/ops/v1/coupon-grants"],
    routes: async () => (await import("./coupon-routes.ts")).couponOps,
  },
  {
    under: ["/ops/v1/referral-programme", "/ops/v1/referrals"],
    routes: async () => (await import("./referral-routes.ts")).referralOps,
  },
  { under: ["/ops/v1/invoices"], routes: async () => (await import("./invoice-routes.ts")).invoiceOps },
  {
    under: ["/ops/v1/commission-programme", "/ops/v1/members/*/commission-statement"],
    routes: async () => (await import("./commission-routes.ts")).commissionOps,
  },
  {
    under: ["/ops/v1/ledger", "/ops/v1/stores/*/statement", "/ops/v1/suppliers/*/statement"],
    routes: async () => (await import("./ledger-routes.ts")).ledgerOps,
  },
  { under: ["/ops/v1/bills"], routes: async () => (await import("./bill-routes.ts")).billOps },
  {
    under: ["/ops/v1/orders", "/ops/v1/payment-cases"],
    routes: async () => (await import("./payment-routes.ts")).paymentOps,
  },
];
