import { expect, test } from "vitest";
import { staffOps } from "../../functions/api/staff-routes.ts";
import { storeOps } from "../../functions/api/store-routes.ts";
import { admitStaff } from "../../shared/identity/index.ts";
import { staffMembers } from "../../shared/table/keys.ts";
import { openPlatform } from "./platform.ts";

const { deps, table, env, call, hire, auditOf, events } = await openPlatform([...staffOps, ...storeOps]);
const boss = await hire("boss", ["admin"]);
let keys = 0;
const key = () => `key-number-${keys++}`;
const facts = { name: "李店长", roles: ["store_manager"], storeIds: [] as string[] };

test("the first admin's first call makes it an admin, once, on the record; nobody else becomes one", async () => {
  const settings = { ...deps, firstAdmin: "first-sub" };
  const calls = await Promise.all(Array.from({ length: 5 }, () => admitStaff(settings, { staffId: "first-sub" })));
  for (const row of calls) expect(row).toMatchObject({ roles: ["admin"], active: true });
  expect((await auditOf("first-sub")).map((row) => row.action)).toEqual(["staff.first_admin"]);
  await expect(admitStaff(settings, { staffId: "someone-else" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(admitStaff(deps, { staffId: "first-sub-2" })).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("a first admin who was deactivated does not come back by calling again", async () => {
  const settings = { ...deps, firstAdmin: "gone-sub" };
  await admitStaff(settings, { staffId: "gone-sub" });
  await table.commit([staffMembers.patch({ staffId: "gone-sub" }).set({ active: false })]);
  await expect(admitStaff(settings, { staffId: "gone-sub" })).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("an admin adds a staff member, who can call at once and sees itself; a repeat answers byte for byte", async () => {
  const sent = { staff: boss, key: key(), body: { staffId: "li", ...facts } };
  const added = await call("POST", "/ops/v1/staff", sent);
  expect(added).toMatchObject({ status: 201, body: { staffId: "li", ...facts, active: true } });
  expect((await call("POST", "/ops/v1/staff", sent)).text).toBe(added.text);
  expect(await call("GET", "/ops/v1/me", { staff: "li" })).toMatchObject({ status: 200, body: { staffId: "li" } });
  const again = await call("POST", "/ops/v1/staff", { ...sent, key: key() });
  expect(again).toMatchObject({ status: 409, body: { code: "STAFF_EXISTS" } });
  const rows = await auditOf("li");
  expect(rows).toMatchObject([{ staffId: "boss", action: "staff.create" }]);
  expect(rows[0]?.change).not.toContain("李店长");
});

test("a staff member's stores must exist", async () => {
  const body = { ...facts, staffId: "nowhere", storeIds: [env.ids.next("ST")] };
  const answer = await call("POST", "/ops/v1/staff", { staff: boss, key: key(), body });
  expect(answer).toMatchObject({ status: 404, body: { code: "STORE_NOT_FOUND" } });
});

test("a deactivated staff member is refused at the very next call, and back again once active", async () => {
  await hire("sacked", ["ops"]);
  expect((await call("GET", "/ops/v1/stores", { staff: "sacked" })).status).toBe(200);
  const put = (active: boolean) =>
    call("PUT", "/ops/v1/staff/sacked", { staff: boss, body: { ...facts, roles: ["ops"], active } });
  expect((await put(false)).body).toMatchObject({ active: false });
  expect(await call("GET", "/ops/v1/stores", { staff: "sacked" })).toMatchObject({ status: 403 });
  await put(true);
  expect((await call("GET", "/ops/v1/stores", { staff: "sacked" })).status).toBe(200);
  expect(await auditOf("sacked")).toHaveLength(2);
});

test("only admins keep staff, whatever other roles one has", async () => {
  await hire("curious", ["ops", "finance", "executive"]);
  expect(await call("GET", "/ops/v1/staff", { staff: "curious" })).toMatchObject({ status: 403 });
  const answer = await call("PUT", "/ops/v1/staff/curious", {
    staff: "curious",
    body: { ...facts, roles: ["admin"], active: true },
  });
  expect(answer).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
});

test("an admin can't deactivate or demote himself, but may rename himself", async () => {
  const put = (body: object) => call("PUT", "/ops/v1/staff/boss", { staff: boss, body: { ...facts, ...body } });
  for (const body of [
    { roles: ["admin"], active: false },
    { roles: ["ops"], active: true },
  ])
    expect(await put(body)).toMatchObject({ status: 409, body: { code: "STAFF_SELF" } });
  expect(await put({ name: "王总", roles: ["admin", "ops"], active: true })).toMatchObject({
    status: 200,
    body: { name: "王总" },
  });
});

test("of two admins who deactivate each other at once one stays", async () => {
  for (let round = 0; round < 5; round++) {
    const [a, b] = [await hire(`duel-a${round}`, ["admin"]), await hire(`duel-b${round}`, ["admin"])];
    const strike = (by: string, at: string) =>
      call("PUT", `/ops/v1/staff/${at}`, { staff: by, body: { ...facts, roles: ["ops"], active: false } });
    const answers = await Promise.all([strike(a, b), strike(b, a)]);
    expect(answers.map((r) => r.status).sort()).toEqual([200, 403]);
    const left = await table.loadMany(staffMembers, [{ staffId: a }, { staffId: b }]);
    expect(left.filter((row) => row.active)).toHaveLength(1);
  }
});

test("changing nobody is a 404", async () => {
  const answer = await call("PUT", "/ops/v1/staff/nobody", { staff: boss, body: { ...facts, active: true } });
  expect(answer).toMatchObject({ status: 404, body: { code: "STAFF_NOT_FOUND" } });
});

test("staff page through with a cursor that fits no other list", async () => {
  const seen: string[] = [];
  let cursor = "";
  let kept = "";
  do {
    const { body } = await call("GET", `/ops/v1/staff?limit=3${cursor}`, { staff: boss });
    seen.push(...body.items.map((s: { staffId: string }) => s.staffId));
    cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : "";
    kept ||= body.nextCursor;
  } while (cursor);
  expect(seen).toEqual([...new Set(seen)].sort());
  expect(seen).toContain("boss");
  const elsewhere = await call("GET", `/ops/v1/stores?cursor=${kept}`, { staff: boss });
  expect(elsewhere).toMatchObject({ status: 422, body: { code: "CURSOR_INVALID" } });
});

test("the audit of a day is read by admin, ops and finance, newest first, and by no store", async () => {
  await hire("auditor", ["finance"]);
  await hire("clerk", ["store_staff"]);
  const { status, body } = await call("GET", "/ops/v1/audit?day=2026-11-23&limit=50", { staff: "auditor" });
  expect(status).toBe(200);
  expect(body.items.length).toBeGreaterThan(3);
  expect(body.items[0]).toMatchObject({ at: "2026-11-23T10:00:00+08:00", staffId: expect.any(String) });
  expect((await call("GET", "/ops/v1/audit?day=2026-11-22", { staff: "auditor" })).body.items).toEqual([]);
  expect((await call("GET", "/ops/v1/audit?day=yesterday", { staff: "auditor" })).status).toBe(422);
  expect((await call("GET", "/ops/v1/audit?day=2026-11-23", { staff: "clerk" })).status).toBe(403);
});

test("each change of staff has one event beside its one audit row", async () => {
  const changed = (await events("staff.changed")).filter((e) => e.data.staffId === "sacked");
  expect(changed).toHaveLength(2);
});
