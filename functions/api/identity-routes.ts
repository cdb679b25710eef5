import * as z from "zod";
import {
  bindPhone,
  endSession,
  logIn,
  type Profile,
  readProfile,
  refreshSession,
  renameMember,
} from "../../shared/identity/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { text, typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { takeToken } from "../runtime/limits.ts";
import { type Route, route } from "../runtime/route.ts";

const accessToken = z.string().meta({ description: "ES256 JWT: send it as `Authorization: Bearer …`" });
const aboutRefreshToken = {
  description: "Good for one refresh, 30 days. Keep it in the device's storage only",
  example: "SE01KASWB3Q8W5CJ7T2N9RXEH4.3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};
const refreshToken = z.string().meta(aboutRefreshToken);
const expiresInS = z.int().meta({ description: "Seconds that the access token lasts", example: 900 });
const wechatCode = (what: string) => text(1, 512).meta({ description: what, example: "0f3Kxy000abcDEF1" });

const profile = z
  .object({
    memberId: idOf("MB"),
    nickname: z.string().optional().meta({ example: "王阿姨" }),
    phone: z.string().optional().meta({ description: "Middle digits hidden", example: "+86138****5678" }),
    joinedAt: isoOutput,
    newCustomer: z.boolean().meta({ description: "Never paid a seat or an order" }),
  })
  .meta({ id: "Profile" });
const profileView = (result: Profile) => ({ ...result, joinedAt: toIso(result.joinedAt) });

const nickname = typedText(1, 20)
  .regex(/^[^\p{Cc}\p{Cf}]*$/u, "no control or invisible characters")
  .meta({ description: "昵称, 1 to 20 characters", example: "王阿姨" });

const wechatProblems = ["LOGIN_CODE_INVALID", "LOGIN_BUSY", "WECHAT_UNAVAILABLE"] as const;

export const identityShop: Route[] = [
  route({
    method: "post",
    path: "/v1/login",
    summary: "微信登录",
    description:
      "Signs in with the code of `wx.login`; the first login makes the member. A code is good for one try: after any failure call `wx.login` again.",
    actor: "public",
    owns: "none",
    limit: "login",
    body: z.strictObject({
      code: wechatCode("Code of wx.login, valid 5 minutes, once"),
      deviceId: text(8, 64)
        .optional()
        .meta({ description: "What the client calls this device, at random and lasting; a keyed hash is kept" }),
    }),
    ok: z
      .object({ accessToken, expiresInS, refreshToken, memberId: idOf("MB"), newMember: z.boolean() })
      .meta({ id: "SignedIn" }),
    problems: [...wechatProblems, "USER_BLOCKED"],
    run: (deps, { body }) => logIn(deps, { ...body, admit: (openid) => takeToken(deps, "login", openid) }),
  }),
  route({
    method: "post",
    path: "/v1/session/refresh",
    summary: "刷新登录",
    description:
      "Exchanges the refresh token for a new pair. When the answer is lost, send the same token again within 60 seconds: the answer holds the same new refresh token. A token used after that, or after its successor, ends the session (REFRESH_REUSED).",
    actor: "public",
    owns: "none",
    body: z.strictObject({ refreshToken: text(0, 100).meta(aboutRefreshToken) }),
    ok: z.object({ accessToken, expiresInS, refreshToken }).meta({ id: "SessionRefreshed" }),
    problems: ["UNAUTHENTICATED", "SESSION_REVOKED", "REFRESH_REUSED"],
    run: (deps, { body }) => refreshSession(deps, body),
  }),
  route({
    method: "post",
    path: "/v1/session/logout",
    summary: "退出登录",
    description:
      "Ends this device's session. Its access token still reads for up to 15 minutes, but no longer writes money or seats.",
    actor: "member",
    owns: "self",
    status: 204,
    ok: z.undefined(),
    problems: [],
    run: (deps, { actor }) => endSession(deps, actor),
  }),
  route({
    method: "get",
    path: "/v1/me",
    summary: "我的资料",
    actor: "member",
    owns: "self",
    ok: profile,
    problems: ["MEMBER_NOT_FOUND"],
    run: (deps, { actor }) => readProfile(deps, actor),
    view: (result) => profileView(result),
  }),
  route({
    method: "put",
    path: "/v1/me",
    summary: "修改昵称",
    actor: "member",
    owns: "self",
    body: z.strictObject({ nickname }),
    ok: profile,
    problems: ["MEMBER_NOT_FOUND"],
    run: (deps, { actor, body }) => renameMember(deps, { memberId: actor.memberId, nickname: body.nickname }),
    view: (result) => profileView(result),
  }),
  route({
    method: "post",
    path: "/v1/me/phone",
    summary: "绑定手机号",
    description: "Takes the code of the phone number button (`open-type=getPhoneNumber`), not that of `wx.login`.",
    actor: "member",
    owns: "self",
    body: z.strictObject({ code: wechatCode("Code of the phone number button, valid once") }),
    ok: profile,
    problems: ["MEMBER_NOT_FOUND", "PHONE_TAKEN", ...wechatProblems],
    run: (deps, { actor, body }) => bindPhone(deps, { memberId: actor.memberId, code: body.code }),
    view: (result) => profileView(result),
  }),
];
