import { randomBytes } from "node:crypto";
import * as z from "zod";
import { day, toIso } from "../../shared/kernel/time.ts";
import { type Book, canonical, type TransferRow } from "./book.ts";
import type { Keys } from "./keys.ts";
import { type Notifier, transferJson } from "./notifier.ts";
import { invalid, noTransfer, notifyUrl, type PayAnswer, PayProblem, paramError, parse, reentry } from "./pay-api.ts";

/** How a transfer goes: it waits for its user (the rule), the balance lacks the money, or it fails at once. */
export const transferOutcome = z.union([
  z.enum(["wait", "not-enough"]),
  z.strictObject({
    fail: z.enum([
      "ACCOUNT_FROZEN",
      "REAL_NAME_CHECK_FAIL",
      "NAME_NOT_CORRECT",
      "ACCOUNT_RECEIVE_QUOTA_LIMIT",
      "PAYEE_ACCOUNT_ABNORMAL",
    ]),
  }),
]);

const body = z.object({
  appid: z.string(),
  out_bill_no: z.string().regex(/^[0-9A-Za-z]{1,32}$/),
  transfer_scene_id: z.string().min(1),
  openid: z.string().min(1).max(128),
  user_name: z.string().optional(),
  transfer_amount: z.int().min(1),
  transfer_remark: z.string().min(1).max(32),
  notify_url: notifyUrl.optional(),
  transfer_scene_report_infos: z
    .array(z.object({ info_type: z.string().min(1), info_content: z.string().min(1).max(32) }))
    .min(1),
});

/** What scene 1005 (佣金报酬) must say of a transfer. */
const infosOf1005 = ["岗位类型", "报酬说明"];
const LEAST = 10;
const NAME_FROM = 200_000;

/** Merchant transfers that the user confirms (商家转账). */
export function createTransferApi(book: Book, keys: Keys, notifier: Notifier, now: () => number) {
  const answer = (row: TransferRow) => ({
    out_bill_no: row.out_bill_no,
    transfer_bill_no: row.transfer_bill_no,
    create_time: toIso(row.created_at),
    state: row.state,
    ...(row.fail_reason && { fail_reason: row.fail_reason }),
    ...(row.state === "WAIT_USER_CONFIRM" && { package_info: row.package_info }),
  });
  const known = (no: string): TransferRow => {
    const row = book.transfer(no);
    if (!row) throw noTransfer();
    return row;
  };

  return {
    transfer(content: unknown, serial: string | undefined): PayAnswer {
      const asked = parse(body, content);
      if (asked.appid !== keys.config.appid)
        throw new PayProblem(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配", "268445527");
      // the sealed name differs each time it is sealed
      const name = asked.user_name === undefined ? undefined : keys.openField(serial, asked.user_name);
      if (asked.user_name !== undefined && name === undefined) throw paramError("敏感字段解密失败");
      const params = canonical({ ...(content as object), user_name: name });
      const before = book.transfer(asked.out_bill_no);
      if (before) {
        if (before.params !== params) throw reentry();
        return { status: 200, body: answer(before) };
      }
      if (asked.transfer_scene_id !== "1005") throw invalid("商户号未开通该转账场景");
      if (infosOf1005.some((type) => !asked.transfer_scene_report_infos.some(({ info_type }) => info_type === type)))
        throw paramError("转账场景报备信息有误");
      if (asked.transfer_amount < LEAST) throw invalid("转账金额低于最低限额0.1元");
      if (asked.transfer_amount >= NAME_FROM && name === undefined)
        throw invalid("转账金额大于等于2000元，须填写收款用户姓名");
      const user = book.one<{ name: string }>("SELECT name FROM users WHERE openid = ?", asked.openid);
      if (!user) throw new PayProblem(400, "PARAM_ERROR", "无效的openid", "268501013");
      const planned = book.plan(`transfer:${asked.openid}`, "transfer:default");
      const outcome = transferOutcome.parse(planned ?? "wait");
      if (outcome === "not-enough") throw new PayProblem(403, "NOT_ENOUGH", "资金不足，请充值后重新发起", "268500000");
      const real = book.setting(`real-name:${asked.openid}`);
      const fails =
        typeof outcome === "object"
          ? outcome.fail
          : name !== undefined && real !== undefined && real !== name
            ? "NAME_NOT_CORRECT"
            : undefined;
      book.run(
        "INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?, 'WAIT_USER_CONFIRM', ?, ?, ?, NULL, ?)",
        asked.out_bill_no,
        `1330${randomBytes(12).toString("hex")}`,
        params,
        asked.transfer_amount,
        asked.openid,
        asked.notify_url ?? null,
        now(),
        now(),
        now() + day,
        randomBytes(30).toString("base64url"),
      );
      if (fails) notifier.transferEnds(asked.out_bill_no, "FAIL", now(), fails);
      return { status: 200, body: answer(known(asked.out_bill_no)) };
    },

    query(no: string): PayAnswer {
      return { status: 200, body: transferJson(known(no), keys.config) };
    },

    cancel(no: string): PayAnswer {
      const row = known(no);
      if (row.state !== "WAIT_USER_CONFIRM") throw invalid("转账单状态不允许撤销");
      notifier.transferEnds(no, "CANCELLED", now());
      return {
        status: 200,
        body: {
          out_bill_no: no,
          transfer_bill_no: row.transfer_bill_no,
          state: "CANCELLED",
          update_time: toIso(now()),
        },
      };
    },
  };
}
