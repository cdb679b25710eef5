import fc from "fast-check";
import { expect, test } from "vitest";
import { readCsv, writeCsv } from "../../functions/runtime/csv.ts";
import { DomainError } from "../../shared/kernel/problem.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => readCsv(bytes(text));
const fault = async (of: Uint8Array) => {
  const error = await readCsv(of).catch((thrown: unknown) => thrown);
  if (!(error instanceof DomainError)) throw new Error(`not refused: ${JSON.stringify(error)}`);
  expect(error.code).toBe("CSV_INVALID");
  return error.errors![0]!;
};

test("CRLF, LF, CR and a byte order mark are read alike; empty rows keep their numbers", async () => {
  const expected = {
    header: ["a", "b"],
    rows: [
      { row: 2, cells: ["1", "x"] },
      { row: 4, cells: ["2", ""] },
    ],
  };
  for (const end of ["\n", "\r\n", "\r"]) {
    expect(await read(["a,b", "1,x", ",", "2,", ""].join(end))).toEqual(expected);
    expect(await read(`\uFEFF${["a , b", "1,x", "", "2, ", "", ""].join(end)}`)).toEqual(expected);
  }
});

test("a quoted cell holds commas, quotes and line ends, and stays one row of the spreadsheet", async () => {
  const { rows } = await read('a,b\n"1, ""one""\nand more",x\n2,y\n');
  expect(rows).toEqual([
    { row: 2, cells: ['1, "one"\nand more', "x"] },
    { row: 3, cells: ["2", "y"] },
  ]);
});

test("a quote left open, one in the midst and one followed by text are told with row and column", async () => {
  expect(await fault(bytes('a,b\n1,x\n2,"y\n3,z\n'))).toMatchObject({ row: 3, column: "第2列" });
  expect(await fault(bytes('a,b\n1,x"y\n'))).toMatchObject({ row: 2, column: "第2列" });
  expect(await fault(bytes('a,b\n"1"x,y\n'))).toMatchObject({ row: 2, column: "第1列" });
});

test("GBK, UTF-16 and a file of nothing are told what to do", async () => {
  const gbk = Buffer.concat([bytes("name,price\n"), Buffer.from([0xc7, 0xe0, 0xb2, 0xcb]), bytes(",1.00\n")]);
  expect(await fault(gbk)).toMatchObject({ row: 2, column: "第1列", message: expect.stringMatching(/UTF-8/) });
  expect((await fault(Buffer.from("\uFEFFname,price", "utf16le"))).message).toMatch(/UTF-8/);
  expect((await fault(bytes(""))).message).toMatch(/空/);
  expect((await fault(bytes("\uFEFF\r\n,,\r\n"))).message).toMatch(/空/);
});

test("what is written is read again as it was, and no cell begins as a formula", async () => {
  const cell = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom(
      "=1+1",
      "'=x",
      "''@y",
      "-5",
      "+86",
      "＝SUM(A1)",
      "'plain",
      '"',
      "a,b",
      "two\nlines",
      "a\rb",
      "@me",
      "'",
    ),
  );
  // a cell is trimmed; U+FFFD and NUL are taken for another encoding
  const clean = cell.map((text) => text.replaceAll(/[\uFFFD\0]/g, "").trim());
  const table = fc
    .integer({ min: 1, max: 4 })
    .chain((width) =>
      fc.array(fc.array(clean, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
    );
  await fc.assert(
    fc.asyncProperty(table, fc.boolean(), async ([first = [], ...more], bom) => {
      const records = [["head", ...first.slice(1)], ...more];
      const text = await writeCsv(records, { bom });
      expect(text.startsWith("\uFEFF")).toBe(bom);
      const { header, rows } = await read(text);
      const full = records.map((cells, i) => ({ row: i + 1, cells })).filter(({ cells }) => cells.some(Boolean));
      expect([{ row: 1, cells: header }, ...rows]).toEqual(full);
    }),
  );
  const formulas = await writeCsv([["=1+1", "+1", "-1", "@a", "＝1"]], { bom: false });
  expect(formulas).toBe("'=1+1,'+1,'-1,'@a,'＝1\r\n");
});

test("a table for a spreadsheet is led by a byte order mark, quoted where it must be, its numbers left numbers", async () => {
  const rows = [
    ["甲", "b", "c", "d", "e"],
    ["=HYPERLINK(1)", "+86", "-1", "@x", "\tx"],
    ['say "hi"', "a,b", "two\r\nlines", "", -5],
  ];
  expect(await writeCsv(rows, { bom: true })).toBe(
    `\ufeff甲,b,c,d,e\r\n'=HYPERLINK(1),'+86,'-1,'@x,'\tx\r\n"say ""hi""","a,b","two\r\nlines",,-5\r\n`,
  );
});
