import { day, dayOf, hour, toIso } from "../../shared/kernel/time.ts";

export interface Sample {
  body?: Record<string, unknown>;
  /** In place of `body`, where a route takes a file. */
  csv?: string;
  query?: string;
}
// biome-ignore lint/suspicious/noExplicitAny: an answer is looked at by expectations, which fail on any other shape
export type Made = (method: string, path: string, token: string | undefined, sample?: Sample) => Promise<any>;

export const place = { lat: 31.2304, lng: 121.4737, datum: "wgs84" };
const hours = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, opens: 480, closes: 1320 }));
const storeOf = (lng: number) => ({
  name: "人民广场店",
  address: "上海市黄浦区人民大道1号",
  point: { ...place, lng },
  radiusM: 3000,
  hours,
});
const article = {
  name: "青菜",
  category: "蔬菜",
  unit: "500g",
  priceFen: 1000,
  costFen: 500,
  perishable: true,
};
const draft = (articleId: string, now: number) => ({
  name: "邻里团",
  articleId,
  invitesRequired: 3,
  shareBps: 8000,
  durationMinutes: 1440,
  opensAt: toIso(now),
  closesAt: toIso(now + day),
  hardEnd: toIso(now + 2 * day),
  pickupFrom: toIso(now + hour),
  pickupUntil: toIso(now + 3 * day),
});

/**
 * A store with an open campaign, in it a team whose leader has not paid yet; all of it made over the API. `made` gives the
 * body of an answer and throws on a refusal, `opened` lets the published campaign open.
 */
export async function openShop(
  made: Made,
  how: { root: string; owner: string; now: number; opened: (campaignId: string) => Promise<unknown> },
) {
  const { root, owner, now } = how;
  const { storeId, version } = await made("post", "/ops/v1/stores", root, { body: storeOf(place.lng) });
  const { storeId: otherStoreId } = await made("post", "/ops/v1/stores", root, { body: storeOf(place.lng + 0.02) });
  const { articleId } = await made("post", "/ops/v1/articles", root, { body: { ...article, sale: { by: "piece" } } });
  for (const id of [storeId, otherStoreId])
    await made("post", `/ops/v1/stores/${id}/stock/${articleId}/adjustments`, root, {
      body: { delta: 100, reason: "到货" },
    });
  const { campaignId } = await made("post", "/ops/v1/campaigns", root, { body: draft(articleId, now) });
  const units = { allotments: [{ storeId, units: 50 }] };
  await made("post", `/ops/v1/campaigns/${campaignId}/allotments`, root, { body: units });
  await made("post", `/ops/v1/campaigns/${campaignId}/publication`, root);
  await how.opened(campaignId);
  const community = { storeId, name: "淮海坊", kind: "neighbourhood" };
  const { communityId } = await made("post", "/ops/v1/communities", root, { body: community });
  const seat = await made("post", `/v1/campaigns/${campaignId}/teams`, owner, { body: { place } });
  return {
    storeId: storeId as string,
    otherStoreId: otherStoreId as string,
    storeVersion: version as number,
    articleId: articleId as string,
    campaignId: campaignId as string,
    communityId: communityId as string,
    teamId: seat.teamId as string,
    orderId: seat.orderId as string,
  };
}

export const home = { name: "王阿姨", phone: "13812345678", address: "人民大道1号502室", point: place };
export const slots = {
  daysAhead: 1,
  windows: [0, 1, 2, 3, 4, 5, 6].flatMap((weekday) => [
    { weekday, from: 540, until: 660, capacity: 10, leadMinutes: 30 },
    { weekday, from: 1080, until: 1200, capacity: 10, leadMinutes: 30 },
  ]),
};
export const fees = {
  baseFen: 300,
  baseDistanceM: 3000,
  perKmFen: 100,
  baseGrams: 5000,
  perKgFen: 100,
  maxDistanceM: 10_000,
  maxGrams: 30_000,
};

let hired = 0;
const because = { reason: "授权测试" };

/** A good request of each route that takes more than its path, by "method path". */
export function samplesOf(ids: {
  storeId: string;
  storeVersion: number;
  articleId: string;
  campaignId: string;
  teamId: string;
  memberId: string;
  now: number;
  /** A refresh token that is good for one use. */
  refreshToken: () => Promise<string>;
}): Record<string, () => Sample | Promise<Sample>> {
  return {
    "post /v1/login": () => ({ body: { code: "visitor" } }),
    "post /v1/session/refresh": async () => ({ body: { refreshToken: await ids.refreshToken() } }),
    "put /v1/me": () => ({ body: { nickname: "王阿姨" } }),
    "post /v1/me/phone": () => ({ body: { code: "+8613812345678" } }),
    "post /v1/store-offers": () => ({ body: { campaignId: ids.campaignId, place } }),
    "post /v1/campaigns/{campaignId}/teams": () => ({ body: { place } }),
    "post /v1/teams/{teamId}/seats": () => ({ body: { place } }),
    "post /ops/v1/staff": () => ({ body: { staffId: `new-${++hired}`, name: "新人", roles: ["rider"], storeIds: [] } }),
    "put /ops/v1/staff/{staffId}": () => ({ body: { name: "骑手", roles: ["rider"], storeIds: [], active: true } }),
    "get /ops/v1/audit": () => ({ query: "?day=2026-11-23" }),
    "post /ops/v1/stores": () => ({ body: storeOf(place.lng + 0.5) }),
    "put /ops/v1/stores/{storeId}": () => ({ body: { ...storeOf(place.lng), version: ids.storeVersion } }),
    "post /ops/v1/stores/{storeId}/suspension": () => ({ body: { suspended: false, ...because } }),
    "post /ops/v1/articles": () => ({ body: { ...article, sale: { by: "piece" } } }),
    "put /ops/v1/articles/{articleId}": () => ({ body: { ...article, version: 1 } }),
    "post /ops/v1/articles/{articleId}/retirement": () => ({ body: because }),
    "post /ops/v1/stores/{storeId}/stock/{articleId}/adjustments": () => ({ body: { delta: 1, ...because } }),
    "post /ops/v1/imports/articles": () => ({
      csv: "货号,名称,分类,单位,售价,成本,鲜活易腐,销售方式\nSC-1,青菜,蔬菜,500g,10,5,是,按件\n",
    }),
    "post /ops/v1/imports/prices": () => ({ csv: `article,price,cost\n${ids.articleId},10,5\n` }),
    "post /ops/v1/imports/stock": () => ({ csv: `store,article,online\n${ids.storeId},${ids.articleId},9\n` }),
    "post /ops/v1/imports/stores": () => ({
      csv: "code,name,address,lat,lng,datum,radius,hours\nS01,淮海店,淮海中路1号,31.22,121.47,wgs84,3000,1-7 08:00-22:00\n",
    }),
    "post /ops/v1/imports/staff": () => ({ csv: "staff,name,roles,stores,active\nrider-9,新人,rider,,yes\n" }),
    "post /ops/v1/stores/{storeId}/pos-files": () => ({
      csv: `门店,终端,小票号,行号,时间,货号,数量,金额,会员卡号,类型\n${ids.storeId},T1,1,1,2026-11-22 20:05,${ids.articleId},1,9.90,,销售\n合计,1\n`,
    }),
    "get /ops/v1/exports/stock": () => ({ query: `?storeId=${ids.storeId}` }),
    "post /ops/v1/suppliers": () => ({ body: { name: "果蔬合作社", licences: [] } }),
    "put /ops/v1/suppliers/{supplierId}": () => ({ body: { name: "果蔬合作社", licences: [], version: 1 } }),
    "post /ops/v1/suppliers/{supplierId}/suspension": () => ({ body: { suspended: true, ...because } }),
    "post /ops/v1/articles/{articleId}/exceptions": () => ({
      body: { rule: "licence", reasonCode: "other", expiresAt: toIso(ids.now + 2 * day), ...because },
    }),
    "post /ops/v1/stores/{storeId}/lots": () => ({ body: { articleId: ids.articleId, units: 1 } }),
    "post /ops/v1/stores/{storeId}/lots/{lotId}/check": () => ({ body: { rejected: 0 } }),
    "post /ops/v1/stores/{storeId}/purchases/{campaignId}/arrivals": () => ({ body: { units: 1 } }),
    "post /ops/v1/stores/{storeId}/purchases/{campaignId}/promise": () => ({
      body: { expectedAt: toIso(ids.now + 4 * day), ...because },
    }),
    "post /ops/v1/coupons": () => ({
      body: {
        name: "立减券",
        off: { by: "amount", fen: 100 },
        thresholdFen: 100,
        validFrom: toIso(ids.now),
        validUntil: toIso(ids.now + 4 * day),
        funder: { by: "platform" },
        budgetFen: 1000,
      },
    }),
    "post /ops/v1/coupons/{couponId}/suspension": () => ({ body: { suspended: true, ...because } }),
    "post /ops/v1/coupons/{couponId}/grants": () => ({ body: { memberIds: [ids.memberId], ...because } }),
    "post /v1/shares": () => ({ body: { campaignId: ids.campaignId } }),
    "put /ops/v1/referral-programme": () => ({ body: { active: false, version: 0, ...because } }),
    "post /ops/v1/referrals/{memberId}/decision": () => ({ body: { approved: false, ...because } }),
    "post /ops/v1/coupon-grants/{grantId}/revocation": () => ({ body: { memberId: ids.memberId, ...because } }),
    "post /ops/v1/recalls": () => ({ body: { articleId: ids.articleId, ...because } }),
    "post /ops/v1/recalls/{recallId}/closing": () => ({ body: because }),
    "post /ops/v1/recalls/{recallId}/compensations": () => ({
      body: { rule: { by: "percent", percent: 50 }, bearer: "platform", ...because },
    }),
    "post /v1/communities/{communityId}/posts": () => ({ body: { kind: "text", text: "今天的青菜特别嫩" } }),
    "post /v1/me/pictures": () => ({ body: { contentType: "image/jpeg" } }),
    "post /v1/posts/{postId}/comments": () => ({ body: { text: "怎么做的" } }),
    "post /v1/posts/{postId}/reports": () => ({ body: { reason: "广告" } }),
    "post /ops/v1/communities/{communityId}/posts": () => ({ body: { text: "明天盘点" } }),
    "post /ops/v1/moderation/{postId}": () => ({ body: { decision: "approve", ...because } }),
    "post /ops/v1/communities": () => ({ body: { storeId: ids.storeId, name: "烘焙群", kind: "interest" } }),
    "put /ops/v1/communities/{communityId}/members/{memberId}/role": () => ({ body: { role: "member", ...because } }),
    "post /v1/leader/communities/{communityId}/orders": () => ({
      body: { memberId: ids.memberId, teamId: ids.teamId, place },
    }),
    "post /ops/v1/campaigns": () => ({ body: draft(ids.articleId, ids.now) }),
    "put /ops/v1/campaigns/{campaignId}": () => ({ body: { name: "新邻里团", version: 1, ...because } }),
    "post /ops/v1/campaigns/{campaignId}/allotments": () => ({
      body: { allotments: [{ storeId: ids.storeId, units: 1 }] },
    }),
    "post /ops/v1/campaigns/{campaignId}/suspension": () => ({ body: because }),
    "post /ops/v1/campaigns/{campaignId}/resumption": () => ({ body: because }),
    "post /ops/v1/campaigns/{campaignId}/cancellation": () => ({ body: because }),
    "post /ops/v1/teams/{teamId}/subsidised-completion": () => ({ body: because }),
    "post /v1/me/addresses": () => ({ body: home }),
    "put /v1/me/addresses/{addressId}": () => ({ body: home }),
    "put /ops/v1/stores/{storeId}/slot-plan": () => ({ body: { delivery: slots, version: 0, ...because } }),
    "put /ops/v1/delivery-fees": () => ({ body: { rules: fees, version: 0, ...because } }),
    "put /ops/v1/stores/{storeId}/delivery-fees": () => ({ body: { rules: fees, version: 0, ...because } }),
    "put /ops/v1/home": () => ({
      body: { blocks: [{ kind: "notice", text: "周三闭店盘点" }], version: 0, ...because },
    }),
    "put /ops/v1/stores/{storeId}/home": () => ({ body: { blocks: [], version: 0, ...because } }),
    "get /v1/stores/{storeId}/search": () => ({ query: `?q=${encodeURIComponent("青菜")}` }),
    "put /v1/me/cart": () => ({ body: { lines: [{ articleId: ids.articleId, units: 2 }] } }),
    "post /v1/cart/quotes": () => ({ body: { lines: [{ articleId: ids.articleId, units: 1 }], place } }),
    "post /v1/orders": () => ({ body: { lines: [{ articleId: ids.articleId, units: 1 }], place } }),
    "post /ops/v1/stores/{storeId}/orders/{orderId}/cancellation": () => ({ body: because }),
    "post /ops/v1/stores/{storeId}/pickups": () => ({ body: { code: "052718349960" } }),
    "post /ops/v1/stores/{storeId}/orders/{orderId}/compensations": () => ({
      body: { amountFen: 100, bearer: "store", reason: "压坏三分之一" },
    }),
    "post /v1/orders/{orderId}/evidence": () => ({ body: { contentType: "image/jpeg" } }),
    "post /v1/orders/{orderId}/claim": () => ({
      body: {
        lines: [{ articleId: ids.articleId, units: 1, reason: "压坏三分之一" }],
        photos: ["evidence/none.jpg"],
        wantedFen: 100,
      },
    }),
    "post /v1/leader/communities/{communityId}/orders/{orderId}/claim/pay": () => ({ body: { amountFen: 100 } }),
    "post /ops/v1/stores/{storeId}/orders/{orderId}/claim/pay": () => ({ body: { amountFen: 100 } }),
    "post /ops/v1/stores/{storeId}/orders/{orderId}/claim/rejection": () => ({ body: because }),
    "post /ops/v1/orders/{orderId}/claim/recovery": () => ({ body: { bearer: "store", ...because } }),
    "post /ops/v1/stores/{storeId}/orders/{orderId}/packing": () => ({ body: { grams: 930 } }),
    "post /v1/orders/{orderId}/ratings": () => ({ body: { articleId: ids.articleId, tasty: true } }),
    "post /ops/v1/stores/{storeId}/stock-takes": () => ({
      body: { lines: [{ articleId: ids.articleId, counted: 40 }], ...because },
    }),
    "post /ops/v1/stores/{storeId}/orders/{orderId}/short-picks": () => ({
      body: { articleId: ids.articleId, units: 1, remedy: "refund" },
    }),
    "post /ops/v1/stores/{storeId}/orders/{orderId}/disposal": () => ({ body: { note: "叶菜已黄,报损" } }),
    "get /ops/v1/stores/{storeId}/pick-list": () => ({ query: "?day=2026-11-23" }),
    "get /ops/v1/stores/{storeId}/labels": () => ({ query: "?day=2026-11-23" }),
    "get /ops/v1/stores/{storeId}/orders": () => ({ query: "?day=2026-11-23" }),
    "post /ops/v1/orders/{orderId}/reroute": () => ({ body: because }),
    "post /ops/v1/stores/{storeId}/orders/{orderId}/delivery": () => ({ body: { decision: "sendAgain", ...because } }),
    "put /ops/v1/riders/me/shift": () => ({ body: { storeId: ids.storeId, on: true } }),
    "post /ops/v1/riders/me/jobs/{orderId}/acts": () => ({ body: { act: "accept" } }),
    "post /ops/v1/riders/me/jobs/{orderId}/handover": () => ({ body: { code: "052718349960" } }),
    "get /ops/v1/riders/me/statement": () => ({ query: "?month=2026-11" }),
    "post /v1/orders/{orderId}/invoice": () => ({ body: { buyer: "person", title: "王阿姨" } }),
    "get /ops/v1/invoices": () => ({ query: "?state=ISSUED" }),
    "get /ops/v1/ledger/lines": () => ({ query: "?day=2026-11-23" }),
    "put /v1/me/commission/way": () => ({ body: { way: "sharing" } }),
    "post /v1/me/payouts": () => ({ body: { amountFen: 100 } }),
    "put /ops/v1/commission-programme": () => ({
      body: { active: false, bps: { leader: 0, koc: 0 }, version: 0, ...because },
    }),
    "get /ops/v1/members/{memberId}/commission-statement": () => ({ query: "?month=2026-11" }),
    "post /ops/v1/bills/another-look": () => ({ body: { day: dayOf(ids.now - day), ...because } }),
    "get /ops/v1/ledger/account-days": () => ({ query: "?account=orders" }),
    "post /ops/v1/ledger/periods": () => ({ body: { month: "2026-09" } }),
    "get /ops/v1/stores/{storeId}/statement": () => ({ query: "?month=2026-11" }),
    "get /ops/v1/suppliers/{supplierId}/statement": () => ({ query: "?month=2026-11" }),
    "post /ops/v1/payment-cases/resolution": () => ({ body: { caseKey: "mismatch#none", resolution: "已电话联系" } }),
    "post /ops/v1/orders/{orderId}/refunds/{refundId}/another-look": () => ({ body: because }),
    "post /ops/v1/orders/{orderId}/refunds/{refundId}/resolution": () => ({ body: { resolution: "已线下转账" } }),
    "post /ops/v1/orders/{orderId}/refunds/{refundId}/resolution/approval": () => ({
      body: { proposalId: "RP01KASWB3Q8W5CJ7T2N9RXEH4" },
    }),
  };
}
