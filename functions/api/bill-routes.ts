import * as z from "zod";
import { type BillDay, billDay } from "../../shared/bills/index.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { allBillDays } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const work = () => import("../../shared/bills/work.ts");
const finance = { actor: "staff", owns: "none", roles: ["finance", "admin"], scope: "chain" } as const;

const dayView = billDay.extend({ at: isoOutput }).meta({
  id: "BillDay",
  description:
    "What the channel's bills of a day came to against the books, fen. WAITING: not there yet. REFUSED: a file that can't be believed, of which nothing is used. DIFFERENT: each difference is a payment case.",
});
const toDay = (row: BillDay) => ({ ...row, at: toIso(row.at) });

export const billOps: Route[] = [
  route({
    ...finance,
    roles: ["finance", "admin", "executive"],
    method: "get",
    path: "/ops/v1/bills",
    summary: "渠道账单核对",
    description: "Days of the channel's bills, the newest first.",
    query: listQuery,
    ok: listOf(dayView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allBillDays(), "bills", query),
    view: ({ items, nextCursor }) => ({ items: items.map(toDay), nextCursor }),
  }),
  route({
    ...finance,
    method: "post",
    path: "/ops/v1/bills/another-look",
    summary: "重新核对某日账单",
    description:
      "Has a day of the last 90 looked at again within the hour, from the channel's files anew: after a file was refused, or once a difference was put right.",
    idempotent: true,
    status: 204,
    body: z.strictObject({ day: z.iso.date(), reason: typedText(1, 200) }),
    ok: z.undefined(),
    problems: ["BILL_STATE"],
    run: async (deps, { body, actor, once }) =>
      (await work()).lookAgain(deps, { ...body, staffId: actor.staffId, once }),
  }),
];
