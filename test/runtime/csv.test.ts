import { expect, test } from "vitest";
import { csvOf } from "../../functions/runtime/csv.ts";

test("rows are CSV with CRLF and quotes, and no cell of text is run as a formula", () => {
  const rows = [
    ["=HYPERLINK(1)", "+86", "-1", "@x", "\tx"],
    ['say "hi"', "a,b", "two\r\nlines", "", -5],
  ];
  expect(csvOf(["甲", "b", "c", "d", "e"], rows)).toBe(
    `\ufeff甲,b,c,d,e\r\n'=HYPERLINK(1),'+86,'-1,'@x,'\tx\r\n"say ""hi""","a,b","two\r\nlines",,-5\r\n`,
  );
});
