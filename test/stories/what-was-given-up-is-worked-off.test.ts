import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { expect, test } from "vitest";
import { LOCAL_CREDENTIALS } from "../../local/engine.ts";
import { REGION, refOf } from "../../local/template.ts";
import { toUtc } from "../../shared/kernel/time.ts";
import { inbox } from "../../shared/table/keys.ts";
import { openWorld } from "./world.ts";

const world = await openWorld();
const { neighbours, campaign, formedTeam, paidSeat, recount, platform, made } = world;

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
