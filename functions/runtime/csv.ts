/**
 * Rows as CSV after RFC 4180: CRLF, quotes where a cell needs them; led by a byte order mark, by which spreadsheets know
 * UTF-8. Text that a spreadsheet would run as a formula is led by an apostrophe; numbers stay numbers.
 */
export function csvOf(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `\ufeff${[header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
}
