import geohash from "ngeohash";
import type { Dispatch } from "../../shared/dispatch/index.ts";
import type { Allotment, Campaign, Team } from "../../shared/groupbuy/index.ts";
import type { DomainEvent } from "../../shared/kernel/event.ts";
import type { Transfer } from "../../shared/ledger/index.ts";
import type { Order } from "../../shared/order/index.ts";
import type { Refund } from "../../shared/payment/index.ts";
import type { Payout } from "../../shared/payout/index.ts";
import type { Store } from "../../shared/store/index.ts";
import type { Facts } from "./facts.ts";
import { rowsOf, type Tally } from "./tally.ts";

interface RiderShift {
  staffId: string;
  orderIds: string[];
  room: number;
}
interface PickupCode {
  codeHash: string;
  orderId: string;
  storeId: string;
  state: "ISSUED" | "USED" | "VOID";
}

export function recountFulfilment(facts: Facts, tally: Tally): void {
  recountRoutes(facts, tally);
  recountStages(facts, tally);
  recountCodes(facts, tally);
  recountDispatch(facts, tally);
}

const EARTH_M = 6_371_000;
function metres(a: { lat: number; lng: number }, b: { lat: number; lng: number }): number {
  const rad = Math.PI / 180;
  const x = (b.lng - a.lng) * rad * Math.cos(((a.lat + b.lat) / 2) * rad);
  return Math.hypot(x, (b.lat - a.lat) * rad) * EARTH_M;
}

/** The last store an order was sent to is its store; no store that was not passed over is far nearer. */
function recountRoutes(facts: Facts, { same, holds }: Tally): void {
  const stores = rowsOf<Store & { createdAt?: number }>(facts, "Store");
  const byId = new Map(stores.map((store) => [store.storeId, store]));
  const sent = new Map<string, DomainEvent[]>();
  for (const event of rowsOf<DomainEvent>(facts, "Outbox"))
    if (["order.placed", "seat.held", "order.rerouted"].includes(event.type)) {
      const orderId = String(event.data.orderId);
      sent.set(orderId, [...(sent.get(orderId) ?? []), event]);
    }
  for (const { orderId, storeId, routed, createdAt } of rowsOf<Order>(facts, "Order")) {
    const told = (sent.get(orderId) ?? []).sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
    if (told.length > 0) same("S3", orderId, storeId, told.at(-1)!.data.storeId);
    for (const [i, event] of told.entries())
      if (event.type === "order.rerouted")
        same("S3", `${orderId} way ${i}`, event.data.fromStoreId, told[i - 1]?.data.storeId);
    holds("S3", orderId, "it was passed over and chosen", !routed.passed.some((one) => one.storeId === storeId));
    const store = byId.get(storeId);
    if (routed.by !== "nearest" || !store || told.length > 1) continue;
    const from = geohash.decode(routed.cell);
    const point = { lat: from.latitude, lng: from.longitude };
    const chosen = metres(point, store.wgs84);
    holds("S3", orderId, `it is ${Math.round(chosen)} m away`, chosen <= store.radiusM + 500);
    const nearer = stores.filter(
      (one) =>
        one.storeId !== storeId &&
        (one.createdAt ?? 0) < createdAt &&
        metres(point, one.wgs84) * 2 + 500 < chosen &&
        !routed.passed.some((passed) => passed.storeId === one.storeId),
    );
    same(
      "S3",
      `${orderId} nearer`,
      nearer.map((one) => one.storeId),
      [],
    );
  }
}

const OF_SEAT: Record<string, readonly (string | undefined)[]> = {
  HELD: [undefined],
  RELEASED: [undefined, "ORPHAN"],
};

function recountStages(facts: Facts, { same, holds }: Tally): void {
  const refunds = new Map(rowsOf<Refund>(facts, "Refund").map((one) => [one.refundId, one]));
  const teams = new Map(rowsOf<Team>(facts, "Team").map((one) => [one.teamId, one]));
  for (const order of rowsOf<Order>(facts, "Order")) {
    const { orderId, seat, stage, disposition, handedOverAt, shipping } = order;
    same("S4", `${orderId} handed over`, stage === "HANDED_OVER", handedOverAt !== undefined);
    holds(
      "S4",
      orderId,
      `seat ${seat} of a payment ${disposition}`,
      (OF_SEAT[seat] ?? ["SEATED"]).includes(disposition),
    );
    same("S4", `${orderId} paid at`, order.paidAt !== undefined, disposition !== undefined);
    holds(
      "S4",
      orderId,
      `shipping ${shipping} at ${stage}`,
      shipping === "NONE" || stage === "HANDED_OVER" || stage === "DISPOSED",
    );
    holds("S4", orderId, `${stage} and ${seat}`, stage === "PLACED" || !["HELD", "RELEASED"].includes(seat));
    if (stage === "CANCELLED") holds("S4", orderId, `cancelled and ${seat}`, seat.startsWith("REFUND"));
    const refund = order.refundId === undefined ? undefined : refunds.get(order.refundId);
    if (seat.startsWith("REFUND")) {
      same("S4", `${orderId} refunded`, seat === "REFUNDED", refund?.state === "SUCCESS");
      same("S4", `${orderId} refunded at`, order.refundedAt !== undefined, seat === "REFUNDED");
    }
    const team = order.teamId === undefined ? undefined : teams.get(order.teamId);
    if (team && stage !== "PLACED" && stage !== "CANCELLED")
      holds("S4", orderId, `${stage} of a team that is ${team.state}`, team.state === "SUCCEEDED");
  }
  for (const { refundId, state, settledAt } of refunds.values())
    same("S4", `${refundId} settled`, settledAt !== undefined, state === "SUCCESS");
  for (const { payoutId, state, settledAt } of rowsOf<Payout>(facts, "Payout"))
    same("S4", `${payoutId} settled`, settledAt !== undefined, state === "PAID" || state === "FAILED");
  const openOf = Map.groupBy(
    rowsOf<Allotment>(facts, "Allotment").filter(({ state }) => state === "OPEN"),
    ({ campaignId }) => campaignId,
  );
  const teamsOf = Map.groupBy(teams.values(), ({ campaignId }) => campaignId);
  for (const { campaignId, state } of rowsOf<Campaign>(facts, "Campaign")) {
    const its = teamsOf.get(campaignId) ?? [];
    if (state === "DRAFT") same("S4", `${campaignId} teams`, its.length, 0);
    if (state !== "SETTLED") continue;
    same(
      "S4",
      `${campaignId} live teams`,
      its.filter((one) => one.state === "FORMING" || one.state === "OPENING").length,
      0,
    );
    same("S4", `${campaignId} open units`, openOf.get(campaignId)?.length ?? 0, 0);
  }
}

/** A code is good for one hand-over, of its own order, at its store. */
function recountCodes(facts: Facts, { same, holds }: Tally): void {
  const orders = new Map(rowsOf<Order>(facts, "Order").map((one) => [one.orderId, one]));
  const codes = rowsOf<PickupCode>(facts, "PickupCode");
  const inForce = Map.groupBy(
    codes.filter(({ state }) => state !== "VOID"),
    ({ orderId }) => orderId,
  );
  for (const [orderId, mine] of inForce) holds("S5", orderId, `it has ${mine.length} codes`, mine.length === 1);
  for (const { codeHash, orderId, storeId, state } of codes) {
    const order = orders.get(orderId);
    if (!order || state === "VOID") continue;
    same("S5", `${orderId} code`, { codeHash, storeId }, { codeHash: order.pickupHash, storeId: order.storeId });
    if (state === "USED") same("S5", `${orderId} used`, order.stage, "HANDED_OVER");
    else
      holds(
        "S5",
        orderId,
        `its code is good and it is ${order.stage}`,
        order.delivery ? order.stage !== "CANCELLED" : !["HANDED_OVER", "CANCELLED"].includes(order.stage),
      );
  }
  for (const { orderId, stage, delivery, pickupHash } of orders.values()) {
    if (stage === "HANDED_OVER" && !delivery)
      same(
        "S5",
        `${orderId} collected`,
        inForce.get(orderId)?.map(({ state }) => state),
        ["USED"],
      );
    if (pickupHash !== undefined)
      same(
        "S5",
        `${orderId} hash`,
        inForce.get(orderId)?.map(({ codeHash }) => codeHash),
        [pickupHash],
      );
  }
}

const LIVE_JOB = ["CREATED", "ACCEPTED", "ARRIVED_STORE", "PICKED_UP", "RIDER_DROPPED", "RETURNING"];
const OVER = ["DELIVERED", "CANCELLED", "RETURNED", "FAILED"];

function recountDispatch(facts: Facts, { same, holds }: Tally): void {
  const orders = new Map(rowsOf<Order>(facts, "Order").map((one) => [one.orderId, one]));
  const dispatches = new Map(rowsOf<Dispatch>(facts, "Dispatch").map((one) => [one.orderId, one]));
  const numberOf = (orderId: string, attempt: number) => `${orderId}${String(attempt).padStart(2, "0")}`;
  const lines = rowsOf<Transfer>(facts, "Transfer");
  const jobs = Map.groupBy(facts.carriers, ({ jobNo }) => jobNo.slice(0, -2));
  for (const [orderId, its] of jobs) {
    const live = its.filter(({ state }) => LIVE_JOB.includes(state));
    const row = dispatches.get(orderId);
    holds("S5", orderId, `${live.length} carriers have it`, live.length <= 1);
    for (const { jobNo, carrier } of live)
      same(
        "S5",
        `${orderId} job`,
        { jobNo: row && numberOf(orderId, row.attempt), carrier: row?.carrier, rider: row?.riderId },
        { jobNo, carrier, rider: undefined },
      );
    for (const { jobNo, carrier, state, feeFen, deductFen } of its) {
      const over = !row || jobNo !== numberOf(orderId, row.attempt) || OVER.includes(row.state);
      if (!over) continue;
      const booked = (kind: string) =>
        lines
          .filter((line) => line.subject === orderId && line.kind === kind && line.reference === jobNo)
          .map((line) => [line.party, line.amountFen]);
      const brought = state === "DELIVERED" || state === "RETURNED";
      if (state !== "FAILED")
        same("S5", `${jobNo} cost`, booked("delivery"), brought && feeFen > 0 ? [[`carrier:${carrier}`, feeFen]] : []);
      same(
        "S5",
        `${jobNo} called off`,
        booked("delivery_called_off"),
        state === "CANCELLED" && deductFen > 0 ? [[`carrier:${carrier}`, deductFen]] : [],
      );
    }
  }
  const known = new Set(facts.carriers.map(({ jobNo }) => jobNo));
  for (const line of lines.filter(({ kind }) => kind === "delivery" || kind === "delivery_called_off")) {
    if (line.party?.startsWith("carrier:"))
      holds("S5", line.reference, "a carrier is owed for no job", known.has(line.reference));
    if (line.party?.startsWith("rider:"))
      same(
        "S5",
        `${line.subject} rider`,
        { party: line.party, reference: line.reference },
        {
          party: `rider:${dispatches.get(line.subject)?.riderId}`,
          reference: numberOf(line.subject, dispatches.get(line.subject)?.attempt ?? 0),
        },
      );
  }
  for (const { orderId, state, storeId } of dispatches.values()) {
    const order = orders.get(orderId);
    same("S5", `${orderId} store`, storeId, order?.storeId);
    if (state === "DELIVERED")
      holds("S5", orderId, `delivered, and ${order?.stage}`, order?.stage === "HANDED_OVER" || order?.seat !== "PAID");
    if (state === "PICKED_UP")
      holds(
        "S5",
        orderId,
        `on its way, and ${order?.stage}`,
        order?.stage === "DISPATCHED" || order?.stage === "HANDED_OVER",
      );
  }
  for (const { orderId, stage } of orders.values())
    if (stage === "DISPATCHED")
      holds(
        "S5",
        orderId,
        `dispatched, and its job is ${dispatches.get(orderId)?.state}`,
        ["PICKED_UP", "RETURNING", "FAILED"].includes(dispatches.get(orderId)?.state ?? ""),
      );
  const carried = new Map<string, string>();
  for (const { staffId, orderIds, room } of rowsOf<RiderShift>(facts, "RiderShift")) {
    holds("S5", staffId, `he has ${orderIds.length} of ${room}`, orderIds.length <= room);
    for (const orderId of orderIds) {
      same("S5", `${orderId} riders`, carried.get(orderId), undefined);
      carried.set(orderId, staffId);
      const row = dispatches.get(orderId);
      same("S5", `${orderId} with`, row?.riderId, staffId);
      holds("S5", orderId, `a rider has it and it is ${row?.state}`, row !== undefined && !OVER.includes(row.state));
    }
  }
}
