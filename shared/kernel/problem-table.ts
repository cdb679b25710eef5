/** What a problem is to a client (status, texts), to the log and to the metrics: one row each, the codes are stable. */
export interface Problem {
  status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 429 | 500 | 503;
  zh: string;
  en: string;
  log: "debug" | "info" | "warn" | "error";
  retryAfter?: number;
}

export const problems = {
  // the request itself
  BODY_MALFORMED: { status: 400, zh: "请求体不是合法的 JSON", en: "The body is not valid JSON", log: "info" },
  INPUT_INVALID: { status: 422, zh: "请求参数有误", en: "The request does not fit its schema", log: "info" },
  IDEMPOTENCY_KEY_MISSING: {
    status: 400,
    zh: "缺少 Idempotency-Key",
    en: "Idempotency-Key header is required",
    log: "info",
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    zh: "同一 Idempotency-Key 用于不同请求",
    en: "The same Idempotency-Key came with another request",
    log: "info",
  },
  CURSOR_INVALID: { status: 422, zh: "翻页游标无效", en: "The page cursor is not one of ours", log: "info" },
  ROUTE_NOT_FOUND: { status: 404, zh: "接口不存在", en: "No such route", log: "info" },
  METHOD_NOT_ALLOWED: { status: 405, zh: "不支持该请求方法", en: "The route has no such method", log: "info" },
  BODY_TOO_LARGE: { status: 413, zh: "请求体过大", en: "The body is larger than 1 MB", log: "info" },
  UNAUTHENTICATED: { status: 401, zh: "请先登录", en: "Sign in first", log: "info" },
  TOKEN_EXPIRED: { status: 401, zh: "登录已过期", en: "The token has expired", log: "debug" },
  SESSION_REVOKED: { status: 401, zh: "登录已失效,请重新登录", en: "The session was ended", log: "info" },
  REFRESH_REUSED: {
    status: 401,
    zh: "登录凭证已被使用,请重新登录",
    en: "The refresh token was used before; the session is ended",
    log: "warn",
  },
  FORBIDDEN: { status: 403, zh: "没有权限", en: "Not allowed for your role", log: "info" },
  STORE_OUT_OF_SCOPE: { status: 403, zh: "不在您负责的门店范围内", en: "Not one of your stores", log: "info" },
  TOO_MANY_REQUESTS: { status: 429, zh: "操作太频繁,请稍后再试", en: "Too many requests", log: "info", retryAfter: 60 },
  INTERNAL: { status: 500, zh: "系统开小差了,请稍后再试", en: "Internal error", log: "error" },
  TRY_AGAIN: {
    status: 503,
    zh: "系统繁忙,请稍后再试",
    en: "The outcome is not known yet; send the same request again",
    log: "warn",
    retryAfter: 2,
  },
  VERSION_CONFLICT: {
    status: 409,
    zh: "内容已被他人修改,请刷新后重试",
    en: "Changed by somebody else meanwhile; load again",
    log: "info",
  },

  // identity
  LOGIN_CODE_INVALID: {
    status: 401,
    zh: "登录凭证无效,请重新打开小程序",
    en: "The login code is invalid or used",
    log: "info",
  },
  LOGIN_BUSY: { status: 429, zh: "登录太频繁,请稍后再试", en: "WeChat limits logins", log: "warn", retryAfter: 60 },
  USER_BLOCKED: {
    status: 403,
    zh: "该账号存在风险,暂不能登录",
    en: "WeChat reports this user as high-risk",
    log: "warn",
  },
  WECHAT_UNAVAILABLE: {
    status: 503,
    zh: "微信服务暂不可用",
    en: "WeChat does not answer",
    log: "error",
    retryAfter: 5,
  },
  MEMBER_NOT_FOUND: { status: 404, zh: "会员不存在", en: "No such member", log: "info" },
  STAFF_NOT_FOUND: { status: 404, zh: "员工不存在", en: "No such staff member", log: "info" },
  STAFF_EXISTS: { status: 409, zh: "员工已存在", en: "This staff member exists already", log: "info" },
  STAFF_SELF: {
    status: 409,
    zh: "不能停用自己或取消自己的管理员角色",
    en: "An admin can't deactivate or demote himself; ask another admin",
    log: "info",
  },
  PHONE_TAKEN: { status: 409, zh: "该手机号已绑定其他账号", en: "The phone is bound to another member", log: "info" },

  // stores, catalogue, communities
  STORE_NOT_FOUND: { status: 404, zh: "门店不存在", en: "No such store", log: "info" },
  ARTICLE_NOT_FOUND: { status: 404, zh: "商品不存在", en: "No such article", log: "info" },
  ARTICLE_RETIRED: { status: 409, zh: "商品已下架", en: "The article is retired", log: "info" },
  KIT_COMPONENT_INVALID: {
    status: 422,
    zh: "套装只能由在售的单品组成,且不能重复",
    en: "A kit is made of distinct articles on sale that are no kits themselves",
    log: "info",
  },
  COMMUNITY_NOT_FOUND: { status: 404, zh: "社群不存在", en: "No such community", log: "info" },
  MEMBERSHIP_NOT_FOUND: { status: 404, zh: "不是该社群的成员", en: "Not a member of this community", log: "info" },
  NOT_LEADER: { status: 403, zh: "仅限本社群团长操作", en: "Only for leaders of this community", log: "info" },
  ALREADY_MEMBER: { status: 409, zh: "已在社群中", en: "Already in the community", log: "info" },
  STOCK_SHORT: { status: 409, zh: "门店库存不足", en: "The store's online stock does not cover it", log: "info" },
  ADDRESS_NOT_FOUND: {
    status: 422,
    zh: "无法识别该地址,请在地图上选点",
    en: "The address could not be located",
    log: "info",
  },

  // campaigns and teams
  CAMPAIGN_NOT_FOUND: { status: 404, zh: "活动不存在", en: "No such campaign", log: "info" },
  CAMPAIGN_STATE: {
    status: 409,
    zh: "活动当前状态不允许该操作",
    en: "The campaign's state does not allow it",
    log: "info",
  },
  CAMPAIGN_NOT_OPEN: { status: 409, zh: "活动未开始或已结束", en: "The campaign is not open", log: "info" },
  CAMPAIGN_SUSPENDED: { status: 409, zh: "活动已暂停", en: "The campaign is suspended", log: "info" },
  CAMPAIGN_RULE: { status: 422, zh: "活动设置不符合规则", en: "The campaign breaks a rule", log: "info" },
  TEAM_NOT_FOUND: { status: 404, zh: "拼团不存在", en: "No such team", log: "info" },
  TEAM_STATE: { status: 409, zh: "拼团当前状态不允许该操作", en: "The team's state does not allow it", log: "info" },
  TEAM_SEATS_HELD: {
    status: 409,
    zh: "有邻居正在支付,请稍后再试",
    en: "Seats are held and not yet paid: wait for them",
    log: "info",
  },
  SUBSIDY_BUDGET: {
    status: 409,
    zh: "超出活动补贴预算",
    en: "It would cost more than the campaign's subsidy budget has left",
    log: "info",
  },
  TEAM_FULL: { status: 409, zh: "团已满员", en: "The team is full", log: "info" },
  TEAM_CLOSED: { status: 409, zh: "该团已结束,您可以自己开团", en: "The team has ended; open your own", log: "info" },
  TEAM_CLOSING: { status: 409, zh: "该团即将截止,不能再加入", en: "Too close to the deadline to join", log: "info" },
  BATCH_CUT_OFF: { status: 409, zh: "已截单,不能再下单", en: "Past the cut-off: no more orders", log: "info" },
  CAMPAIGN_KIND: {
    status: 409,
    zh: "本活动按社群统一截单,请在社群团内下单",
    en: "A batch has one team a community and no leaders' teams",
    log: "info",
  },
  TEAM_NOT_VISIBLE: { status: 404, zh: "拼团不存在", en: "No such team", log: "info" },
  TEAM_OWN: { status: 409, zh: "这是您自己的团", en: "It is your own team", log: "info" },
  TEAM_ALREADY_JOINED: { status: 409, zh: "您已参加该团", en: "You are in this team already", log: "info" },
  TEAM_OTHER_JOINED: {
    status: 409,
    zh: "您已参加本活动的另一个团",
    en: "You are in another team of this campaign",
    log: "info",
  },
  ORDER_UNPAID: { status: 409, zh: "您有未支付的订单", en: "You have an unpaid order in this campaign", log: "info" },
  UNITS_LIMIT: { status: 409, zh: "超过每人限购数量", en: "Over the limit per member", log: "info" },
  NOT_ADMITTED_COMMUNITY: {
    status: 403,
    zh: "仅限本社群邻居参加",
    en: "Only for members of the team's community",
    log: "info",
  },
  NOT_ADMITTED_STORE: {
    status: 403,
    zh: "仅限同一门店范围内的邻居参加,您可以自己开团",
    en: "Only for neighbours of the same store",
    log: "info",
  },
  NOT_ADMITTED_NEW: { status: 403, zh: "仅限新客参加,您可以自己开团", en: "Only for new customers", log: "info" },
  SOLD_OUT: { status: 409, zh: "已售罄", en: "Sold out", log: "info" },
  SHARE_NOT_FOUND: { status: 404, zh: "分享链接无效", en: "No such share token", log: "info" },

  // orders, payment, refunds
  ORDER_NOT_FOUND: { status: 404, zh: "订单不存在", en: "No such order", log: "info" },
  SEAT_STATE: { status: 409, zh: "订单当前状态不允许该操作", en: "The seat's state does not allow it", log: "info" },
  HOLD_EXPIRED: { status: 409, zh: "订单已超时,请重新下单", en: "The hold has run out; order again", log: "info" },
  LEAVE_CLOSED: {
    status: 409,
    zh: "拼团已结束,不能退出",
    en: "The team has ended: leaving is not possible",
    log: "info",
  },
  PAYMENT_REFUSED: { status: 409, zh: "支付下单被拒绝", en: "The payment channel refused the order", log: "error" },
  PAYMENT_UNKNOWN: {
    status: 503,
    zh: "支付结果确认中,请稍后再试",
    en: "The payment's outcome is not known yet",
    log: "warn",
    retryAfter: 3,
  },
  PAYMENT_PAID: { status: 409, zh: "订单已支付", en: "The order is paid", log: "info" },
  REFUND_NOT_FOUND: { status: 404, zh: "退款不存在", en: "No such refund", log: "info" },
  REFUND_STATE: {
    status: 409,
    zh: "退款当前状态不允许该操作",
    en: "The refund's state does not allow it",
    log: "info",
  },
  CASE_NOT_FOUND: { status: 404, zh: "支付异常单不存在", en: "No such payment case", log: "info" },
  NOTIFICATION_UNSIGNED: {
    status: 401,
    zh: "通知签名无效",
    en: "The notification's signature is not valid",
    log: "warn",
  },
  NOTIFICATION_STALE: {
    status: 401,
    zh: "通知时间超出允许范围",
    en: "The notification's time is more than 5 minutes off",
    log: "warn",
  },
  NOTIFICATION_MALFORMED: { status: 400, zh: "通知内容无法解析", en: "The notification can't be read", log: "warn" },
  NOTIFICATION_FOREIGN: {
    status: 403,
    zh: "通知不属于本商户",
    en: "The notification is for another merchant",
    log: "warn",
  },

  // fulfilment
  NO_STORE_IN_RANGE: { status: 422, zh: "附近没有可服务的门店", en: "No able store within range", log: "info" },
  STORE_NOT_ABLE: {
    status: 409,
    zh: "所选门店暂不能服务该订单",
    en: "The chosen store can't serve this order",
    log: "info",
  },
  DELIVERY_NOT_OFFERED: {
    status: 422,
    zh: "暂不支持配送,请选择到店自提",
    en: "Delivery is not offered yet: choose pickup",
    log: "info",
  },
  PICKUP_NOT_READY: {
    status: 409,
    zh: "尚未成团或未到提货时间",
    en: "Not succeeded yet, or before the pickup time",
    log: "info",
  },
  PICKUP_CODE_INVALID: { status: 404, zh: "提货码无效", en: "No such pickup code", log: "info" },
  PICKUP_CODE_USED: { status: 409, zh: "提货码已使用", en: "The pickup code is used", log: "warn" },
  PICKUP_OTHER_STORE: {
    status: 409,
    zh: "请到订单所属门店提货",
    en: "The order belongs to another store",
    log: "info",
  },
  PICKUP_LOCKED: {
    status: 429,
    zh: "输错次数过多,请10分钟后再试",
    en: "Too many wrong codes: locked for 10 minutes",
    log: "warn",
    retryAfter: 600,
  },
  ORDER_STATE: { status: 409, zh: "订单当前状态不允许该操作", en: "The order's state does not allow it", log: "info" },
} as const satisfies Record<string, Problem>;
