import * as z from "zod";
import { createStaff, roles, type Staff, updateStaff } from "../../shared/identity/index.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { allStaff, auditOf } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

const staffId = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, "the subject of the sign-in: letters, digits and -")
  .meta({
    description: "Subject (`sub`) of the Cognito user",
    example: "6b1f0c1e-6f0a-4a6e-9d53-2f1f0a7f3c11",
  });
const staffFacts = {
  name: typedText(1, 40).meta({ example: "李店长" }),
  roles: z
    .array(z.enum(roles))
    .min(1)
    .max(roles.length)
    .refine((list) => new Set(list).size === list.length, "each role once")
    .meta({ example: ["store_manager"] }),
  storeIds: z
    .array(idOf("ST"))
    .max(100)
    .refine((list) => new Set(list).size === list.length, "each store once")
    .meta({ description: "Stores that store roles are limited to; chain roles need none" }),
};
const staffView = z
  .object({
    staffId,
    name: z.string(),
    roles: z.array(z.enum(roles)),
    storeIds: z.array(idOf("ST")),
    active: z.boolean(),
  })
  .meta({ id: "StaffMember" });

export const staffOps: Route[] = [
  route({
    method: "get",
    path: "/ops/v1/me",
    summary: "我的员工资料",
    actor: "staff",
    owns: "self",
    roles,
    scope: "chain",
    ok: staffView,
    problems: [],
    run: async (_deps, { actor }): Promise<Staff> => actor.staff,
  }),
  route({
    method: "post",
    path: "/ops/v1/staff",
    summary: "添加员工",
    description: "The person's Cognito user exists already; this gives it roles and stores here.",
    actor: "staff",
    owns: "none",
    roles: ["admin"],
    scope: "chain",
    idempotent: true,
    body: z.strictObject({ staffId, ...staffFacts }),
    status: 201,
    ok: staffView,
    problems: ["STAFF_EXISTS", "STORE_NOT_FOUND"],
    run: (deps, { actor, body, once }) => createStaff(deps, { by: actor.staffId, staff: body, once }),
  }),
  route({
    method: "put",
    path: "/ops/v1/staff/{staffId}",
    summary: "修改员工",
    description: "Holds from the person's next call on. An admin can't deactivate or demote himself.",
    actor: "staff",
    owns: "none",
    roles: ["admin"],
    scope: "chain",
    params: z.strictObject({ staffId }),
    body: z.strictObject({ ...staffFacts, active: z.boolean() }),
    ok: staffView,
    problems: ["STAFF_NOT_FOUND", "STAFF_SELF", "STORE_NOT_FOUND"],
    run: (deps, { actor, params, body }) => updateStaff(deps, { by: actor.staffId, staff: { ...params, ...body } }),
  }),
  route({
    method: "get",
    path: "/ops/v1/staff",
    summary: "员工列表",
    actor: "staff",
    owns: "none",
    roles: ["admin"],
    scope: "chain",
    query: listQuery,
    ok: listOf(staffView),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, allStaff(), "staff", query),
  }),
  route({
    method: "get",
    path: "/ops/v1/audit",
    summary: "操作记录",
    description: "What staff changed on one day (Asia/Shanghai), newest first.",
    actor: "staff",
    owns: "none",
    roles: ["admin", "ops", "finance"],
    scope: "chain",
    query: listQuery.extend({ day: z.iso.date().meta({ example: "2026-11-23" }) }),
    ok: listOf(
      z
        .object({
          auditId: idOf("AU"),
          at: isoOutput,
          staffId: z.string(),
          action: z.string().meta({ example: "store.suspend" }),
          target: z.string().meta({ description: "Id of what was changed" }),
          reason: z.string().optional(),
          change: z.string().optional().meta({ description: "The fields given, as JSON, cut at 2,000 characters" }),
        })
        .meta({ id: "AuditEntry" }),
    ),
    problems: ["CURSOR_INVALID"],
    run: (deps, { query }) => listPage(deps, auditOf(query.day), `audit ${query.day}`, query),
    view: ({ items, nextCursor }) => ({ items: items.map((row) => ({ ...row, at: toIso(row.at) })), nextCursor }),
  }),
];
