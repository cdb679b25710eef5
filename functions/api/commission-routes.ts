import * as z from "zod";
import {
  accountOf,
  type CommissionAccount,
  type CommissionProgramme,
  commissionLifecycle,
  commissionRule,
  readAccount,
} from "../../shared/commission/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { basisPoints, yuan } from "../../shared/kernel/money.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { bringPayout, type Payout, payoutLifecycle } from "../../shared/payout/index.ts";
import type { Stored } from "../../shared/table/entity.ts";
import { commissionsOf, members, payouts, payoutsOf } from "../../shared/table/keys.ts";
import { writeCsv } from "../runtime/csv.ts";
import type { Deps } from "../runtime/deps.ts";
import { formatQuery, listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { called, month, statementLine, toStatementLine } from "./ledger-routes.ts";
import { listPage } from "./list-page.ts";

const programmes = () => import("../../shared/commission/work.ts");
const payoutWork = () => import("../../shared/payout/work.ts");
const statements = () => import("../../shared/ledger/work.ts");
const own = { actor: "member", owns: "self" } as const;

const payoutView = z
  .object({
    payoutId: z.string(),
    amountFen: z.int(),
    state: z.enum(payoutLifecycle.states).meta({
      description:
        "ACCEPTED: the channel has it and waits for the member, at most 24 hours. FAILED: the money is available again",
    }),
    requestedAt: isoOutput,
    settledAt: isoOutput.optional(),
    trouble: z.string().optional().meta({ description: "The channel's word, where it did not go on" }),
  })
  .meta({ id: "Payout" });
const toPayout = ({ requestedAt, settledAt, ...row }: Payout) => ({
  ...row,
  requestedAt: toIso(requestedAt),
  ...(settledAt !== undefined && { settledAt: toIso(settledAt) }),
});

async function ownPayout(
  { table }: Deps,
  { payoutId, memberId }: { payoutId: string; memberId: string },
): Promise<Stored<Payout>> {
  const payout = await table.load(payouts, { payoutId });
  if (payout?.memberId !== memberId) throw new DomainError("PAYOUT_NOT_FOUND");
  return payout;
}
const payoutPath = z.strictObject({ payoutId: idOf("PT") });

const accountView = z
  .object({
    frozenFen: z.int(),
    availableFen: z.int(),
    pendingFen: z.int(),
    paidFen: z.int(),
    way: z.enum(["transfer", "sharing"]).meta({
      description: "How it is paid out: transfer, as it is asked for; sharing, by itself out of orders that allow it",
    }),
  })
  .meta({ id: "CommissionAccount" });
const toAccount = (account: CommissionAccount) => ({ ...account, way: account.way ?? ("transfer" as const) });

export const commissionShop: Route[] = [
  route({
    ...own,
    method: "get",
    path: "/v1/me/commission",
    summary: "我的佣金",
    description:
      "What the member earned as a leader or KOC, fen: frozen until the after-sale time of the orders is over, available to be paid out, on its way. Available is below zero where more was taken back than is left.",
    ok: accountView,
    problems: [],
    run: (deps, { actor }) => readAccount(deps, actor.memberId),
    view: (account) => toAccount(account),
  }),
  route({
    ...own,
    method: "put",
    path: "/v1/me/commission/way",
    summary: "选择佣金到账方式",
    description:
      "sharing (分账): once an order's after-sale time is over, its commission goes to the member's WeChat account by itself, where the campaign allows it and the channel has settled the order; what could not be shared, and other orders' commissions, stay to be asked for. What is on its way goes on as it began.",
    body: z.strictObject({ way: z.enum(["transfer", "sharing"]) }),
    ok: accountView,
    problems: [],
    run: async (deps, { actor, body }) =>
      (await payoutWork()).chooseWay(deps, { memberId: actor.memberId, way: body.way }),
    view: (account) => toAccount(account),
  }),
  route({
    ...own,
    method: "get",
    path: "/v1/me/commissions",
    summary: "佣金明细",
    description: "Commissions of single orders, the newest first, without saying whose they are.",
    query: listQuery,
    ok: listOf(
      z
        .object({
          rule: commissionRule,
          amountFen: z.int(),
          returnedFen: z.int().meta({ description: "Taken back, as part of the order was refunded" }),
          state: z.enum(commissionLifecycle.states),
          accruedAt: isoOutput,
          releasedAt: isoOutput.optional(),
        })
        .meta({ id: "Commission" }),
    ),
    problems: ["CURSOR_INVALID"],
    run: (deps, { actor, query }) =>
      listPage(deps, commissionsOf(actor.memberId), `commissions ${actor.memberId}`, query),
    view: ({ items, nextCursor }) => ({
      items: items.map(({ accruedAt, releasedAt, ...one }) => ({
        ...one,
        accruedAt: toIso(accruedAt),
        ...(releasedAt !== undefined && { releasedAt: toIso(releasedAt) }),
      })),
      nextCursor,
    }),
  }),
  route({
    ...own,
    method: "get",
    path: "/v1/me/payouts",
    summary: "提现记录",
    query: listQuery,
    ok: listOf(payoutView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { actor, query }) => listPage(deps, payoutsOf(actor.memberId), `payouts ${actor.memberId}`, query),
    view: ({ items, nextCursor }) => ({ items: items.map(toPayout), nextCursor }),
  }),
  route({
    ...own,
    method: "post",
    path: "/v1/me/payouts",
    summary: "佣金提现",
    description:
      "Sets available commission aside for a transfer to the member's WeChat account, 0.1 to 20,000 yuan. From 2,000 yuan on the channel compares the account's real name.",
    idempotent: true,
    status: 201,
    body: z.strictObject({
      amountFen: z.int().min(1).max(10_000_000).meta({ description: "Fen", example: 5_000 }),
      realName: typedText(2, 30).optional().meta({ description: "Needed from 200000 fen on", example: "王芳" }),
    }),
    ok: payoutView,
    problems: ["PAYOUT_AMOUNT", "PAYOUT_NAME"],
    run: async (deps, { actor, body, once }) =>
      (await payoutWork()).requestPayout(deps, { ...body, memberId: actor.memberId, once }),
    view: (payout) => toPayout(payout),
  }),
  route({
    ...own,
    method: "post",
    path: "/v1/me/payouts/{payoutId}/confirmation",
    summary: "确认收款",
    description:
      "Asks the channel for the transfer, or how it stands, always under its one number. `confirmation` is what wx.requestMerchantTransfer takes while the channel waits for the member; absent once it is decided, or where the channel did not answer: ask again.",
    params: payoutPath,
    ok: payoutView
      .extend({
        confirmation: z.object({ mchId: z.string(), appId: z.string(), package: z.string() }).optional(),
      })
      .meta({ id: "PayoutConfirmation" }),
    problems: ["PAYOUT_NOT_FOUND"],
    run: async (deps, { actor, params }) => {
      const key = { ...params, memberId: actor.memberId };
      await ownPayout(deps, key);
      await bringPayout(deps, params.payoutId);
      return ownPayout(deps, key);
    },
    view: (payout, { merchant }) => ({
      ...toPayout(payout),
      ...(payout.packageInfo !== undefined && {
        confirmation: { mchId: merchant.mchid, appId: merchant.appid, package: payout.packageInfo },
      }),
    }),
  }),
];

const keepers = { actor: "staff", owns: "none", roles: ["finance", "admin"], scope: "chain" } as const;
const bps = basisPoints.max(1_500);
const rates = {
  active: z.boolean().meta({ description: "Whether teams that succeed earn commissions" }),
  bps: z.strictObject({
    leader: bps.meta({ description: "Of what a member of a leader's community paid and kept" }),
    koc: bps.meta({ description: "Of what a buyer paid and kept whom a KOC invited" }),
  }),
};
const programmeView = z
  .object({ ...rates, version: z.int().meta({ description: "Send it with a change; 0: never set" }) })
  .meta({ id: "CommissionProgramme" });
const toProgramme = ({ active, bps: rate, version }: Stored<CommissionProgramme>) => ({ active, bps: rate, version });

export const commissionOps: Route[] = [
  route({
    ...keepers,
    roles: ["finance", "admin", "ops", "analyst", "executive"],
    method: "get",
    path: "/ops/v1/commission-programme",
    summary: "佣金规则",
    ok: programmeView,
    problems: [],
    run: async (deps) => (await programmes()).readCommissionProgramme(deps),
    view: (programme) => toProgramme(programme),
  }),
  route({
    ...keepers,
    method: "put",
    path: "/ops/v1/commission-programme",
    summary: "设置佣金规则",
    description:
      "Rates of what a member paid and kept, one level, each at most 15 %. Nothing is earned on one's own order, nor by a team that was completed at the platform's cost.",
    body: z.strictObject({ ...rates, version: z.int().min(0), reason: typedText(1, 200) }),
    ok: programmeView,
    problems: ["VERSION_CONFLICT"],
    run: async (deps, { actor, body: { version, reason, ...programme } }) =>
      (await programmes()).setCommissionProgramme(deps, { programme, version, reason, staffId: actor.staffId }),
    view: (programme) => toProgramme(programme),
  }),
  route({
    ...keepers,
    roles: ["finance", "admin", "executive"],
    method: "get",
    path: "/ops/v1/members/{memberId}/commission-statement",
    summary: "团长佣金对账单",
    description:
      "What a leader or KOC earned, what was taken back and paid out in a month. `closingFen` is what is owed at the end, frozen or not; below zero more was taken back than is left.",
    params: z.strictObject({ memberId: idOf("MB") }),
    query: formatQuery.extend({ month }),
    ok: z
      .object({
        memberId: z.string(),
        month: z.string(),
        final: z.boolean(),
        openingFen: z.int(),
        closingFen: z.int(),
        lines: z.array(statementLine),
      })
      .meta({ id: "CommissionStatement" }),
    problems: ["MEMBER_NOT_FOUND"],
    run: async (deps, { params, query }) => {
      if (!(await deps.table.load(members, params))) throw new DomainError("MEMBER_NOT_FOUND");
      const statement = await (await statements()).accountStatement(deps, {
        account: accountOf(params.memberId),
        month: query.month,
      });
      return { ...statement, ...params };
    },
    view: ({ lines, ...statement }) => ({ ...statement, lines: lines.map(toStatementLine) }),
    csv: async ({ memberId, month: of, openingFen, lines, closingFen }) => ({
      fileName: `commission-${memberId}-${of}.csv`,
      text: await writeCsv(
        [
          ["记账日", "类型", "单据", "应付增减(元)", "应付余额(元)"],
          [of, "期初", "", "", yuan(openingFen)],
          ...lines.map(({ line, dueFen, balanceFen }) => [
            line.bookedOn,
            called[line.kind],
            line.subject,
            yuan(dueFen),
            yuan(balanceFen),
          ]),
          [of, "期末", "", "", yuan(closingFen)],
        ],
        { bom: true },
      ),
    }),
  }),
];
