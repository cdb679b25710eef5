/** Who somebody is, as WeChat says it. */
export interface WeChatLogin {
  /**
   * Exchanges the one-time code of wx.login (5 minutes). The session key is thrown away.
   * Throws DomainError LOGIN_CODE_INVALID, LOGIN_BUSY, USER_BLOCKED, WECHAT_UNAVAILABLE.
   */
  exchangeCode(code: string): Promise<{ openid: string; unionid?: string }>;

  /**
   * Exchanges the one-time code of the phone number button; it is another code than that of wx.login. Answers E.164
   * (`+8613812345678`). Throws as `exchangeCode`.
   */
  phoneNumber(code: string): Promise<string>;
}

/** WeChat's access token of one app, kept where every worker finds it. */
export interface TokenStore {
  /** What was last put, or undefined; an expired one may be answered too. */
  get(appid: string): Promise<{ token: string; expiresAt: number } | undefined>;
  /** Keeps the token until `expiresAt` (epoch ms). It is a secret: store it encrypted or short-lived, log it never. */
  put(appid: string, entry: { token: string; expiresAt: number }): Promise<void>;
}

/** Makes and reads members' access tokens: 15 minutes, no look-up. */
export interface MemberTokens {
  issue(who: { memberId: string; sessionId: string }): Promise<{ accessToken: string; expiresInS: number }>;
  /** Throws DomainError TOKEN_EXPIRED where only its time has run out, UNAUTHENTICATED for anything else. */
  verify(token: string): Promise<{ memberId: string; sessionId: string }>;
}
