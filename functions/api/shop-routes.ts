import type { RouteModule } from "../runtime/route-module.ts";

/** What members call. */
export const shopModules: readonly RouteModule[] = [
  {
    under: ["/v1/login", "/v1/session", "/v1/me"],
    routes: async () => (await import("./identity-routes.ts")).identityShop,
  },
  { under: ["/v1/stores"], routes: async () => (await import("./store-routes.ts")).storeShop },
  { under: ["/v1/me/addresses"], routes: async () => (await import("./address-routes.ts")).addressShop },
  { under: ["/v1/stores/*/slots"], routes: async () => (await import("./slot-routes.ts")).slotShop },
  { under: ["/v1/stores/*/home"], routes: async () => (await import("./home-routes.ts")).homeShop },
  {
    under: ["/v1/articles", "/v1/stores/*/articles", "/v1/stores/*/categories", "/v1/stores/*/search"],
    routes: async () => (await import("./catalog-routes.ts")).catalogShop,
  },
  {
    under: ["/v1/communities", "/v1/me/communities", "/v1/stores/*/communities"],
    routes: async () => (await import("./community-routes.ts")).communityShop,
  },
  {
    under: ["/v1/posts", "/v1/communities/*/posts", "/v1/me/pictures", "/v1/me/posts"],
    routes: async () => (await import("./ugc-routes.ts")).ugcShop,
  },
  {
    under: [
      "/v1/campaigns",
      "/v1/cart",
      "/v1/communities/*/campaigns",
      "/v1/me/cart",
      "/v1/me/teams",
      "/v1/orders",
      "/v1/shares",
      "/v1/store-offers",
      "/v1/teams",
    ],
    routes: async () => [
      ...(await import("./groupbuy-routes.ts")).groupbuyShop,
      ...(await import("./cart-routes.ts")).cartShop,
      ...(await import("./my-routes.ts")).myShop,
    ],
  },
  {
    under: ["/v1/me/commission", "/v1/me/commissions", "/v1/me/payouts"],
    routes: async () => (await import("./commission-routes.ts")).commissionShop,
  },
  { under: ["/v1/referrals"], routes: async () => (await import("./referral-routes.ts")).referralShop },
  { under: ["/v1/coupons"], routes: async () => (await import("./coupon-routes.ts")).couponShop },
  { under: ["/v1/leader"], routes: async () => (await import("./leader-routes.ts")).leaderShop },
  { under: ["/v1/orders/*/trail"], routes: async () => (await import("./dispatch-routes.ts")).dispatchShop },
  {
    under: ["/v1/orders/*/pickup-code", "/v1/orders/*/ratings"],
    routes: async () => (await import("./fulfilment-routes.ts")).fulfilmentShop,
  },
  {
    under: ["/v1/orders/*/invoice"],
    routes: async () => (await import("./invoice-routes.ts")).invoiceShop,
  },
  {
    under: ["/v1/leader/communities/*/orders/*/claim", "/v1/orders/*/claim", "/v1/orders/*/evidence"],
    routes: async () => (await import("./claim-routes.ts")).claimShop,
  },
  { under: ["/v1/inbox"], routes: async () => (await import("./inbox-routes.ts")).inboxShop },
];
