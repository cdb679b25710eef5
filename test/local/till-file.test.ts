import fc from "fast-check";
import { expect, test } from "vitest";
import { routeLabel } from "../../local/http-api.ts";
import { partsOf, sendTillFile } from "../../local/till-file.ts";
import { openWorld } from "../stories/world.ts";

const world = await openWorld();
const header = "门店,终端,小票号,行号,时间,货号,数量,金额,会员卡号,类型";
const fileOf = (lines: readonly string[]) => [header, ...lines, `合计,${lines.length}`, ""].join("\r\n");
const bytesOf = (text: string) =>
  async function* () {
    yield Buffer.from(text);
  };
const partsIn = async (text: string, most: number) => {
  const parts: { csv: string; rows: number[] }[] = [];
  for await (const part of partsOf(bytesOf(text)(), { layout: "till", most })) parts.push(part);
  return parts;
};
const linesOf = (csv: string) => csv.trimEnd().split("\n").slice(1, -1);

test("whatever its receipts are, a file's parts hold each line once and in order, and no receipt is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 1_200 }),
      async (receipts, most) => {
        const lines = receipts.flatMap((count, n) =>
          Array.from({ length: count }, (_, i) => `S01,T1,${n},${i + 1},2026-11-22 20:05,"SC,""${n}""",1,9.90,,销售`),
        );
        const parts = await partsIn(fileOf(lines), most);
        expect(parts.flatMap(({ csv }) => linesOf(csv))).toEqual(lines);
        expect(parts.flatMap(({ rows }) => rows)).toEqual(lines.map((_, i) => i + 2));
        const seen = new Set<string>();
        for (const { csv, rows } of parts) {
          expect(csv.split("\n")[0]).toBe(header);
          expect(csv.trimEnd().split("\n").at(-1)).toBe(`合计,${rows.length}`);
          const numbers = new Set(linesOf(csv).map((line) => line.split(",")[2]!));
          // a part beyond the limit is one receipt
          const own = linesOf(csv).reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
          expect(own <= most || numbers.size === 1).toBe(true);
          for (const number of numbers) {
            expect(seen).not.toContain(number);
            seen.add(number);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a file that was cut off is sent in no part", async () => {
  const lines = Array.from({ length: 9 }, (_, i) => `S01,T1,${i},1,2026-11-22 20:05,SC-1,1,9.90,,销售`);
  const whole = fileOf(lines);
  for (const cut of [
    whole.replace(/合计,9\s*$/, ""),
    whole.replace("合计,9", "合计,8"),
    fileOf(lines.slice(0, 8)).replace(",8", ",9"),
  ])
    await expect(partsIn(cut, 200)).rejects.toThrow("最后一行应为");
});

test("a large file comes in by parts, again where the API failed, and a row that is refused is named as the file has it", async () => {
  const [storeId = ""] = world.stores;
  const files = `/ops/v1/stores/${storeId}/pos-files`;
  const admin = await world.staff("cashier", ["store_manager"], [storeId]);
  const line = (receipt: number, article = world.articleId) =>
    `${storeId},T1,${receipt},1,2026-11-22 20:05,${article},1,9.90,,销售`;
  const signedIn = await world.platform.cognito.signIn("cashier", "cashier-Passw0rd!");
  const waited: number[] = [];
  const send = (text: string, done: number[] = []) =>
    sendTillFile(bytesOf(text), {
      ...{ url: world.platform.url, token: signedIn!.access_token, storeId, layout: "till", cutHour: 4, most: 400 },
      wait: async (ms) => waited.push(ms),
      progress: ({ rows }) => done.push(rows.length),
    });
  const lines = [...Array.from({ length: 11 }, (_, i) => line(i)), line(11, "NO-9")];
  const fault = world.platform.gateway.fault({
    match: { service: "dynamodb", label: routeLabel("POST", files) },
    kind: "refused",
  });
  const sent = await send(fileOf(lines));
  fault.remove();
  expect(sent).toMatchObject({ lines: 12, added: 11, already: 0, skipped: { unknown_article: 1 } });
  expect(sent.parts).toBeGreaterThan(2);
  expect(waited.length).toBeGreaterThan(0);
  const listed = (await world.made(admin.get(files))).items;
  expect(listed.reduce((sum: number, one: { added: number }) => sum + one.added, 0)).toBe(11);
  expect(await send(fileOf(lines))).toMatchObject({ added: 0, already: 11 });

  const done: number[] = [];
  const wrong = [...Array.from({ length: 11 }, (_, i) => line(100 + i)), line(111).replace(",1,9.90", ",many,9.90")];
  await expect(send(fileOf(wrong), done)).rejects.toThrow(/422 CSV_INVALID .*\n第13行 数量/);
  expect(done.length).toBe(sent.parts - 1);
  await expect(
    sendTillFile(bytesOf(fileOf(lines)), {
      ...{ url: world.platform.url, token: "nobody", storeId, layout: "till", cutHour: 4 },
      wait: async () => {},
    }),
  ).rejects.toThrow("401");
});
