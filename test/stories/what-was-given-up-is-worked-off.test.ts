import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { expect, test } from "vitest";
import { LOCAL_CREDENTIALS } from "../../local/engine.ts";
import { REGION, refOf } from "../../local/template.ts";
import { toUtc } from "../../shared/kernel/time.ts";
import { inbox } from "../../shared/table/keys.ts";
import { openWorld } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, formedTeam, paidSeat, order, recount, platform, made, ops, rows, local } = world;
const { minute } = world.times;
const opened = platform.clock.now();

test("messages whose events were given up are filed by the redrive of the dead letter, once", async () => {
  const began = platform.clock.now();
  const [li, wang] = await neighbours("李", "王");
  const { campaignId } = await campaign();
  const lead = await formedTeam(li!, campaignId);
  await paidSeat(wang!, lead.teamId);
  await platform.idle();
  const messages = async () => (await made(wang!.get("/v1/inbox"))).items;
  const before = await messages();
  expect(before.length).toBeGreaterThan(0);

  // as if the reader had given these events up
  const db = DynamoDBDocumentClient.from(
    new DynamoDBClient({ endpoint: platform.engine.endpoint, region: REGION, credentials: LOCAL_CREDENTIALS }),
  );
  const [table] = platform.template.byType("AWS::DynamoDB::GlobalTable");
  for (const { eventId } of before) {
    const Key = inbox.key({ memberId: wang!.memberId, eventId });
    await db.send(new DeleteCommand({ TableName: refOf(table!), Key }));
  }
  db.destroy();
  expect(await messages()).toEqual([]);

  const batch = {
    approximateArrivalOfFirstRecord: toUtc(began),
    approximateArrivalOfLastRecord: toUtc(platform.clock.now()),
  };
  const letter = { messageId: "m-1", body: JSON.stringify({ version: "1.0", DDBStreamBatchInfo: batch }) };
  for (let time = 0; time < 2; time++) {
    expect(await platform.functions.invoke("Redrive", { Records: [letter] })).toEqual({ batchItemFailures: [] });
    expect(await messages()).toEqual(before);
  }
  const unreadable = { messageId: "m-2", body: "{}" };
  expect(await platform.functions.invoke("Redrive", { Records: [letter, unreadable] })).toEqual({
    batchItemFailures: [{ itemIdentifier: "m-2" }],
  });
  await platform.idle();
  await recount();
});

test("a redrive of everything does what is left of it, and starts nothing a second time", async () => {
  // the reconciliation has just been: what is left is the redrive's for the next ten minutes
  await world.passTo(Math.max(platform.clock.now(), opened + 10 * minute));
  const began = platform.clock.now();
  const { campaignId } = await campaign({ invitesRequired: 1 });
  const [zhao, qian, sun] = await neighbours("赵", "钱", "孙");
  const lead = await formedTeam(zhao!, campaignId);
  await paidSeat(qian!, lead.teamId);
  const left = await formedTeam(sun!, campaignId);
  await made(sun!.post(`/v1/orders/${left.orderId}/departure`));
  await platform.idle();
  await local("wechat/fault", { match: { op: "shipping" }, kind: "500-before", times: 1 });
  const { code } = await made(zhao!.post(`/v1/orders/${lead.orderId}/pickup-code`));
  await made(ops.post(`/ops/v1/stores/${lead.storeId}/pickups`, { code }));
  await platform.idle();
  const shipped = async () => ((await rows()).get("Order") ?? []).find((o) => o.orderId === lead.orderId)?.shipping;
  const executions = () => platform.machines.executions().map(({ name }) => name);
  expect(await shipped()).toBe("NONE");
  const before = executions();

  for (let time = 0; time < 2; time++) {
    const done = await platform.functions.invoke("Redrive", { from: toUtc(began) });
    expect(done).toMatchObject({ failed: 0 });
    expect((done as { read: number }).read).toBeGreaterThan(8);
    await platform.idle();
    expect(await shipped()).toBe("SENT");
    expect(executions()).toEqual(before);
  }
  expect(before).toEqual(expect.arrayContaining([lead.teamId, left.teamId]));
  expect(((await rows()).get("Due") ?? []).filter((due) => due.kind === "shipping")).toEqual([]);
  await world.pass(2 * minute); // refunds are looked at after a minute
  expect((await order(sun!, left.orderId)).refunds).toMatchObject([{ state: "SUCCESS" }]);
  await recount();
});
