import { addressBook } from "../address/model.ts";
import { type Claim, claim, floatDay, recallCompensation } from "../aftersale/model.ts";
import { billDay } from "../bills/model.ts";
import { cart } from "../cart/model.ts";
import { article, articleCode, stock, stockMovement } from "../catalog/model.ts";
import { commission, commissionAccount, commissionProgramme } from "../commission/model.ts";
import { community, membership } from "../community/model.ts";
import { coupon, couponGrant } from "../coupon/model.ts";
import { dispatch, riderShift, track } from "../dispatch/model.ts";
import { pickTeam, pickupCode, pickupTries, routeCell, shelfCount } from "../fulfilment/model.ts";
import { allotment, campaign, communityCampaign, guard, share, team, totalCap, touch } from "../groupbuy/model.ts";
import { homePage } from "../home/model.ts";
import { member, openidLink, phoneLink, session, staff } from "../identity/model.ts";
import { type Invoice, invoice, redLetter } from "../invoice/model.ts";
import { inboxMessage } from "../journey/model.ts";
import { bucketOf } from "../kernel/ids.ts";
import { day, dayOf, hour } from "../kernel/time.ts";
import {
  accountDay,
  dayBook,
  ledgerAccount,
  ledgerCursor,
  ledgerPeriod,
  storeDay,
  type TransferKind,
  transfer,
} from "../ledger/model.ts";
import { importChunk, importLock, importRun } from "../masterdata/model.ts";
import { order } from "../order/model.ts";
import { paymentAttempt, paymentCase, refund } from "../payment/model.ts";
import { payout, profitShare } from "../payout/model.ts";
import { posFile, posReceipt, posSkipped } from "../pos/model.ts";
import { deal } from "../pricing/model.ts";
import { acquisition, referralProgramme } from "../referral/model.ts";
import { deliveryFees as feesOf, slotCount, slotPlan } from "../slot/model.ts";
import { store, storeCode } from "../store/model.ts";
import {
  goodsException,
  goodsRecord,
  lot,
  purchaseLine,
  purchaseOrder,
  rating,
  recall,
  recallBuyer,
  supplier,
} from "../supply/model.ts";
import { post, postMark, postTopic, sharedLine } from "../ugc/model.ts";
import { entity } from "./entity.ts";
import {
  auditRow,
  type DueKind,
  due,
  idempotencyRow,
  limitRow,
  outboxRow,
  rateBrake,
  rateToken,
  wechatToken,
} from "./rows.ts";

/**
 * The whole physical design: every entity, key and index of the single table. Indexes hold keys only, and only keys that do
 * not change while the row is written often; no status is a key. A single row's sort key is "#".
 */

const seconds = (ms: number) => Math.ceil(ms / 1000);
/** Sorts as text as it does as a number, until the year 2286. */
const stamp = (ms: number) => String(ms).padStart(13, "0");

// identity
export const members = entity({
  name: "Member",
  schema: member,
  keyed: ["memberId"],
  key: ({ memberId }) => ({ pk: `MEMBER#${memberId}`, sk: "#" }),
});
export const openidLinks = entity({
  name: "OpenidLink",
  schema: openidLink,
  keyed: ["appid", "openid"],
  key: ({ appid, openid }) => ({ pk: `OPENID#${appid}#${openid}`, sk: "#" }),
});
export const phoneLinks = entity({
  name: "PhoneLink",
  schema: phoneLink,
  keyed: ["phoneIndex"],
  key: ({ phoneIndex }) => ({ pk: `PHONE#${phoneIndex}`, sk: "#" }),
});
export const sessions = entity({
  name: "Session",
  schema: session,
  keyed: ["sessionId"],
  key: ({ sessionId }) => ({ pk: `SESSION#${sessionId}`, sk: "#" }),
  ttl: (s) => seconds(s.expiresAt),
});
export const staffMembers = entity({
  name: "Staff",
  schema: staff,
  keyed: ["staffId"],
  key: ({ staffId }) => ({ pk: `STAFF#${staffId}`, sk: "#" }),
  index: ({ staffId }) => ({ gsi1pk: "STAFF", gsi1sk: staffId }),
});
export const allStaff = () => staffMembers.query({ index: "gsi1", pk: "STAFF" });

// stores, catalogue, communities
export const stores = entity({
  name: "Store",
  schema: store,
  keyed: ["storeId"],
  key: ({ storeId }) => ({ pk: `STORE#${storeId}`, sk: "#" }),
  index: ({ storeId }) => ({ gsi1pk: "STORES", gsi1sk: storeId }),
});
export const allStores = () => stores.query({ index: "gsi1", pk: "STORES" });

export const storeCodes = entity({
  name: "StoreCode",
  schema: storeCode,
  keyed: ["code"],
  key: ({ code }) => ({ pk: `STORECODE#${code}`, sk: "#" }),
});

export const articles = entity({
  name: "Article",
  schema: article,
  keyed: ["articleId"],
  key: ({ articleId }) => ({ pk: `ARTICLE#${articleId}`, sk: "#" }),
  index: ({ articleId }) => ({ gsi1pk: "ARTICLES", gsi1sk: articleId }),
});
export const allArticles = () => articles.query({ index: "gsi1", pk: "ARTICLES" });

export const articleCodes = entity({
  name: "ArticleCode",
  schema: articleCode,
  keyed: ["code"],
  key: ({ code }) => ({ pk: `ARTICLECODE#${code}`, sk: "#" }),
});

export const stocks = entity({
  name: "Stock",
  schema: stock,
  keyed: ["storeId", "articleId"],
  key: ({ storeId, articleId }) => ({ pk: `STOCK#${storeId}#${articleId}`, sk: "#" }),
  index: ({ storeId, articleId }) => ({ gsi1pk: `STORE#${storeId}#STOCK`, gsi1sk: articleId }),
});
export const stockOfStore = (storeId: string) => stocks.query({ index: "gsi1", pk: `STORE#${storeId}#STOCK` });

export const stockMovements = entity({
  name: "StockMovement",
  schema: stockMovement,
  keyed: ["storeId", "articleId", "cause"],
  key: ({ storeId, articleId, cause }) => ({ pk: `STOCK#${storeId}#${articleId}`, sk: `MOVE#${cause}` }),
});
/** Movements of one kind of cause: order, reroute. */
export const movementsBy = (storeId: string, articleId: string, kind: "order" | "reroute") =>
  stockMovements.query({ pk: `STOCK#${storeId}#${articleId}`, prefix: `MOVE#${kind}#` });

export const communities = entity({
  name: "Community",
  schema: community,
  keyed: ["communityId"],
  key: ({ communityId }) => ({ pk: `COMMUNITY#${communityId}`, sk: "#" }),
  indexed: ["storeId"],
  index: ({ communityId, storeId }) => ({ gsi1pk: `STORE#${storeId}#COMMUNITIES`, gsi1sk: communityId }),
});
export const communitiesOfStore = (storeId: string) =>
  communities.query({ index: "gsi1", pk: `STORE#${storeId}#COMMUNITIES` });

export const memberships = entity({
  name: "Membership",
  schema: membership,
  keyed: ["communityId", "memberId"],
  key: ({ communityId, memberId }) => ({ pk: `COMMUNITY#${communityId}`, sk: `MEMBER#${memberId}` }),
  index: ({ communityId, memberId }) => ({ gsi2pk: `MEMBER#${memberId}#COMMUNITIES`, gsi2sk: communityId }),
});
export const membersOfCommunity = (communityId: string) =>
  memberships.query({ pk: `COMMUNITY#${communityId}`, prefix: "MEMBER#" });
export const membershipsOf = (memberId: string) =>
  memberships.query({ index: "gsi2", pk: `MEMBER#${memberId}#COMMUNITIES` });

// what members say in communities
/** Only what is published stands in a feed or below its post, so that a page of either reads what it shows: a state changes three times at most. */
export const posts = entity({
  name: "Post",
  schema: post,
  keyed: ["postId"],
  key: ({ postId }) => ({ pk: `POST#${postId}`, sk: "#" }),
  indexed: ["communityId", "parentId", "authorId", "state"],
  index: ({ postId, communityId, parentId, authorId, state }) => ({
    ...(state === "PUBLISHED" && {
      gsi1pk: parentId === undefined ? `COMMUNITY#${communityId}#POSTS` : `POST#${parentId}#COMMENTS`,
      gsi1sk: postId,
    }),
    ...(parentId === undefined &&
      authorId !== undefined &&
      state !== "WITHDRAWN" && { gsi2pk: `MEMBER#${authorId}#POSTS`, gsi2sk: postId }),
    ...(state === "IN_REVIEW" && { gsi3pk: "POSTS#IN_REVIEW", gsi3sk: postId }),
  }),
});
/** Newest first. */
export const feedOf = (communityId: string) =>
  posts.query({ index: "gsi1", pk: `COMMUNITY#${communityId}#POSTS`, descending: true });
/** The earliest first. */
export const commentsOf = (postId: string) => posts.query({ index: "gsi1", pk: `POST#${postId}#COMMENTS` });
/** A member's own, in every state but withdrawn, newest first. */
export const postsOfMember = (memberId: string) =>
  posts.query({ index: "gsi2", pk: `MEMBER#${memberId}#POSTS`, descending: true });
/** Posts and comments that a person must decide on, the oldest first. */
export const postsInReview = () => posts.query({ index: "gsi3", pk: "POSTS#IN_REVIEW" });
export const postMarks = entity({
  name: "PostMark",
  schema: postMark,
  keyed: ["postId", "mark", "memberId"],
  key: ({ postId, mark, memberId }) => ({ pk: `POST#${postId}`, sk: `${mark.toUpperCase()}#${memberId}` }),
});
export const reportsOf = (postId: string) => postMarks.query({ pk: `POST#${postId}`, prefix: "REPORT#" });
export const postTopics = entity({
  name: "PostTopic",
  schema: postTopic,
  keyed: ["communityId", "topic", "postId"],
  key: ({ communityId, topic, postId }) => ({ pk: `COMMUNITY#${communityId}#TOPIC#${topic}`, sk: postId }),
});
/** Newest first. */
export const topicOf = (communityId: string, topic: string) =>
  postTopics.query({ pk: `COMMUNITY#${communityId}#TOPIC#${topic}`, descending: true });
export const sharedLines = entity({
  name: "SharedLine",
  schema: sharedLine,
  keyed: ["orderId", "articleId"],
  key: ({ orderId, articleId }) => ({ pk: `ORDER#${orderId}`, sk: `POST#${articleId}` }),
});

// group buying
export const campaigns = entity({
  name: "Campaign",
  schema: campaign,
  keyed: ["campaignId"],
  key: ({ campaignId }) => ({ pk: `CAMPAIGN#${campaignId}`, sk: "#" }),
  index: ({ campaignId }) => ({ gsi1pk: "CAMPAIGNS", gsi1sk: campaignId }),
});
/** Newest first. */
export const allCampaigns = () => campaigns.query({ index: "gsi1", pk: "CAMPAIGNS", descending: true });

/** A partition of its own each: the counters of a hot campaign's stores do not share one. */
export const allotments = entity({
  name: "Allotment",
  schema: allotment,
  keyed: ["campaignId", "storeId", "articleId"],
  key: (a) => ({ pk: `ALLOT#${a.campaignId}#${a.storeId}#${a.articleId}`, sk: "#" }),
  index: (a) => ({ gsi1pk: `CAMPAIGN#${a.campaignId}#ALLOT`, gsi1sk: `${a.storeId}#${a.articleId}` }),
});
export const allotmentsOf = (campaignId: string) =>
  allotments.query({ index: "gsi1", pk: `CAMPAIGN#${campaignId}#ALLOT` });

export const totalCaps = entity({
  name: "TotalCap",
  schema: totalCap,
  keyed: ["campaignId"],
  key: ({ campaignId }) => ({ pk: `CAP#${campaignId}`, sk: "#" }),
});

/** A campaign's teams are listed over this many index partitions. */
export const TEAM_BUCKETS = 8;
export const teams = entity({
  name: "Team",
  schema: team,
  keyed: ["teamId"],
  key: ({ teamId }) => ({ pk: `TEAM#${teamId}`, sk: "#" }),
  indexed: ["campaignId", "communityId"],
  index: ({ teamId, campaignId, communityId }) => ({
    gsi1pk: `CAMPAIGN#${campaignId}#TEAMS#${bucketOf(teamId, TEAM_BUCKETS)}`,
    gsi1sk: teamId,
    ...(communityId !== undefined && {
      gsi2pk: `COMMUNITY#${communityId}#TEAMS`,
      gsi2sk: `${campaignId}#${teamId}`,
    }),
  }),
});
/** The teams that a community's members opened in a campaign, the oldest first. */
export const teamsOfCommunity = (communityId: string, campaignId: string) =>
  teams.query({ index: "gsi2", pk: `COMMUNITY#${communityId}#TEAMS`, prefix: `${campaignId}#` });
export const teamsOf = (campaignId: string, bucket: number) =>
  teams.query({ index: "gsi1", pk: `CAMPAIGN#${campaignId}#TEAMS#${bucket}` });

export const communityCampaigns = entity({
  name: "CommunityCampaign",
  schema: communityCampaign,
  keyed: ["communityId", "campaignId"],
  key: ({ communityId, campaignId }) => ({ pk: `COMMUNITY#${communityId}`, sk: `CAMPAIGN#${campaignId}` }),
});
/** Newest campaign first. */
export const campaignsOfCommunity = (communityId: string) =>
  communityCampaigns.query({ pk: `COMMUNITY#${communityId}`, prefix: "CAMPAIGN#", descending: true });

export const guards = entity({
  name: "Guard",
  schema: guard,
  keyed: ["campaignId", "memberId"],
  key: ({ campaignId, memberId }) => ({ pk: `GUARD#${campaignId}#${memberId}`, sk: "#" }),
});

export const shares = entity({
  name: "Share",
  schema: share,
  keyed: ["token"],
  key: ({ token }) => ({ pk: `SHARE#${token}`, sk: "#" }),
});
export const touches = entity({
  name: "Touch",
  schema: touch,
  keyed: ["token", "memberId"],
  key: ({ token, memberId }) => ({ pk: `TOUCHES#${memberId}`, sk: token }),
});
export const touchesOf = (memberId: string) => touches.query({ pk: `TOUCHES#${memberId}` });

// referrals
export const acquisitions = entity({
  name: "Acquisition",
  schema: acquisition,
  keyed: ["memberId"],
  key: ({ memberId }) => ({ pk: `ACQUISITION#${memberId}`, sk: "#" }),
  indexed: ["inviterId", "paidAt", "state"],
  index: ({ memberId, inviterId, paidAt, state }) => ({
    ...(inviterId !== undefined &&
      state !== "REVERSED" && { gsi1pk: `REFERRED#${inviterId}`, gsi1sk: `${stamp(paidAt)}#${memberId}` }),
    ...(state === "IN_REVIEW" && { gsi3pk: "REFERRALS#IN_REVIEW", gsi3sk: `${stamp(paidAt)}#${memberId}` }),
  }),
});
/** Whom a member brought, first orders paid between two times (epoch ms, inclusive), the newest first. */
export const acquisitionsOf = (inviterId: string, from: number, until: number) =>
  acquisitions.query({
    index: "gsi1",
    pk: `REFERRED#${inviterId}`,
    from: stamp(from),
    until: `${stamp(until)}~`,
    descending: true,
  });
/** Those that a person must decide on, the oldest first. */
export const referralsInReview = () => acquisitions.query({ index: "gsi3", pk: "REFERRALS#IN_REVIEW" });
export const referralProgrammes = entity({
  name: "ReferralProgramme",
  schema: referralProgramme,
  keyed: ["name"],
  key: ({ name }) => ({ pk: `PROGRAMME#${name}`, sk: "#" }),
});

// prices
export const deals = entity({
  name: "Deal",
  schema: deal,
  keyed: ["articleId", "day"],
  key: ({ articleId, day }) => ({ pk: `DEALS#${articleId}`, sk: day }),
});
/** The latest day first. */
export const dealsOf = (articleId: string) => deals.query({ pk: `DEALS#${articleId}`, descending: true });

// coupons
export const coupons = entity({
  name: "Coupon",
  schema: coupon,
  keyed: ["couponId"],
  key: ({ couponId }) => ({ pk: `COUPON#${couponId}`, sk: "#" }),
  index: ({ couponId }) => ({ gsi1pk: "COUPONS", gsi1sk: couponId }),
});
/** Newest first. */
export const allCoupons = () => coupons.query({ index: "gsi1", pk: "COUPONS", descending: true });
export const couponGrants = entity({
  name: "CouponGrant",
  schema: couponGrant,
  keyed: ["memberId", "grantId"],
  key: ({ memberId, grantId }) => ({ pk: `COUPONS#${memberId}`, sk: grantId }),
});
export const couponsOf = (memberId: string) => couponGrants.query({ pk: `COUPONS#${memberId}`, descending: true });

// the home page
export const homePages = entity({
  name: "HomePage",
  schema: homePage,
  keyed: ["scope"],
  key: ({ scope }) => ({ pk: `HOME#${scope}`, sk: "#" }),
});

// carts
export const carts = entity({
  name: "Cart",
  schema: cart,
  keyed: ["memberId"],
  key: ({ memberId }) => ({ pk: `MEMBER#${memberId}`, sk: "CART" }),
});

// slots and delivery
export const addressBooks = entity({
  name: "AddressBook",
  schema: addressBook,
  keyed: ["memberId"],
  key: ({ memberId }) => ({ pk: `MEMBER#${memberId}`, sk: "ADDRESSES" }),
});
export const slotPlans = entity({
  name: "SlotPlan",
  schema: slotPlan,
  keyed: ["storeId"],
  key: ({ storeId }) => ({ pk: `STORE#${storeId}`, sk: "SLOTS" }),
});
/** A partition of its own each: what is full is asked for most. */
export const slotCounts = entity({
  name: "SlotCount",
  schema: slotCount,
  keyed: ["storeId", "slotId"],
  key: ({ storeId, slotId }) => ({ pk: `SLOT#${storeId}#${slotId}`, sk: "#" }),
  ttl: ({ until }) => seconds(until + 90 * day),
});
export const deliveryFees = entity({
  name: "DeliveryFees",
  schema: feesOf,
  keyed: ["scope"],
  key: ({ scope }) => ({ pk: `DELIVERYFEES#${scope}`, sk: "#" }),
});

// orders and money
export const orders = entity({
  name: "Order",
  schema: order,
  keyed: ["orderId"],
  key: ({ orderId }) => ({ pk: `ORDER#${orderId}`, sk: "#" }),
  indexed: ["teamId", "memberId", "storeId", "day", "pickupFrom"],
  index: (o) => ({
    ...(o.teamId !== undefined
      ? { gsi1pk: `TEAM#${o.teamId}`, gsi1sk: `SEAT#${o.orderId}` }
      : { gsi1pk: `STORE#${o.storeId}#PICKUP#${dayOf(o.pickupFrom)}`, gsi1sk: o.orderId }),
    gsi2pk: `MEMBER#${o.memberId}`,
    gsi2sk: o.orderId,
    gsi3pk: `STORE#${o.storeId}#DAY#${o.day}`,
    gsi3sk: o.orderId,
  }),
});
export const seatsOfTeam = (teamId: string) => orders.query({ index: "gsi1", pk: `TEAM#${teamId}`, prefix: "SEAT#" });
/** Newest first. */
export const ordersOfMember = (memberId: string) =>
  orders.query({ index: "gsi2", pk: `MEMBER#${memberId}`, prefix: "OR", descending: true });
/** `on` is the day as YYYY-MM-DD in Asia/Shanghai. */
export const ordersOfStore = (storeId: string, on: string) =>
  orders.query({ index: "gsi3", pk: `STORE#${storeId}#DAY#${on}` });
/** Those of no team whose hand-over, or delivery, begins on a day. */
export const cartOrdersFor = (storeId: string, on: string) =>
  orders.query({ index: "gsi1", pk: `STORE#${storeId}#PICKUP#${on}` });

export const paymentAttempts = entity({
  name: "PaymentAttempt",
  schema: paymentAttempt,
  keyed: ["orderId", "attempt"],
  key: ({ orderId, attempt }) => ({ pk: `ORDER#${orderId}`, sk: `PAYMENT#${String(attempt).padStart(2, "0")}` }),
});

export const refunds = entity({
  name: "Refund",
  schema: refund,
  keyed: ["orderId", "refundId"],
  key: ({ orderId, refundId }) => ({ pk: `ORDER#${orderId}`, sk: `REFUND#${refundId}` }),
});
export const refundsOf = (orderId: string) => refunds.query({ pk: `ORDER#${orderId}`, prefix: "REFUND#" });

/** The lines of a day lie under so many keys of the index. */
export const LEDGER_BUCKETS = 8;
export const transfers = entity({
  name: "Transfer",
  schema: transfer,
  keyed: ["subject", "kind", "reference"],
  key: ({ subject, kind, reference }) => ({
    pk: `${subject.startsWith("OR") ? "ORDER" : "LEDGER"}#${subject}`,
    sk: `TRANSFER#${kind}#${reference}`,
  }),
  indexed: ["bookedOn", "party"],
  index: ({ subject, kind, reference, bookedOn, party }) => ({
    gsi1pk: `LEDGER#${bookedOn}#${bucketOf(subject, LEDGER_BUCKETS)}`,
    gsi1sk: `${kind}#${subject}#${reference}`,
    ...(party !== undefined && { gsi2pk: `LEDGER#${party}`, gsi2sk: `${bookedOn}#${kind}#${subject}#${reference}` }),
  }),
});
export const transfersOf = (orderId: string) => transfers.query({ pk: `ORDER#${orderId}`, prefix: "TRANSFER#" });
/** Of anything but an order: a payout, a purchase line, a day's bill. */
export const transfersOfSubject = (subject: string) =>
  transfers.query({ pk: `LEDGER#${subject}`, prefix: "TRANSFER#" });
/** What was booked on a day (YYYY-MM-DD in Asia/Shanghai), in one of the `LEDGER_BUCKETS`; of one kind where it is named. */
export const transfersBookedOn = (on: string, bucket: number, kind?: TransferKind) =>
  transfers.query({ index: "gsi1", pk: `LEDGER#${on}#${bucket}`, ...(kind && { prefix: `${kind}#` }) });
/** Lines of a supplier's, store's or member's account in a month (YYYY-MM) or on a day, the earliest first. */
export const transfersOfParty = (account: string, on: string) =>
  transfers.query({ index: "gsi2", pk: `LEDGER#${account}`, prefix: on });

export const ledgerCursors = entity({
  name: "LedgerCursor",
  schema: ledgerCursor,
  keyed: ["name"],
  key: () => ({ pk: "LEDGER", sk: "#" }),
});
export const dayBooks = entity({
  name: "DayBook",
  schema: dayBook,
  keyed: ["day"],
  key: ({ day: on }) => ({ pk: "LEDGER", sk: `DAY#${on}` }),
});
/** Newest first; of a month (YYYY-MM) where it is named. */
export const dayBooksOf = (month = "") => dayBooks.query({ pk: "LEDGER", prefix: `DAY#${month}`, descending: true });
export const ledgerPeriods = entity({
  name: "LedgerPeriod",
  schema: ledgerPeriod,
  keyed: ["month"],
  key: ({ month }) => ({ pk: "LEDGER", sk: `PERIOD#${month}` }),
});
/** Newest first. */
export const allPeriods = () => ledgerPeriods.query({ pk: "LEDGER", prefix: "PERIOD#", descending: true });
export const storeDays = entity({
  name: "StoreDay",
  schema: storeDay,
  keyed: ["storeId", "day"],
  key: ({ storeId, day: on }) => ({ pk: `STORE#${storeId}`, sk: `LEDGER#${on}` }),
});
export const storeDaysOf = (storeId: string, month: string) =>
  storeDays.query({ pk: `STORE#${storeId}`, prefix: `LEDGER#${month}` });
export const ledgerAccounts = entity({
  name: "LedgerAccount",
  schema: ledgerAccount,
  keyed: ["account"],
  key: ({ account }) => ({ pk: `ACCOUNT#${account}`, sk: "#" }),
  index: ({ account }) => ({ gsi1pk: "ACCOUNTS", gsi1sk: account }),
});
export const allAccounts = () => ledgerAccounts.query({ index: "gsi1", pk: "ACCOUNTS" });
export const accountDays = entity({
  name: "AccountDay",
  schema: accountDay,
  keyed: ["account", "day"],
  key: ({ account, day: on }) => ({ pk: `ACCOUNT#${account}`, sk: `DAY#${on}` }),
});
/** Newest first; up to a day (YYYY-MM-DD) where it is named. */
export const accountDaysOf = (account: string, until = "~") =>
  accountDays.query({ pk: `ACCOUNT#${account}`, from: "DAY#", until: `DAY#${until}`, descending: true });

export const paymentCases = entity({
  name: "PaymentCase",
  schema: paymentCase,
  keyed: ["caseKey"],
  key: ({ caseKey }) => ({ pk: `CASE#${caseKey}`, sk: "#" }),
  indexed: ["at"],
  index: ({ caseKey, at }) => ({ gsi1pk: "CASES", gsi1sk: `${stamp(at)}#${caseKey}` }),
});
/** Newest first. */
export const allCases = () => paymentCases.query({ index: "gsi1", pk: "CASES", descending: true });

export const invoices = entity({
  name: "Invoice",
  schema: invoice,
  keyed: ["orderId"],
  key: ({ orderId }) => ({ pk: `ORDER#${orderId}`, sk: "INVOICE" }),
  indexed: ["state", "requestedAt"],
  index: ({ orderId, state, requestedAt }) => ({
    gsi1pk: `INVOICES#${state}`,
    gsi1sk: `${stamp(requestedAt)}#${orderId}`,
  }),
});
/** Those in a state, newest first: a state changes four times at most, and staff look by it. */
export const invoicesIn = (state: Invoice["state"]) =>
  invoices.query({ index: "gsi1", pk: `INVOICES#${state}`, descending: true });
export const redLetters = entity({
  name: "RedLetter",
  schema: redLetter,
  keyed: ["orderId", "refundId"],
  key: ({ orderId, refundId }) => ({ pk: `ORDER#${orderId}`, sk: `REDLETTER#${refundId}` }),
});
export const redLettersOf = (orderId: string) => redLetters.query({ pk: `ORDER#${orderId}`, prefix: "REDLETTER#" });

// after-sale
export const claims = entity({
  name: "Claim",
  schema: claim,
  keyed: ["orderId"],
  key: ({ orderId }) => ({ pk: `ORDER#${orderId}`, sk: "CLAIM" }),
  indexed: ["storeId", "state", "openedAt"],
  index: ({ orderId, storeId, state, openedAt }) => ({
    gsi1pk: `STORE#${storeId}#CLAIMS#${state}`,
    gsi1sk: `${stamp(openedAt)}#${orderId}`,
  }),
});
/** A store's claims in a state, the oldest first: a state changes twice at most, and staff look by it. */
export const claimsOfStore = (storeId: string, state: Claim["state"]) =>
  claims.query({ index: "gsi1", pk: `STORE#${storeId}#CLAIMS#${state}` });
export const floatDays = entity({
  name: "FloatDay",
  schema: floatDay,
  keyed: ["payer", "day"],
  key: ({ payer, day: on }) => ({ pk: `FLOAT#${payer}`, sk: on }),
  ttl: ({ until }) => seconds(until),
});
export const recallCompensations = entity({
  name: "RecallCompensation",
  schema: recallCompensation,
  keyed: ["recallId"],
  key: ({ recallId }) => ({ pk: `RECALL#${recallId}`, sk: "COMPENSATION" }),
});

// fulfilment
export const routeCells = entity({
  name: "RouteCell",
  schema: routeCell,
  keyed: ["cell", "asked"],
  key: ({ cell, asked }) => ({ pk: `CELL#${cell}`, sk: asked }),
  ttl: (c) => seconds(c.decidedAt + day),
});
export const pickupCodes = entity({
  name: "PickupCode",
  schema: pickupCode,
  keyed: ["codeHash"],
  key: ({ codeHash }) => ({ pk: `PICKUP#${codeHash}`, sk: "#" }),
});
export const pickupTriesRows = entity({
  name: "PickupTries",
  schema: pickupTries,
  keyed: ["staffId", "storeId", "window"],
  key: (t) => ({ pk: `TRIES#${t.staffId}#${t.storeId}`, sk: stamp(t.window) }),
  ttl: (t) => seconds(t.window + hour),
});
/** Written behind a team's success, one a store: what its seats are handed over by. */
export const pickTeams = entity({
  name: "PickTeam",
  schema: pickTeam,
  keyed: ["storeId", "day", "teamId"],
  key: ({ storeId, day: on, teamId }) => ({ pk: `PICK#${storeId}#${on}`, sk: teamId }),
  ttl: ({ from }) => seconds(from + 90 * day),
});
export const teamsToHandOver = (storeId: string, on: string) => pickTeams.query({ pk: `PICK#${storeId}#${on}` });

export const shelfCounts = entity({
  name: "ShelfCount",
  schema: shelfCount,
  keyed: ["storeId", "day"],
  key: ({ storeId, day: on }) => ({ pk: `SHELF#${storeId}`, sk: on }),
  ttl: ({ at }) => seconds(at + 30 * day),
});

export const dispatches = entity({
  name: "Dispatch",
  schema: dispatch,
  keyed: ["orderId"],
  key: ({ orderId }) => ({ pk: `ORDER#${orderId}`, sk: "DISPATCH" }),
  indexed: ["storeId"],
  index: ({ orderId, storeId }) => ({ gsi1pk: `STORE#${storeId}#DISPATCHES`, gsi1sk: orderId }),
});
/** Newest orders first. */
export const dispatchesOfStore = (storeId: string) =>
  dispatches.query({ index: "gsi1", pk: `STORE#${storeId}#DISPATCHES`, descending: true });
export const riderShifts = entity({
  name: "RiderShift",
  schema: riderShift,
  keyed: ["staffId"],
  key: ({ staffId }) => ({ pk: `RIDER#${staffId}`, sk: "#" }),
  indexed: ["storeId"],
  index: ({ staffId, storeId }) => ({ gsi1pk: `STORE#${storeId}#RIDERS`, gsi1sk: staffId }),
});
export const ridersOfStore = (storeId: string) => riderShifts.query({ index: "gsi1", pk: `STORE#${storeId}#RIDERS` });
export const tracks = entity({
  name: "Track",
  schema: track,
  keyed: ["orderId", "at", "id"],
  key: ({ orderId, at, id }) => ({ pk: `ORDER#${orderId}`, sk: `TRACK#${stamp(at)}#${id}` }),
});
/** The trail of an order, the earliest first. */
export const tracksOf = (orderId: string) => tracks.query({ pk: `ORDER#${orderId}`, prefix: "TRACK#" });

// supply
export const suppliers = entity({
  name: "Supplier",
  schema: supplier,
  keyed: ["supplierId"],
  key: ({ supplierId }) => ({ pk: `SUPPLIER#${supplierId}`, sk: "#" }),
  index: ({ supplierId }) => ({ gsi1pk: "SUPPLIERS", gsi1sk: supplierId }),
});
export const allSuppliers = () => suppliers.query({ index: "gsi1", pk: "SUPPLIERS" });

export const lots = entity({
  name: "Lot",
  schema: lot,
  keyed: ["lotId"],
  key: ({ lotId }) => ({ pk: `LOT#${lotId}`, sk: "#" }),
  indexed: ["storeId"],
  index: ({ lotId, storeId }) => ({ gsi1pk: `STORE#${storeId}#LOTS`, gsi1sk: lotId }),
});
/** Newest first. */
export const lotsOfStore = (storeId: string) =>
  lots.query({ index: "gsi1", pk: `STORE#${storeId}#LOTS`, descending: true });

export const purchaseOrders = entity({
  name: "PurchaseOrder",
  schema: purchaseOrder,
  keyed: ["purchaseOrderId"],
  key: ({ purchaseOrderId }) => ({ pk: `PURCHASE#${purchaseOrderId}`, sk: "#" }),
  index: ({ purchaseOrderId }) => ({ gsi1pk: "PURCHASES", gsi1sk: purchaseOrderId }),
});
/** Those of the newest campaign first. */
export const allPurchaseOrders = () => purchaseOrders.query({ index: "gsi1", pk: "PURCHASES", descending: true });
export const purchaseLines = entity({
  name: "PurchaseLine",
  schema: purchaseLine,
  keyed: ["lineId"],
  key: ({ lineId }) => ({ pk: `PURCHASELINE#${lineId}`, sk: "#" }),
});

export const goodsRecords = entity({
  name: "GoodsRecord",
  schema: goodsRecord,
  keyed: ["of", "id"],
  key: ({ of, id }) => ({ pk: `GOODS#${of}#${id}`, sk: "#" }),
});
export const goodsExceptions = entity({
  name: "GoodsException",
  schema: goodsException,
  keyed: ["articleId", "rule"],
  key: ({ articleId, rule }) => ({ pk: `GOODS#article#${articleId}`, sk: `EXCEPTION#${rule}` }),
});

export const ratings = entity({
  name: "Rating",
  schema: rating,
  keyed: ["orderId", "articleId"],
  key: ({ orderId, articleId }) => ({ pk: `ORDER#${orderId}`, sk: `RATING#${articleId}` }),
});

export const recalls = entity({
  name: "Recall",
  schema: recall,
  keyed: ["recallId"],
  key: ({ recallId }) => ({ pk: `RECALL#${recallId}`, sk: "#" }),
});
export const recallBuyers = entity({
  name: "RecallBuyer",
  schema: recallBuyer,
  keyed: ["recallId", "orderId"],
  key: ({ recallId, orderId }) => ({ pk: `RECALL#${recallId}`, sk: `BUYER#${orderId}` }),
});
export const buyersOf = (recallId: string) => recallBuyers.query({ pk: `RECALL#${recallId}`, prefix: "BUYER#" });
/** The same from an order on. */
export const buyersFrom = (recallId: string, orderId: string) =>
  recallBuyers.query({ pk: `RECALL#${recallId}`, from: `BUYER#${orderId}`, until: "BUYER#~" });

// files of master data
export const importRuns = entity({
  name: "Import",
  schema: importRun,
  keyed: ["importId"],
  key: ({ importId }) => ({ pk: `IMPORT#${importId}`, sk: "#" }),
});
export const importChunks = entity({
  name: "ImportChunk",
  schema: importChunk,
  keyed: ["importId", "chunk"],
  key: ({ importId, chunk }) => ({ pk: `IMPORT#${importId}`, sk: `CHUNK#${String(chunk).padStart(3, "0")}` }),
});
/** What is still to be applied, in its order. */
export const chunksOf = (importId: string) => importChunks.query({ pk: `IMPORT#${importId}`, prefix: "CHUNK#" });
export const importLocks = entity({
  name: "ImportLock",
  schema: importLock,
  keyed: ["register"],
  key: ({ register }) => ({ pk: `IMPORTLOCK#${register}`, sk: "#" }),
});

// receipts of the tills
export const posReceipts = entity({
  name: "PosReceipt",
  schema: posReceipt,
  keyed: ["storeId", "terminal", "receipt", "part"],
  key: (r) => ({ pk: `POS#${r.storeId}#${r.terminal}#${r.receipt}`, sk: `PART#${String(r.part).padStart(4, "0")}` }),
  indexed: ["day"],
  index: (r) => ({
    gsi1pk: `STORE#${r.storeId}#POS#${r.day}`,
    gsi1sk: `${r.terminal}#${r.receipt}#${String(r.part).padStart(4, "0")}`,
  }),
});
/** The parts of the receipts of a business day (YYYY-MM-DD), by terminal and number. */
export const posReceiptsOfDay = (storeId: string, on: string) =>
  posReceipts.query({ index: "gsi1", pk: `STORE#${storeId}#POS#${on}` });
export const posFiles = entity({
  name: "PosFile",
  schema: posFile,
  keyed: ["fileId"],
  key: ({ fileId }) => ({ pk: `POSFILE#${fileId}`, sk: "#" }),
  indexed: ["storeId", "at"],
  index: ({ fileId, storeId, at }) => ({ gsi1pk: `STORE#${storeId}#POSFILES`, gsi1sk: `${stamp(at)}#${fileId}` }),
});
/** The one that was sent last first. */
export const posFilesOfStore = (storeId: string) =>
  posFiles.query({ index: "gsi1", pk: `STORE#${storeId}#POSFILES`, descending: true });
export const posSkips = entity({
  name: "PosSkipped",
  schema: posSkipped,
  keyed: ["fileId", "run", "row"],
  key: ({ fileId, run, row }) => ({
    pk: `POSFILE#${fileId}`,
    sk: `SKIPPED#${String(run).padStart(4, "0")}#${String(row).padStart(9, "0")}`,
  }),
});
/** What one import of a file left out, in the file's order. */
export const posSkipsOf = (fileId: string, run: number) =>
  posSkips.query({ pk: `POSFILE#${fileId}`, prefix: `SKIPPED#${String(run).padStart(4, "0")}#` });

export const billDays = entity({
  name: "BillDay",
  schema: billDay,
  keyed: ["day"],
  key: ({ day: on }) => ({ pk: "BILLS", sk: on }),
});
/** Newest first. */
export const allBillDays = () => billDays.query({ pk: "BILLS", descending: true });

// commissions and payouts
export const commissionProgrammes = entity({
  name: "CommissionProgramme",
  schema: commissionProgramme,
  keyed: ["name"],
  key: ({ name }) => ({ pk: `PROGRAMME#${name}`, sk: "#" }),
});
export const commissions = entity({
  name: "Commission",
  schema: commission,
  keyed: ["orderId", "memberId"],
  key: ({ orderId, memberId }) => ({ pk: `ORDER#${orderId}`, sk: `COMMISSION#${memberId}` }),
  indexed: ["accruedAt"],
  index: ({ orderId, memberId, accruedAt }) => ({
    gsi2pk: `MEMBER#${memberId}#COMMISSIONS`,
    gsi2sk: `${stamp(accruedAt)}#${orderId}`,
  }),
});
export const commissionsOfOrder = (orderId: string) =>
  commissions.query({ pk: `ORDER#${orderId}`, prefix: "COMMISSION#" });
/** Newest first. */
export const commissionsOf = (memberId: string) =>
  commissions.query({ index: "gsi2", pk: `MEMBER#${memberId}#COMMISSIONS`, descending: true });
export const commissionAccounts = entity({
  name: "CommissionAccount",
  schema: commissionAccount,
  keyed: ["memberId"],
  key: ({ memberId }) => ({ pk: `MEMBER#${memberId}`, sk: "COMMISSION" }),
});

export const payouts = entity({
  name: "Payout",
  schema: payout,
  keyed: ["payoutId"],
  key: ({ payoutId }) => ({ pk: `PAYOUT#${payoutId}`, sk: "#" }),
  indexed: ["memberId"],
  index: ({ payoutId, memberId }) => ({ gsi2pk: `MEMBER#${memberId}#PAYOUTS`, gsi2sk: payoutId }),
});
/** Newest first. */
export const payoutsOf = (memberId: string) =>
  payouts.query({ index: "gsi2", pk: `MEMBER#${memberId}#PAYOUTS`, descending: true });

export const profitShares = entity({
  name: "ProfitShare",
  schema: profitShare,
  keyed: ["orderId"],
  key: ({ orderId }) => ({ pk: `ORDER#${orderId}`, sk: "PROFITSHARE" }),
});

// what carries the rest
/** Outbox rows are kept by hour, over this many partitions. */
export const OUTBOX_BUCKETS = 32;
export const outbox = entity({
  name: "Outbox",
  schema: outboxRow,
  keyed: ["eventId", "at"],
  key: ({ eventId, at }) => ({ pk: outboxPartition(at, bucketOf(eventId, OUTBOX_BUCKETS)), sk: eventId }),
  ttl: (e) => seconds(e.at + 35 * day),
});
const outboxPartition = (at: number, bucket: number) =>
  `OUTBOX#${dayOf(at)}T${String(Math.floor(((at + 8 * hour) % day) / hour)).padStart(2, "0")}#${bucket}`;
/** The events of the hour that holds `at`, in one bucket. */
export const outboxOf = (at: number, bucket: number) => outbox.query({ pk: outboxPartition(at, bucket) });

export const idempotency = entity({
  name: "Idempotency",
  schema: idempotencyRow,
  keyed: ["actorId", "key"],
  key: ({ actorId, key }) => ({ pk: `IDEM#${actorId}#${key}`, sk: "#" }),
  ttl: (r) => seconds(r.at + 2 * day),
});

export const limitRows = entity({
  name: "Limit",
  schema: limitRow,
  keyed: ["limit", "subject"],
  key: ({ limit, subject }) => ({ pk: `LIMIT#${limit}#${subject}`, sk: "#" }),
  ttl: (l) => seconds(l.fullAt + hour),
});

export const rateTokens = entity({
  name: "RateToken",
  schema: rateToken,
  keyed: ["api", "account", "second", "slot"],
  key: ({ api, account, second, slot }) => ({ pk: `RATE#${api}#${account}#${second}`, sk: String(slot) }),
  ttl: (t) => t.second + 600,
});
export const rateBrakes = entity({
  name: "RateBrake",
  schema: rateBrake,
  keyed: ["api", "account"],
  key: ({ api, account }) => ({ pk: `RATE#${api}#${account}`, sk: "#" }),
});

/** Over how many partitions the due rows of a kind lie: many for what is waited for, one for what staff do by hand. Each is asked for every minute. */
export const dueBuckets: Readonly<Record<DueKind, number>> = {
  hold: 16,
  deadline: 16,
  refund: 16,
  payment: 16,
  shipping: 16,
  referral: 4,
  commission: 4,
  payout: 4,
  share: 4,
  dispatch: 16,
  bill: 1,
  settlement: 16,
  campaign: 16,
  import: 1,
  recall: 1,
  promise: 1,
  subsidy: 1,
  invoice: 4,
  claim: 4,
  compensation: 1,
  uncollected: 4,
  tasting: 4,
  moderation: 4,
};
export const dues = entity({
  name: "Due",
  schema: due,
  keyed: ["kind", "id", "at"],
  key: ({ kind, id, at }) => ({ pk: `DUE#${kind}#${bucketOf(id, dueBuckets[kind])}`, sk: `${stamp(at)}#${id}` }),
});
/** What is due at `now` or before, the earliest first. */
export const dueUntil = (kind: DueKind, bucket: number, now: number) =>
  dues.query({ pk: `DUE#${kind}#${bucket}`, until: `${stamp(now)}~` });

export const audit = entity({
  name: "Audit",
  schema: auditRow,
  keyed: ["day", "auditId"],
  key: ({ day: on, auditId }) => ({ pk: `AUDIT#${on}`, sk: auditId }),
});
/** `on` is the day as YYYY-MM-DD in Asia/Shanghai; newest first. */
export const auditOf = (on: string) => audit.query({ pk: `AUDIT#${on}`, descending: true });

export const wechatTokens = entity({
  name: "WechatToken",
  schema: wechatToken,
  keyed: ["appid"],
  key: ({ appid }) => ({ pk: `WECHAT#${appid}`, sk: "#" }),
});

export const inbox = entity({
  name: "InboxMessage",
  schema: inboxMessage,
  keyed: ["memberId", "eventId"],
  key: ({ memberId, eventId }) => ({ pk: `INBOX#${memberId}`, sk: eventId }),
});
/** Newest first. */
export const inboxOf = (memberId: string) => inbox.query({ pk: `INBOX#${memberId}`, descending: true });
