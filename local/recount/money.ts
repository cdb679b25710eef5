import type { Commission, CommissionAccount } from "../../shared/commission/index.ts";
import type { Coupon, CouponGrant } from "../../shared/coupon/index.ts";
import type { Team } from "../../shared/groupbuy/index.ts";
import type { DayBook, LedgerAccount, LedgerCursor, StoreDay, Transfer } from "../../shared/ledger/index.ts";
import type { Order } from "../../shared/order/index.ts";
import type { PaymentAttempt, Refund } from "../../shared/payment/index.ts";
import type { Payout, ProfitShare } from "../../shared/payout/index.ts";
import type { Facts } from "./facts.ts";
import { bag, rowsOf, sum, type Tally } from "./tally.ts";

/** Who is debited and credited by each kind of line; `order` and `party` are the line's own. Written apart from the ledger's table. */
const accounts: Record<string, readonly [debit: string, credit: string]> = {
  payment: ["channel:wechat", "order"],
  refund: ["order", "channel:wechat"],
  subsidy: ["platform:subsidy", "order"],
  coupon: ["party", "order"],
  coupon_return: ["order", "party"],
  compensation: ["party", "order"],
  recovery: ["party", "platform:advance"],
  goods: ["platform:goods", "party"],
  commission: ["platform:commission", "party"],
  commission_return: ["party", "platform:commission"],
  payout: ["party", "channel:wechat"],
  delivery: ["platform:delivery", "party"],
  delivery_called_off: ["platform:delivery", "party"],
  fee: ["platform:channel_fee", "channel:wechat"],
  fee_return: ["channel:wechat", "platform:channel_fee"],
};
/** Beneficiaries together have so much of an order at most, basis points. */
const MOST_COMMISSION = 3_000;
/** By so much two of our clocks may differ, ms. */
const SKEW = 5_000;
const shanghaiDay = (ms: number) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 10);
/** `amount` × `bps` / 10,000, rounded half up. */
const rate = (amountFen: number, bps: number) => Math.floor((2 * amountFen * bps + 10_000) / 20_000);
const fenOf = (lines: readonly Transfer[]) => sum(lines, (line) => line.amountFen);

export function recountMoney(facts: Facts, tally: Tally): void {
  const lines = rowsOf<Transfer>(facts, "Transfer");
  recountLines(facts, lines, tally);
  recountBooks(facts, lines, tally);
  recountChannel(facts, lines, tally);
  recountOrders(facts, lines, tally);
  recountRefunds(facts, tally);
  recountCoupons(facts, lines, tally);
  recountCommissions(facts, lines, tally);
}

function recountLines({ now }: Facts, lines: readonly Transfer[], { holds, same }: Tally): void {
  const keys = new Set<string>();
  for (const line of lines) {
    const key = `${line.subject} ${line.kind} ${line.reference}`;
    holds("M1", key, `it is booked twice`, !keys.has(key));
    keys.add(key);
    holds("M1", key, `${line.amountFen} fen`, Number.isSafeInteger(line.amountFen) && line.amountFen > 0);
    const of = (name: string) => (name === "order" ? `order:${line.subject}` : name === "party" ? line.party : name);
    const [debit, credit] = accounts[line.kind] ?? [];
    same(
      "M1",
      key,
      { debit: line.debit, credit: line.credit },
      { debit: debit && of(debit), credit: credit && of(credit) },
    );
    const until = shanghaiDay(now + SKEW);
    holds(
      "M1",
      key,
      `booked on ${line.bookedOn} for what happened on ${shanghaiDay(line.at)}`,
      line.bookedOn >= shanghaiDay(line.at - SKEW) && line.bookedOn <= until,
    );
  }
}

type Sums = Record<string, { lines: number; amountFen: number }>;
const sumsOf = (lines: readonly Transfer[]): Sums =>
  Object.fromEntries(
    [...Map.groupBy(lines, (line) => line.kind)].map(([kind, ofKind]) => [
      kind,
      { lines: ofKind.length, amountFen: fenOf(ofKind) },
    ]),
  );

/** The books of the days that are closed hold the lines that were booked on them, and no others. */
function recountBooks(facts: Facts, lines: readonly Transfer[], { same }: Tally): void {
  const books = rowsOf<DayBook>(facts, "DayBook");
  const closed = new Set(books.map(({ day }) => day));
  const inBooks = lines.filter(({ bookedOn }) => closed.has(bookedOn));
  const [cursor] = rowsOf<LedgerCursor>(facts, "LedgerCursor");
  const days = [...closed].sort();
  same("M1", "books", { since: cursor?.since, until: cursor?.closedUntil }, { since: days[0], until: days.at(-1) });
  for (const { day, bookings, lines: count, amountFen } of books) {
    const mine = inBooks.filter(({ bookedOn }) => bookedOn === day);
    same(
      "M1",
      `books of ${day}`,
      { bookings, lines: count, amountFen },
      { bookings: sumsOf(mine), lines: mine.length, amountFen: fenOf(mine) },
    );
  }
  const ofStores = Map.groupBy(
    inBooks.filter(({ storeId }) => storeId !== undefined),
    (line) => `${line.storeId} ${line.bookedOn}`,
  );
  const told = rowsOf<StoreDay>(facts, "StoreDay");
  for (const { storeId, day, bookings } of told)
    same("M1", `store ${storeId} on ${day}`, bookings, sumsOf(ofStores.get(`${storeId} ${day}`) ?? []));
  same("M1", "stores' days", bag(told.map(({ storeId, day }) => `${storeId} ${day}`)), bag([...ofStores.keys()]));
  const balances = new Map<string, number>();
  for (const { debit, credit, amountFen } of inBooks)
    for (const [name, by] of [
      [debit, amountFen],
      [credit, -amountFen],
    ] as const) {
      const account = name.startsWith("order:") ? "orders" : name;
      balances.set(account, (balances.get(account) ?? 0) + by);
    }
  const stored = rowsOf<LedgerAccount>(facts, "LedgerAccount");
  for (const { account, balanceFen } of stored)
    same("M1", `account ${account}`, balanceFen, balances.get(account) ?? 0);
  same("M1", "accounts", bag(stored.map(({ account }) => account)), bag([...balances.keys()]));
}

/** Our lines are the channel's, in number and amount, in both directions. A payment that is a case waits for staff. */
function recountChannel(facts: Facts, lines: readonly Transfer[], { same }: Tally): void {
  const { channel } = facts;
  const cased = new Set(rowsOf<{ number: string }>(facts, "PaymentCase").map(({ number }) => number));
  const ours = (kind: string) => lines.filter((line) => line.kind === kind);
  const compare = (what: string, told: Map<string, number[]>, known: Map<string, number[]>) => {
    for (const number of new Set([...told.keys(), ...known.keys()]))
      same("M3", `${what} ${number}`, told.get(number) ?? [], known.get(number) ?? []);
  };
  const amounts = <T>(list: readonly T[], number: (one: T) => string, amount: (one: T) => number) =>
    new Map(
      [...Map.groupBy(list, number)].map(([name, some]) => [name, some.map(amount).sort((a, b) => a - b)] as const),
    );
  const payments = ours("payment");
  const booked = new Set(payments.map(({ reference }) => reference));
  const byReference = (line: Transfer) => line.reference.split("#")[0]!;
  const fen = (line: Transfer) => line.amountFen;
  compare(
    "payment",
    amounts(payments, byReference, fen),
    amounts(
      channel.payments.filter(({ paid, paymentNo }) => paid && (!cased.has(paymentNo) || booked.has(paymentNo))),
      ({ paymentNo }) => paymentNo,
      ({ totalFen }) => totalFen,
    ),
  );
  compare(
    "refund",
    amounts(ours("refund"), byReference, fen),
    amounts(
      channel.refunds.filter(({ done }) => done),
      ({ refundNo }) => refundNo,
      ({ refundFen }) => refundFen,
    ),
  );
  compare(
    "payout",
    amounts(ours("payout"), byReference, fen),
    amounts(
      channel.payouts,
      ({ number }) => number,
      ({ amountFen }) => amountFen,
    ),
  );
}

const PARTIAL = ["settled_difference", "short_arrival", "weight_difference", "short_pick"];
/** After these an order's lines no longer say what was sold: nothing of it was served. */
const UNSERVED = ["settled_difference", "short_arrival", "late_arrival"];

function recountOrders(facts: Facts, lines: readonly Transfer[], { same, holds }: Tally): void {
  const paidAtChannel = new Map(
    facts.channel.payments.filter(({ paid }) => paid).map(({ paymentNo, totalFen }) => [paymentNo, totalFen]),
  );
  const refundsOf = Map.groupBy(rowsOf<Refund>(facts, "Refund"), ({ orderId }) => orderId);
  const linesOf = Map.groupBy(lines, ({ subject }) => subject);
  const teams = new Map(rowsOf<Team>(facts, "Team").map((team) => [team.teamId, team]));
  const attempts = Map.groupBy(rowsOf<PaymentAttempt>(facts, "PaymentAttempt"), ({ orderId }) => orderId);
  for (const order of rowsOf<Order>(facts, "Order")) {
    const { orderId, payableFen } = order;
    const mine = linesOf.get(orderId) ?? [];
    const refunds = refundsOf.get(orderId) ?? [];
    const full = refunds.find(({ refundId }) => refundId === order.refundId);
    const discounts = order.discounts ?? [];
    for (const one of discounts)
      holds("M2", orderId, `${one.amountFen} of ${one.faceFen} fen are taken off`, one.amountFen <= one.faceFen);
    if (order.delivery)
      same(
        "M2",
        `${orderId} delivery fee`,
        order.delivery.feeFen,
        sum(order.delivery.fees, (one) => one.amountFen),
      );
    if (!full || !UNSERVED.includes(full.cause)) {
      const cut = sum(
        refunds.filter(({ cause }) => PARTIAL.includes(cause)),
        ({ refundFen }) => refundFen,
      );
      const goods = sum(order.lines, (line) => line.amountFen) - sum(discounts, (one) => one.amountFen);
      same("M2", `${orderId} price`, payableFen, goods + (order.delivery?.feeFen ?? 0) + cut);
    }
    const done = refunds.filter(({ state }) => state === "SUCCESS");
    const inForce = sum(
      done.filter(({ paymentNo }) => paymentNo === order.paymentNo),
      (one) => one.refundFen,
    );
    same("M2", `${orderId} refunded`, order.refundedFen ?? 0, inForce);
    if (order.disposition !== undefined) {
      same("M2", `${orderId} captured`, payableFen, paidAtChannel.get(order.paymentNo));
      const state = inForce === 0 ? "SUCCESS" : inForce === payableFen ? "REFUNDED" : "PARTIALLY_REFUNDED";
      same("M2", `${orderId} payment`, order.paymentState, state);
    } else
      holds(
        "M2",
        orderId,
        `payment ${order.paymentState} of an order that is not paid`,
        !["SUCCESS", "REFUNDED", "PARTIALLY_REFUNDED"].includes(order.paymentState),
      );
    // what its account holds, by the channel's book, the refunds, and who bears what of it
    const numbers = [order.paymentNo, ...(attempts.get(orderId) ?? []).map(({ paymentNo }) => paymentNo)];
    const settled = new Set([
      ...(order.disposition === undefined ? [] : [order.paymentNo]),
      ...(attempts.get(orderId) ?? []).filter((one) => one.disposition !== undefined).map((one) => one.paymentNo),
    ]);
    const captured = sum(
      numbers.filter((number) => settled.has(number)),
      (number) => paidAtChannel.get(number) ?? 0,
    );
    const team = order.teamId === undefined ? undefined : teams.get(order.teamId);
    const uses = order.disposition === "SEATED" && order.seat !== "REFUNDED";
    const sold = order.kit ?? order.lines[0]!;
    const subsidised =
      team?.outcome === "subsidised" &&
      order.disposition === "SEATED" &&
      order.leftAt === undefined &&
      (!team.terms.batch || full === undefined);
    const is =
      captured -
      sum(done, ({ refundFen }) => refundFen) +
      (uses
        ? sum(
            discounts.filter(({ kind }) => kind === "coupon"),
            ({ amountFen }) => amountFen,
          )
        : 0) +
      (subsidised ? (sold.aloneFen - sold.unitFen) * order.units : 0) +
      sum(
        refunds.filter(({ cause }) => cause === "compensation"),
        ({ refundFen }) => refundFen,
      );
    const account = `order:${orderId}`;
    const said = sum(
      mine,
      ({ debit, credit, amountFen }) => (credit === account ? amountFen : 0) - (debit === account ? amountFen : 0),
    );
    same("M2", `${orderId} balance`, said, is);
    holds("M2", orderId, `its account holds ${said} fen`, said >= 0);
  }
  // paid back first
  const first = rowsOf<Refund>(facts, "Refund").filter(({ cause }) => cause === "compensation");
  const borne = lines.filter(({ kind }) => kind === "compensation");
  for (const orderId of new Set([...first.map((one) => one.orderId), ...borne.map(({ subject }) => subject)]))
    same(
      "M8",
      orderId,
      bag(borne.filter(({ subject }) => subject === orderId).map((line) => `${line.reference} ${line.amountFen}`)),
      bag(first.filter((one) => one.orderId === orderId).map((one) => `${one.refundId} ${one.refundFen}`)),
    );
  for (const team of teams.values())
    same(
      "M4",
      `${team.teamId} subsidy`,
      team.subsidyFen ?? 0,
      sum(
        lines.filter((line) => line.kind === "subsidy" && line.reference === team.teamId),
        ({ amountFen }) => amountFen,
      ),
    );
}

/** Who is owed all of a payment gets it once; nobody gets more than was paid. */
function recountRefunds(facts: Facts, { same, holds }: Tally): void {
  const refunds = rowsOf<Refund>(facts, "Refund");
  const orders = rowsOf<Order>(facts, "Order");
  const teams = new Map(rowsOf<Team>(facts, "Team").map((team) => [team.teamId, team]));
  const captured = new Map(
    facts.channel.payments.filter(({ paid }) => paid).map(({ paymentNo, totalFen }) => [paymentNo, totalFen]),
  );
  const payments = [...orders, ...rowsOf<PaymentAttempt>(facts, "PaymentAttempt")];
  for (const [paymentNo, back] of Map.groupBy(refunds, (refund) => refund.paymentNo)) {
    const paid = captured.get(paymentNo) ?? 0;
    const fen = sum(back, ({ refundFen }) => refundFen);
    holds("M6", paymentNo, `${fen} of ${paid} fen go back`, fen <= paid);
    for (const { refundId, totalFen, refundNo, attempt } of back) {
      same("M6", `${refundId} of`, totalFen, paid);
      same("M6", `${refundId} number`, refundNo, `${refundId}${String(attempt).padStart(2, "0")}`);
    }
  }
  const refundsOf = Map.groupBy(refunds, ({ orderId }) => orderId);
  /** Refunds of all of a payment for this cause. */
  const whole = (orderId: string, paymentNo: string, cause: Refund["cause"]) =>
    (refundsOf.get(orderId) ?? []).filter((one) => one.cause === cause && one.paymentNo === paymentNo);
  for (const order of orders) {
    const { orderId, paymentNo, payableFen } = order;
    const team = order.teamId === undefined ? undefined : teams.get(order.teamId);
    const seated = order.disposition === "SEATED";
    const left = seated && order.leftAt !== undefined;
    const failed = seated && !left && team?.state === "FAILED";
    const amounts = (cause: Refund["cause"]) => whole(orderId, paymentNo, cause).map(({ refundFen }) => refundFen);
    // a seat that was refunded in part before its team failed has the rest coming
    const before = sum(
      (refundsOf.get(orderId) ?? []).filter((one) => one.paymentNo === paymentNo && one.cause !== "team_failed"),
      ({ refundFen }) => refundFen,
    );
    same(
      "M5",
      `${orderId} team_failed`,
      amounts("team_failed"),
      failed && before < payableFen ? [payableFen - before] : [],
    );
    same("M5", `${orderId} left`, amounts("left"), left ? [payableFen] : []);
    const cancelled = order.stage === "CANCELLED";
    const parts = sum(
      (refundsOf.get(orderId) ?? []).filter((one) => one.paymentNo === paymentNo && one.cause !== "cancelled"),
      ({ refundFen }) => refundFen,
    );
    same("M5", `${orderId} cancelled`, amounts("cancelled"), cancelled ? [payableFen - parts] : []);
  }
  for (const { orderId, paymentNo, payableFen, disposition } of payments)
    same(
      "M5",
      `${paymentNo} orphan`,
      whole(orderId, paymentNo, "orphan").map(({ refundFen }) => refundFen),
      disposition === "ORPHAN" ? [payableFen] : [],
    );
}

function recountCoupons(facts: Facts, lines: readonly Transfer[], { same, holds }: Tally): void {
  const orders = new Map(rowsOf<Order>(facts, "Order").map((order) => [order.orderId, order]));
  const grants = rowsOf<CouponGrant>(facts, "CouponGrant");
  const byId = new Map(grants.map((grant) => [grant.grantId, grant]));
  const uses = (order: Order) => order.disposition === "SEATED" && order.seat !== "REFUNDED";
  for (const order of orders.values()) {
    if (!order.coupon) continue;
    const grant = byId.get(order.coupon.grantId);
    const needs = uses(order) ? "USED" : order.seat === "HELD" ? "HELD" : undefined;
    if (needs)
      same(
        "M6",
        `${order.coupon.grantId} of ${order.orderId}`,
        { state: grant?.state, orderId: grant?.orderId },
        { state: needs, orderId: order.orderId },
      );
    const by = grant?.terms.funder;
    const funder =
      by?.by === "supplier"
        ? `supplier:${by.supplierId}`
        : by?.by === "store"
          ? `store:${by.storeId}`
          : "platform:coupon";
    same("M2", `${order.orderId} funder`, order.coupon.funder, funder);
    for (const line of lines)
      if (line.subject === order.orderId && (line.kind === "coupon" || line.kind === "coupon_return"))
        same("M2", `${order.orderId} ${line.kind}`, line.party, funder);
  }
  for (const { grantId, state, orderId } of grants) {
    if (state === "GRANTED" || state === "REVOKED")
      same("M6", grantId, { state, orderId }, { state, orderId: undefined });
    else {
      const order = orders.get(orderId ?? "");
      const is = order && order.coupon?.grantId === grantId && (uses(order) ? "USED" : order.seat === "HELD" && "HELD");
      same("M6", grantId, state, is || "GRANTED");
    }
  }
  for (const coupon of rowsOf<Coupon>(facts, "Coupon")) {
    const most = ({ off }: { off: Coupon["off"] }) => (off.by === "amount" ? off.fen : off.mostFen);
    const granted = sum(
      grants.filter(({ couponId, state }) => couponId === coupon.couponId && state !== "REVOKED"),
      ({ terms }) => most(terms),
    );
    same("M6", `${coupon.couponId} granted`, coupon.grantedFen, granted);
    holds("M6", coupon.couponId, `${granted} of ${coupon.budgetFen} fen are granted`, granted <= coupon.budgetFen);
  }
}

function recountCommissions(facts: Facts, lines: readonly Transfer[], { same, holds }: Tally): void {
  const orders = new Map(rowsOf<Order>(facts, "Order").map((order) => [order.orderId, order]));
  const all = rowsOf<Commission>(facts, "Commission");
  const left = (one: Commission) => one.amountFen - one.returnedFen;
  for (const [orderId, some] of Map.groupBy(all, (one) => one.orderId)) {
    const order = orders.get(orderId);
    if (!order) continue; // told of as a reference
    const kept = order.payableFen - (order.refundedFen ?? 0);
    holds(
      "M7",
      orderId,
      `${sum(some, left)} of ${kept} fen are commission`,
      sum(some, left) <= rate(kept, MOST_COMMISSION) + some.length,
    );
    for (const one of some) {
      const where = `${orderId} ${one.memberId}`;
      same("M7", where, left(one), rate(kept, one.bps));
      same("M7", `${where} state`, one.state === "RETURNED", left(one) === 0);
      holds("M7", where, "he earns on his own order", one.memberId !== order.memberId);
      const booked = (kind: string) =>
        fenOf(
          lines.filter(
            (line) => line.subject === orderId && line.kind === kind && line.party === `member:${one.memberId}`,
          ),
        );
      same(
        "M7",
        `${where} ledger`,
        { earned: booked("commission"), returned: booked("commission_return") },
        { earned: one.amountFen, returned: one.returnedFen },
      );
    }
  }
  const earners = new Set(all.map(({ memberId }) => memberId));
  const payouts = rowsOf<Payout>(facts, "Payout");
  const shares = rowsOf<ProfitShare>(facts, "ProfitShare").flatMap(({ receivers }) => receivers);
  const told = rowsOf<CommissionAccount>(facts, "CommissionAccount");
  for (const memberId of earners)
    holds(
      "M7",
      memberId,
      "he earned and has no account",
      told.some((one) => one.memberId === memberId),
    );
  for (const { memberId, frozenFen, availableFen, pendingFen, paidFen } of told) {
    const mine = all.filter((one) => one.memberId === memberId);
    const paid = payouts.filter((one) => one.memberId === memberId);
    const shared = shares.filter((one) => one.memberId === memberId);
    const of = (states: readonly string[], list: readonly { state: string; amountFen: number }[]) =>
      sum(
        list.filter(({ state }) => states.includes(state)),
        ({ amountFen }) => amountFen,
      );
    const name = `member:${memberId}`;
    const owed = sum(
      lines.filter(({ party }) => party === name),
      (line) => (line.credit === name ? line.amountFen : -line.amountFen),
    );
    const is = {
      frozenFen: sum(mine, (one) => (one.state === "FROZEN" ? left(one) : 0)),
      pendingFen: of(["REQUESTED", "UNKNOWN", "ACCEPTED"], paid) + of(["PENDING"], shared),
      paidFen: of(["PAID"], paid) + of(["PAID"], shared),
    };
    const availableIs = sum(mine, left) - is.frozenFen - is.pendingFen - is.paidFen;
    same("M7", name, { frozenFen, pendingFen, paidFen, availableFen }, { ...is, availableFen: availableIs });
    same("M7", `${name} ledger`, frozenFen + availableFen + pendingFen, owed);
  }
}
