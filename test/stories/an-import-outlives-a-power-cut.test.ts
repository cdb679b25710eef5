import { expect, inject, test } from "vitest";
import { startPlatformProcess } from "../platform-process.ts";
import { openWorld } from "./world.ts";

const world = await openWorld({ stores: 1 });
const { ops, made, pass, events } = world;
const { minute } = world.times;

const count = 480;
const file = [
  "货号,名称,分类,单位,售价,成本,鲜活易腐,销售方式",
  ...Array.from({ length: count }, (_, i) => `SC-${i},菜${i},蔬菜,份,12.${String(i % 100).padStart(2, "0")},5,是,按件`),
].join("\r\n");
const progress = (importId: string) => made(ops.get(`/ops/v1/imports/${importId}`));

test("a file accepted before the process is killed is applied to its last row by the next one, each row once", async () => {
  await made(ops.get("/ops/v1/me")); // signed in before the sign-in is gone
  let importId = "";
  await world.restart(async (dataDir, speakTo) => {
    const port = Number(new URL(world.platform.url).port);
    const place = { dataDir, port, startAt: 0, assembly: inject("assembly"), log: () => {} };
    const platform = await startPlatformProcess(place);
    try {
      speakTo(platform.url);
      const planned = await made(ops.upload("/ops/v1/imports/articles?dryRun=false", file));
      expect(planned).toMatchObject({ state: "PLANNED", rows: count, created: count });
      importId = planned.importId;
      while ((await progress(importId)).applied === 0);
    } finally {
      await platform.kill();
    }
  });
  const after = await progress(importId);
  expect(after.applied).toBeGreaterThan(0);
  expect(after.applied % 24).toBe(0);

  await pass(minute);
  await pass(minute);
  expect(await progress(importId)).toMatchObject({ state: "APPLIED", applied: count, notes: [] });
  const all = await world.rows();
  const codes = (all.get("Article") ?? []).map((row) => row.code).filter(Boolean);
  expect(codes.length).toBe(count);
  expect(new Set(codes).size).toBe(count);
  expect(await events("article.created")).toHaveLength(count + 1); // and the world's own
  expect(all.get("ImportChunk") ?? []).toEqual([]);
  expect(await made(ops.upload("/ops/v1/imports/articles?dryRun=false", file))).toMatchObject({
    state: "APPLIED",
    unchanged: count,
  });
});

test("a small file is applied by its event, without waiting for the job", async () => {
  const { importId } = await made(
    ops.upload("/ops/v1/imports/prices?dryRun=false", "商品,售价,成本\r\nSC-0,13.5,5\r\n"),
  );
  await world.platform.idle();
  expect(await progress(importId)).toMatchObject({ state: "APPLIED", changed: 1, applied: 1 });
  const { text } = await ops.get("/ops/v1/exports/prices?heading=en");
  expect(text).toContain("SC-0,菜0,13.50,5.00\r\n");
});
