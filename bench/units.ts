import { readFileSync } from "node:fs";
import * as z from "zod";
import { createMoves, type Seat } from "../local/demo/group-buy.ts";
import { createClient, type Member } from "../local/demo/http-client.ts";
import { hireClerk } from "../local/demo/seed.ts";
import type { Platform } from "../local/platform.ts";
import { hour, minute } from "../shared/kernel/time.ts";
import { type RowRead, type RowWrite, watchRows } from "./rows.ts";

export const operations = [
  "view",
  "list",
  "open",
  "join",
  "pay_leader",
  "pay",
  "complete",
  "pickup_code",
  "pickup",
  "shipping",
  "fail",
  "refund",
  "post",
  "feed",
] as const;
export type OperationName = (typeof operations)[number];

/** Rows of one kind, written or read in one way by one function: how often each time, and the units they took. */
export type WrittenRow = Omit<RowWrite, "bytes"> & {
  count: number;
  /** Size of the largest of them as DynamoDB counts it: names and values. */
  bytes: number;
};
export type ReadRow = RowRead & { count: number };

/** What one operation consumes, DynamoDB units as the meter counts them (METER_RULE in local/meter.ts). */
export interface OperationUnits {
  operation: OperationName;
  /** By what answers the caller: the request's function, WeChat's notification, the task of the state machine. */
  read: number;
  write: number;
  /** By what is told of it afterwards: the readers of the stream. */
  consumers: { read: number; write: number };
  rows: WrittenRow[];
  reads: ReadRow[];
  consumerRows: WrittenRow[];
  consumerReads: ReadRow[];
}

/** The readers of the stream. Jobs that come by with the clock belong to no operation. */
const readers = ["Effects", "Projections"];
const STORES = 8;
const HERE = { lat: 31.2304, lng: 121.4737, datum: "gcj02" } as const;
const where = { place: HERE };
const failsAfterMinutes = 120;
const anything = z.unknown();
const withSeat = z.object({
  orderId: z.string(),
  teamId: z.string(),
  payableFen: z.int(),
  storeId: z.string(),
  seat: z.string(),
});

/**
 * Carries out each operation on a started platform, through its HTTP API, and tells what it consumed, row by row. The platform
 * has been used by nobody before, begins at ten in the morning (Shanghai), or stores are closed, and has one worker a function
 * (`concurrency: 1`), so that what a function keeps in memory is kept by the one that is measured; its clock is some hours on
 * afterwards. The same sources give the same figures. Throws where the platform refuses something, and where the rows that
 * were written don't account for the units that the engine told.
 *
 * Teams of four; eight stores in reach, all of them able; everybody is new; the routes of the block were decided before.
 * `view` is a team's page, `list` a page of the member's one order. `pay` is the request for the prepay and the notification,
 * `pay_leader` the leader's; `complete` is what the payment that fills a team takes beyond any other. `pickup_code` is the
 * member's request, `pickup` the clerk's, `shipping` the upload to WeChat after it. `fail` is the failing of a team at its
 * deadline, `refund` one of its three members' money on its way back, the messages of both with it. `post` is a text in a community,
 * with its check and publication afterwards; `feed` a page of ten posts of two authors.
 */
export async function measureUnits(platform: Platform): Promise<OperationUnits[]> {
  const { username, password } = z
    .object({ username: z.string(), password: z.string() })
    .parse(JSON.parse(readFileSync(platform.cognito.adminFile, "utf8")));
  const client = createClient(platform.url);
  const admin = client.staff(username, password);
  const moves = createMoves(client, admin);
  const watch = watchRows(platform);
  const measured = new Map<OperationName, OperationUnits>();

  /** Acts, waits until nothing is left to do, and keeps what that took: for each name, by the functions that do it. */
  async function measure<T>(
    what: Partial<Record<OperationName, { by: string[]; after?: string[]; times?: number }>>,
    act: () => Promise<T>,
  ): Promise<T> {
    await platform.idle();
    watch.take();
    const result = await act();
    await platform.idle();
    const { writes, reads } = watch.take();
    const part = (functions: string[], times: number) => {
      const mine = <R extends { by: string }>(rows: R[]) => rows.filter(({ by }) => functions.includes(by));
      return account(
        mine(writes),
        mine(reads).filter((read) => !ofDirectory(read)),
        times,
      );
    };
    for (const [name, { by, after = readers, times = 1 }] of Object.entries(what)) {
      const operation = name as OperationName;
      measured.set(operation, operationOf(operation, part(by, times), part(after, times)));
    }
    return result;
  }
  const join = async (member: Member, teamId: string): Promise<Seat> => ({
    ...(await member.post(`/v1/teams/${teamId}/seats`, where, withSeat)),
    member,
  });

  try {
    const { campaignId, longer } = await seed();
    const [early, wang, li, chen, zhao, sun, wu, zheng] = (await Promise.all(
      ["早", "王", "李", "陈", "赵", "孙", "吴", "郑"].map(client.member),
    )) as [Member, Member, Member, Member, Member, Member, Member, Member];
    const collect = async ({ member, orderId, storeId }: Seat, measures: boolean) => {
      await member.get("/v1/me", anything); // signs in again where the token ran out
      const { code } = await measure(measures ? { pickup_code: { by: ["Shop"] } } : {}, () =>
        member.post(`/v1/orders/${orderId}/pickup-code`, undefined, z.object({ code: z.string() })),
      );
      await measure(
        measures ? { pickup: { by: ["Ops"], after: ["Projections"] }, shipping: { by: ["Effects"], after: [] } } : {},
        () => clerk.post(`/ops/v1/stores/${storeId}/pickups`, { code }, anything),
      );
    };

    // whoever comes first also pays for what is looked up once
    await moves.pay(await moves.open(early, longer, where));

    const lead = await measure({ open: { by: ["Shop"] } }, () => moves.open(wang, campaignId, where));
    await measure({ pay_leader: { by: ["Shop", "Hooks"] } }, () => moves.pay(lead));
    const second = await measure({ join: { by: ["Shop"] } }, () => join(li, lead.teamId));
    await measure({ pay: { by: ["Shop", "Hooks"] } }, () => moves.pay(second));
    const third = await join(chen, lead.teamId);
    await moves.pay(third);
    await platform.idle();
    const last = await join(zhao, lead.teamId);
    await measure({ complete: { by: ["Shop", "Hooks"] } }, () => moves.pay(last));
    measured.set("complete", beyond(measured.get("complete")!, measured.get("pay")!));
    await expectState(lead, "SUCCEEDED");
    await measure({ view: { by: ["Shop"] } }, () => moves.team(li, lead.teamId));
    await measure({ list: { by: ["Shop"] } }, () =>
      li.get("/v1/orders", z.object({ items: z.array(anything).length(1) })),
    );

    // so that the timer of the team that succeeded has rung before the one of the team that fails
    await moves.advance((failsAfterMinutes / 2) * minute);
    const failing = await moves.open(sun, campaignId, where);
    await moves.pay(failing);
    await platform.idle();
    const seats = [failing];
    for (const member of [wu, zheng]) {
      const seat = await join(member, failing.teamId);
      await moves.pay(seat);
      await platform.idle();
      seats.push(seat);
    }
    await moves.advance((failsAfterMinutes - 10) * minute);
    const refunded = { by: ["Refund", "Hooks"], times: seats.length };
    await measure({ fail: { by: ["GroupDeadline"], after: [] }, refund: refunded }, async () => {
      // to the deadline and its grace; then the channel, which has accepted the refunds, pays them out and notifies, and the
      // machine looks a minute later
      for (const minutes of [14, ...Array.from({ length: 20 }, () => 0.25)]) {
        await moves.advance(minutes * minute);
        await platform.idle();
      }
    });
    await expectState(failing, "FAILED");
    const refunds = (await Promise.all(seats.map(moves.order))).flatMap((order) => order.refunds);
    if (refunds.length !== seats.length || refunds.some(({ state }) => state !== "SUCCESS"))
      throw new Error(`Each of three should have had a refund: ${JSON.stringify(refunds)}`);

    await moves.advance(6 * hour);
    const clerk = await hireClerk(client, admin, "clerk", second.storeId);
    await collect(second, false);
    await collect(third, true);
    await neighboursPost(second.storeId, [wang, li]);
    return operations.map((operation) => measured.get(operation)!);

    async function neighboursPost(storeId: string, authors: Member[]): Promise<void> {
      const founded = { storeId, name: "淮海坊", kind: "neighbourhood" };
      const { communityId } = await admin.post("/ops/v1/communities", founded, z.object({ communityId: z.string() }));
      for (const member of authors) await member.post(`/v1/communities/${communityId}/membership`, undefined, anything);
      const feed = `/v1/communities/${communityId}/posts`;
      const text = "今天的青菜特别嫩,清炒两分钟就好,孩子吃了一大盘。";
      for (let i = 0; i < 10; i++)
        // the last one: what is looked up once, WeChat's token among it, is known by then
        await measure(i === 9 ? { post: { by: ["Shop"] } } : {}, () =>
          authors[i % authors.length]!.post(feed, { kind: "text", text }, anything),
        );
      const page = z.object({ items: z.array(anything).length(10) });
      await measure({ feed: { by: ["Shop"] } }, () => authors[0]!.get(feed, page));
    }

    async function expectState({ member, teamId }: Seat, state: string): Promise<void> {
      const team = await moves.team(member, teamId);
      if (team.state !== state) throw new Error(`The team should be ${state}: ${JSON.stringify(team)}`);
    }
  } finally {
    watch.stop();
  }

  /** Eight stores with one article in stock, and two campaigns for it; teams of the second live a day. */
  async function seed(): Promise<{ campaignId: string; longer: string }> {
    const storeIds: string[] = [];
    for (let i = 1; i <= STORES; i++) {
      const store = {
        name: `鲜邻优选·${i}号店`,
        address: `上海市黄浦区人民大道${i}号`,
        point: { ...HERE, lng: HERE.lng + i * 0.003 },
        radiusM: 4000,
        hours: [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, opens: 7 * 60, closes: 22 * 60 })),
      };
      storeIds.push((await admin.post("/ops/v1/stores", store, z.object({ storeId: z.string() }))).storeId);
    }
    const article = {
      name: "本地有机蔬菜套装",
      category: "蔬菜",
      unit: "份",
      priceFen: 4980,
      costFen: 2600,
      perishable: true,
      sale: { by: "piece" },
    };
    const { articleId } = await admin.post("/ops/v1/articles", article, z.object({ articleId: z.string() }));
    for (const storeId of storeIds)
      await admin.post(
        `/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`,
        { delta: 100, reason: "早班到货" },
        anything,
      );
    const publish = async (durationMinutes: number) =>
      (
        await moves.publish({
          name: "本地有机蔬菜邻里团",
          articleId,
          durationMinutes,
          allotments: storeIds.map((storeId) => ({ storeId, units: 50 })),
        })
      ).campaignId;
    const [campaignId, longer] = [await publish(failsAfterMinutes), await publish(24 * 60)];
    await platform.idle();
    return { campaignId, longer };
  }
}

/** The stores that a running function keeps for half a minute: it depends on the moment who reads them anew. */
const ofDirectory = ({ row, rows }: RowRead): boolean => row === "gsi1 of STORES" || (row === "Store" && rows > 1);

interface Part {
  rows: WrittenRow[];
  reads: ReadRow[];
}

const account = (writes: RowWrite[], reads: RowRead[], times: number): Part =>
  summed({
    rows: writes.map((write) => ({
      ...write,
      count: 1 / times,
      units: write.units / times,
      indexUnits: write.indexUnits / times,
    })),
    reads: reads.map((read) => ({ ...read, count: 1 / times, units: read.units / times })),
  });

/** Rows of one kind, written or read in one way, as one. */
function summed({ rows, reads }: Part): Part {
  const of = <R extends WrittenRow | ReadRow>(
    all: R[],
    keyOf: (one: R) => unknown[],
    add: (sum: R, one: R) => void,
  ) => {
    const sums = new Map<string, R>();
    for (const one of all) {
      const key = JSON.stringify(keyOf(one));
      const sum = sums.get(key);
      if (sum) {
        sum.count += one.count;
        sum.units += one.units;
        add(sum, one);
      } else sums.set(key, { ...one });
    }
    return [...sums.values()];
  };
  return {
    rows: of(
      rows,
      ({ row, kind, by, alone }) => [row, kind, by, alone],
      (sum, one) => {
        sum.indexUnits += one.indexUnits;
        sum.bytes = Math.max(sum.bytes, one.bytes);
      },
    ),
    reads: of(
      reads,
      ({ row, by, consistent, rows: asked }) => [row, by, consistent, asked],
      () => {},
    ),
  };
}

/** Without the dust of adding thirds. */
const whole = (units: number): number => Math.round(units * 1e6) / 1e6;

function operationOf(operation: OperationName, own: Part, after: Part): OperationUnits {
  const write = ({ rows }: Part) => whole(rows.reduce((sum, { units, indexUnits }) => sum + units + indexUnits, 0));
  const read = ({ reads }: Part) => whole(reads.reduce((sum, { units }) => sum + units, 0));
  return {
    operation,
    read: read(own),
    write: write(own),
    consumers: { read: read(after), write: write(after) },
    ...own,
    consumerRows: after.rows,
    consumerReads: after.reads,
  };
}

const ownPart = ({ rows, reads }: OperationUnits): Part => ({ rows, reads });
const afterPart = ({ consumerRows: rows, consumerReads: reads }: OperationUnits): Part => ({ rows, reads });

/** What `one` consumes more than `other`; of its rows those that `other` has not, or fewer of. */
function beyond(one: OperationUnits, other: OperationUnits): OperationUnits {
  const key = (row: WrittenRow | ReadRow) =>
    JSON.stringify([row.row, row.by, "kind" in row ? row.kind : row.consistent]);
  const less = <R extends WrittenRow | ReadRow>(rows: R[], base: R[]): R[] =>
    rows.flatMap((row) => {
      const same = base.find((each) => key(each) === key(row));
      const units = row.units - (same?.units ?? 0);
      return units === 0 ? [] : [{ ...row, units, count: row.count - (same?.count ?? 0) }];
    });
  const rest = (a: Part, b: Part): Part => ({ rows: less(a.rows, b.rows), reads: less(a.reads, b.reads) });
  return operationOf(one.operation, rest(ownPart(one), ownPart(other)), rest(afterPart(one), afterPart(other)));
}
