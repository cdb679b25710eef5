import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  measureUnits,
  type OperationName,
  type OperationUnits,
  operations,
  type ReadRow,
  type WrittenRow,
} from "../bench/units.ts";
import { METER_RULE } from "../local/meter.ts";
import { startPlatform } from "../local/platform.ts";
import { reasons } from "./unit-reasons.ts";

const titles: Record<OperationName, string> = {
  view: "View 看拼团页",
  list: "List 我的订单",
  open: "Open 开团",
  join: "Join 参团",
  pay_leader: "Pay, the leader 团长支付",
  pay: "Pay 支付",
  complete: "Complete 成团",
  pickup_code: "Pickup code 取提货码",
  pickup: "Pickup 核销",
  shipping: "Shipping upload 发货信息录入",
  fail: "Fail 未成团",
  refund: "Refund 退款",
  post: "Post 发帖",
  feed: "Feed 社群动态",
};
const notes: Partial<Record<OperationName, string>> = {
  list: "A page with one order and, while it is paid in a team, that team, whose end says what the order is; each further order takes as much again.",
  pay_leader: "The request for the prepay, and WeChat's notification.",
  pay: "The request for the prepay, and WeChat's notification.",
  post: "A short text; afterwards WeChat's check of it, and its publication. A text of 300 characters and more takes a unit more a KB.",
  feed: "A page of ten posts by two authors, each of them below 1 KB: half a unit a post, a mark and an author. Nothing of what lies before or was removed is read.",
  complete: "What the payment that fills a team takes beyond any other.",
  fail: "Once a team, here with three paid seats.",
  refund: "For each of the three, with what both events lead to; a share of the team's failing comes on top.",
};

interface Aim {
  what: string;
  kind: "read" | "write";
  most: number;
  /** Units of what counts towards it. */
  of(units: Record<OperationName, OperationUnits>): number;
  /** What would have to go where it is missed. */
  instead?: string;
}

const writesOf = (one: OperationUnits): number => one.write + one.consumers.write;

/** What the project set out to reach, with events, ledger, guards and messages included. */
const aims: Aim[] = [
  { what: "view", kind: "read", most: 0.5, of: ({ view }) => view.read },
  { what: "open", kind: "write", most: 20, of: ({ open }) => writesOf(open) },
  { what: "join", kind: "write", most: 18, of: ({ join: seat }) => writesOf(seat) },
  {
    what: "pay, a member",
    kind: "write",
    most: 14,
    of: ({ pay }) => writesOf(pay),
    instead:
      "Only of a first payment, which says that the member is no new customer any more (2) and by whom he came (2, one of them so that his inviter finds him); any later one takes 4 less. Its ledger line is found by the day it was booked on (1), from which each day is closed and held against the channel's bill. The inviter's list would have to go, or to be behind the payment by a scan.",
  },
  {
    what: "pay, the leader",
    kind: "write",
    most: 14,
    of: ({ pay_leader }) => writesOf(pay_leader),
    instead:
      "The leader's payment also starts the team: its due row (2) and its event with its message (3). With these in a row that is written anyway it would be met, but then a lost timer could not be found without reading every team. A leader who has paid before takes 3 less.",
  },
  { what: "complete, a team", kind: "write", most: 4, of: ({ complete }) => complete.write },
  {
    what: "pickup: code, verification, upload",
    kind: "write",
    most: 13,
    of: ({ pickup_code, pickup, shipping }) => writesOf(pickup_code) + writesOf(pickup) + writesOf(shipping),
    instead:
      "Three commits that happen at three moments can't share rows. Met by the verification alone once the order's row is below 1 KB (2 less in each of the three): the sealed code would have to lie with its hash, and the keys not be kept as attributes too. Beyond that the event nobody acts on (code issued: 2), the due rows of the upload and of the money that it releases (4, and with it the certainty that WeChat is told after a crash), the question how it tasted (1), the code's own row (4, by an index on the order, which is behind), the audit (2) or the stored answer (2) would have to go.",
  },
  {
    what: "refund, a member of three",
    kind: "write",
    most: 22,
    of: ({ fail, refund }) => writesOf(refund) + fail.write / 3,
    instead:
      "Of what is above the aim 2 go with an order's row below 1 KB and 2 with the event of the request, on which nobody acts. The rest is one of: the due row of each refund (2, and with it the certainty that each ends), the share of the team's failing (2), or the two messages (2).",
  },
];

/** Measures on a platform of its own; the same sources give the same figures. `assembly` as in `startPlatform`. */
export async function runOperations(options: { assembly?: string } = {}): Promise<OperationUnits[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "commensal-units-"));
  // ten in the morning in Shanghai: every store is open
  const platform = await startPlatform({ ...options, dataDir, startAt: Date.UTC(2026, 10, 23, 2), concurrency: 1 });
  try {
    return await measureUnits(platform);
  } finally {
    await platform.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const number = (units: number): string => String(Math.round(units * 100) / 100);
const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const byText = (a: string[], b: string[]): number => (a.join() < b.join() ? -1 : 1);

function reasonOf(operation: OperationName, { kind, row }: WrittenRow): string {
  const name = `${kind} ${row}`;
  const reason = reasons[operation]?.[name] ?? reasons.any?.[name];
  if (!reason) throw new Error(`${operation} writes "${name}": say why in docs/unit-reasons.ts, or don't write it.`);
  return reason;
}

const written = (operation: OperationName, rows: WrittenRow[], after: WrittenRow[]): string[] =>
  rows.length + after.length === 0
    ? []
    : [
        table(
          ["writes", "row", "by", "how often", "units", "of its index", "why"],
          [rows, after].flatMap((part) =>
            part
              .map((row) => [
                row.alone ? `${row.kind}, alone` : row.kind,
                row.row,
                row.by,
                number(row.count),
                number(row.units),
                number(row.indexUnits),
                reasonOf(operation, row),
              ])
              .sort(byText),
          ),
        ),
      ];

const readRows = (reads: ReadRow[], after: ReadRow[]): string[] =>
  reads.length + after.length === 0
    ? []
    : [
        table(
          ["reads", "by", "how often", "rows", "consistent", "units"],
          [reads, after].flatMap((part) =>
            part
              .map(({ row, by, count, rows, consistent, units }) => [
                row,
                by,
                number(count),
                rows === 0 ? "a query" : String(rows),
                consistent ? "yes" : "no",
                number(units),
              ])
              .sort(byText),
          ),
        ),
      ];

/** The page of what every operation writes and reads, and why. Throws where a row is written for no reason. */
export function unitsPage(measured: OperationUnits[]): string {
  const units = Object.fromEntries(measured.map((one) => [one.operation, one])) as Record<
    OperationName,
    OperationUnits
  >;
  const missed = aims.filter((aim) => aim.of(units) > aim.most);
  for (const { what, instead } of missed)
    if (!instead) throw new Error(`${what} misses its aim: say in docs/write-units.ts what would have to go.`);
  const reached = (aim: Aim) => (aim.of(units) <= aim.most ? "met" : `missed by ${number(aim.of(units) - aim.most)}`);
  return `${[
    "# What an operation consumes",
    "Made by `npm run units` from a run of every operation on the embedded default; a test holds this page against such a run, and the totals at what `bench/unit-budgets.json` says + 5 %.",
    `${METER_RULE} A row is counted for each KB begun. A team is of four, eight stores are in reach and able, everybody buys for the first time, the routes of the block were decided before and the functions have been in use. What the jobs of every minute look through, and the removal of a due row when its time has come (1 unit), belongs to no operation; neither does the directory of stores, which a running function reads anew after half a minute. An order's row is close to 1 KB: where names are long, or nearer stores were passed over, each of its writes counts twice as much as here.`,
    "## The aims",
    "With events, ledger, guards and messages included.",
    table(
      ["aim", "at most", "reached", ""],
      aims.map((aim) => [aim.what, `${aim.most} ${aim.kind} units`, number(aim.of(units)), reached(aim)]),
    ),
    ...missed.map(({ what, instead }) => `**${what}.** ${instead}`),
    "## All of it",
    table(
      ["operation", "read", "write", "read afterwards", "written afterwards"],
      operations.map((name) => {
        const { read, write, consumers } = units[name];
        return [titles[name], ...[read, write, consumers.read, consumers.write].map(number)];
      }),
    ),
    "Afterwards: by the readers of the stream, `Effects` and `Projections`.",
    ...operations.flatMap((name) => {
      const { rows, reads, consumerRows, consumerReads } = units[name];
      return [
        `## ${titles[name]}`,
        ...(notes[name] ? [notes[name]] : []),
        ...written(name, rows, consumerRows),
        ...readRows(reads, consumerReads),
      ];
    }),
  ].join("\n\n")}\n`;
}

if (import.meta.main) {
  const target = join(import.meta.dirname, "units.md");
  writeFileSync(target, unitsPage(await runOperations()));
  process.stdout.write(`wrote ${target}\n`);
}
