import { expect, test } from "vitest";
import type { ApiReply } from "../../functions/adapters/wechat/api.ts";
import { createContentCheck } from "../../functions/adapters/wechat/content-check.ts";

const asked: unknown[] = [];
const answering = (reply: ApiReply) =>
  createContentCheck({
    call: async () => reply,
    callWithToken: async (...request) => {
      asked.push(request);
      return reply;
    },
  }).checkText({ openid: "o-1", scene: "forum", text: "青菜" });

test("a text is sent as WeChat wants it, and its verdict is taken at its word", async () => {
  const said = (suggest: string, label: number) =>
    answering({ kind: "ok", body: { errcode: 0, trace_id: "t", result: { suggest, label }, detail: [] } });
  expect(await said("pass", 100)).toEqual({ kind: "pass" });
  expect(await said("review", 20001)).toEqual({ kind: "review", label: "20001" });
  expect(await said("risky", 20006)).toEqual({ kind: "risky", label: "20006" });
  expect(asked[0]).toEqual(["/wxa/msg_sec_check", { version: 2, openid: "o-1", scene: 3, content: "青菜" }]);
});

test("no verdict is never a pass: WeChat is asked again, or a person is", async () => {
  for (const errcode of [-1, 45009, 45011])
    expect(await answering({ kind: "error", errcode, errmsg: "busy" })).toEqual({ kind: "busy" });
  // the author has not been in the mini-program for two hours
  expect(await answering({ kind: "error", errcode: 61010, errmsg: "code is expired" })).toEqual({
    kind: "refused",
    code: "61010",
  });
  for (const body of [{}, { result: {} }, { result: { suggest: "fine", label: 100 } }, "pass"])
    expect(await answering({ kind: "ok", body })).toMatchObject({ kind: "unknown" });
  const lost = { kind: "unknown", reason: "no answer within 5000 ms" } as const;
  expect(await answering(lost)).toEqual(lost);
});
