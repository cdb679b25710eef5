import type { Facts, Row } from "../../local/recount/facts.ts";
import type { Invariant } from "../../local/recount/tally.ts";

// Rows are bent on purpose: their types would stand in the way.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Any = any;
type Is = (row: Any) => boolean;

/** A fact that somebody got wrong, and the name under which a recount must tell it. */
export interface Corruption {
  what: string;
  invariant: Invariant;
  corrupt(facts: Facts): void;
}

const all = (facts: Facts, entity: string): Any[] => facts.rows.get(entity) as Any[];
function one(facts: Facts, entity: string, is: Is = () => true): Any {
  const found = (facts.rows.get(entity) ?? []).find(is);
  if (!found) throw new Error(`the small chain has no such ${entity}`);
  return found;
}
function drop(facts: Facts, entity: string, is: Is): void {
  const gone = one(facts, entity, is);
  facts.rows.set(
    entity,
    (facts.rows.get(entity) as Row[]).filter((row) => row !== gone),
  );
}
/** A row once more, changed. */
const again = (facts: Facts, entity: string, is: Is, change: Record<string, unknown> = {}) =>
  all(facts, entity).push({ ...structuredClone(one(facts, entity, is)), ...change });
const line =
  (kind: string): Is =>
  (row) =>
    row.kind === kind;
const refund =
  (cause: string): Is =>
  (row) =>
    row.cause === cause;
const cart: Is = (row) => row.teamId === undefined && row.disposition === "SEATED" && row.stage === "HANDED_OVER";
const seated: Is = (row) => row.teamId !== undefined && row.disposition === "SEATED" && row.seat === "PAID";
const batch: Is = (row) => row.terms.batch !== undefined;
const filled: Is = (row) => row.outcome === "natural" && row.terms.batch === undefined;
const another = (facts: Facts, entity: string, name: string, than: unknown): Any =>
  one(facts, entity, (row) => row[name] !== than)[name];
const told =
  (type: string): Is =>
  (row) =>
    row.type === type;
const bend =
  (entity: string, is: Is, change: (row: Any, facts: Facts) => void) =>
  (facts: Facts): void =>
    change(one(facts, entity, is), facts);

export const corruptions: Corruption[] = [
  {
    what: "a ledger line moves half a fen",
    invariant: "M1",
    corrupt: bend("Transfer", line("payment"), (row) => {
      row.amountFen += 0.5;
    }),
  },
  {
    what: "a ledger line is there twice",
    invariant: "M1",
    corrupt: (facts) => again(facts, "Transfer", line("refund")),
  },
  {
    what: "a refund is credited to the order",
    invariant: "M1",
    corrupt: bend("Transfer", line("refund"), (row) => {
      [row.debit, row.credit] = [row.credit, row.debit];
    }),
  },
  {
    what: "a line is slipped into a day that was closed before it happened",
    invariant: "M1",
    corrupt: bend("Transfer", line("payment"), (row, facts) => {
      row.bookedOn = one(facts, "LedgerCursor").since;
      row.at += 3 * 86_400_000;
    }),
  },
  {
    what: "a closed day's books have a fen more",
    invariant: "M1",
    corrupt: bend(
      "DayBook",
      (row) => row.lines > 0,
      (row) => {
        row.amountFen += 1;
      },
    ),
  },
  {
    what: "a store's day lacks a line",
    invariant: "M1",
    corrupt: bend(
      "StoreDay",
      () => true,
      (row) => {
        row.bookings = {};
      },
    ),
  },
  {
    what: "an account's balance is off by a fen",
    invariant: "M1",
    corrupt: bend(
      "LedgerAccount",
      (row) => row.account === "channel:wechat",
      (row) => {
        row.balanceFen -= 1;
      },
    ),
  },
  {
    what: "an order costs a fen less than its lines",
    invariant: "M2",
    corrupt: bend("Order", cart, (row) => {
      row.lines[0].amountFen += 1;
    }),
  },
  {
    what: "a delivery fee is not the sum of its parts",
    invariant: "M2",
    corrupt: bend(
      "Order",
      (row) => row.delivery !== undefined,
      (row) => {
        row.delivery.fees[0].amountFen += 100;
      },
    ),
  },
  {
    what: "an order forgets that money went back",
    invariant: "M2",
    corrupt: bend(
      "Order",
      (row) => row.refundedFen > 0,
      (row) => {
        row.refundedFen = undefined;
      },
    ),
  },
  {
    what: "a payment that went back in full is still a payment",
    invariant: "M2",
    corrupt: bend(
      "Order",
      (row) => row.paymentState === "REFUNDED",
      (row) => {
        row.paymentState = "SUCCESS";
      },
    ),
  },
  {
    what: "a coupon takes off more than it is worth",
    invariant: "M2",
    corrupt: bend(
      "Order",
      (row) => row.coupon && row.disposition === "SEATED",
      (row) => {
        row.discounts[0].faceFen = row.discounts[0].amountFen - 1;
      },
    ),
  },
  {
    what: "a coupon that was used is borne by nobody",
    invariant: "M2",
    corrupt: (facts) => drop(facts, "Transfer", line("coupon")),
  },
  {
    what: "a coupon is borne by somebody else",
    invariant: "M2",
    corrupt: bend(
      "Order",
      (row) => row.coupon !== undefined,
      (row) => {
        row.coupon.funder = "supplier:SP0";
      },
    ),
  },
  {
    what: "an order's account pays a refund that is no refund",
    invariant: "M2",
    corrupt: (facts) =>
      again(facts, "Transfer", line("payment"), { kind: "compensation", party: "platform:compensation" }),
  },
  {
    what: "a payment at the channel is in no ledger",
    invariant: "M3",
    corrupt: (facts) => drop(facts, "Transfer", line("payment")),
  },
  {
    what: "a payment is booked that the channel never had",
    invariant: "M3",
    corrupt: (facts) => {
      const { reference } = one(facts, "Transfer", line("payment"));
      facts.channel.payments = facts.channel.payments.filter(({ paymentNo }) => paymentNo !== reference);
    },
  },
  {
    what: "the channel gave back another amount",
    invariant: "M3",
    corrupt: (facts) => {
      facts.channel.refunds[0]!.refundFen -= 1;
    },
  },
  {
    what: "the channel gave back twice",
    invariant: "M3",
    corrupt: (facts) => {
      facts.channel.refunds.push({ ...facts.channel.refunds[0]!, refundNo: "RF0000000000000000000000000099" });
    },
  },
  {
    what: "a payout went out that is in no ledger",
    invariant: "M3",
    corrupt: (facts) => drop(facts, "Transfer", line("payout")),
  },
  {
    what: "one member of a team paid more for a unit",
    invariant: "M4",
    corrupt: (facts) => {
      const team = one(facts, "Team", filled);
      one(facts, "Order", (o) => o.teamId === team.teamId && o.disposition === "SEATED").lines[0].unitFen += 100;
    },
  },
  {
    what: "a batch froze a price that nobody reached",
    invariant: "M4",
    corrupt: bend(
      "Team",
      (row) => batch(row) && row.frozen,
      (row) => {
        row.frozen.unitFen -= 100;
      },
    ),
  },
  {
    what: "a team has a subsidy that is in no ledger",
    invariant: "M4",
    corrupt: bend("Team", filled, (row) => {
      row.subsidyFen = 500;
    }),
  },
  {
    what: "a seat of a failed team is not refunded",
    invariant: "M5",
    corrupt: (facts) => drop(facts, "Refund", refund("team_failed")),
  },
  {
    what: "a seat of a failed team is refunded twice",
    invariant: "M5",
    corrupt: (facts) => again(facts, "Refund", refund("team_failed"), { refundId: "RF0" }),
  },
  {
    what: "who left gets a fen less",
    invariant: "M5",
    corrupt: bend("Refund", refund("left"), (row) => {
      row.refundFen -= 1;
    }),
  },
  {
    what: "a late payment is kept",
    invariant: "M5",
    corrupt: (facts) => drop(facts, "Refund", refund("orphan")),
  },
  {
    what: "a member of a team that succeeded gets his money as of one that failed",
    invariant: "M5",
    corrupt: (facts) => {
      const team = one(facts, "Team", filled);
      const order = one(facts, "Order", (o) => o.teamId === team.teamId && o.disposition === "SEATED");
      const { orderId, memberId, paymentNo, payableFen } = order;
      again(facts, "Refund", refund("team_failed"), {
        refundId: "RF0",
        orderId,
        memberId,
        paymentNo,
        refundFen: payableFen,
      });
    },
  },
  {
    what: "more goes back than was paid",
    invariant: "M6",
    corrupt: bend("Refund", refund("compensation"), (row) => {
      row.refundFen = row.totalFen + 1;
    }),
  },
  {
    what: "a refund has a number of another attempt",
    invariant: "M6",
    corrupt: bend("Refund", refund("left"), (row) => {
      row.refundNo = `${row.refundId}02`;
    }),
  },
  {
    what: "a used coupon is good again",
    invariant: "M6",
    corrupt: bend(
      "CouponGrant",
      (row) => row.state === "USED",
      (row) => {
        row.state = "GRANTED";
        row.orderId = undefined;
      },
    ),
  },
  {
    what: "a coupon's budget forgets a grant",
    invariant: "M6",
    corrupt: bend(
      "Coupon",
      () => true,
      (row) => {
        row.grantedFen -= 100;
      },
    ),
  },
  {
    what: "a commission is half a per cent more",
    invariant: "M7",
    corrupt: bend(
      "Commission",
      () => true,
      (row) => {
        row.bps += 50;
      },
    ),
  },
  {
    what: "an account has a fen more to pay out",
    invariant: "M7",
    corrupt: bend(
      "CommissionAccount",
      () => true,
      (row) => {
        row.availableFen += 1;
      },
    ),
  },
  {
    what: "a commission is in no ledger",
    invariant: "M7",
    corrupt: (facts) => drop(facts, "Transfer", line("commission")),
  },
  {
    what: "a leader earns on his own order",
    invariant: "M7",
    corrupt: bend(
      "Commission",
      () => true,
      (row, facts) => {
        one(facts, "Order", (o) => o.orderId === row.orderId).memberId = row.memberId;
      },
    ),
  },
  {
    what: "a compensation is borne by nobody",
    invariant: "M8",
    corrupt: (facts) => drop(facts, "Transfer", line("compensation")),
  },
  {
    what: "a customer is compensated twice",
    invariant: "M8",
    corrupt: (facts) => again(facts, "Transfer", line("compensation"), { reference: "RF0" }),
  },
  {
    what: "a unit is on the shelf that never came",
    invariant: "S1",
    corrupt: bend(
      "Stock",
      () => true,
      (row) => {
        row.online += 1;
      },
    ),
  },
  {
    what: "a movement is missing",
    invariant: "S1",
    corrupt: (facts) => drop(facts, "StockMovement", (row) => row.cause.startsWith("order#")),
  },
  {
    what: "an open campaign has a unit too many",
    invariant: "S1",
    corrupt: bend(
      "Allotment",
      (row) => row.state === "OPEN",
      (row) => {
        row.left += 1;
      },
    ),
  },
  {
    what: "an allotment is below zero",
    invariant: "S1",
    corrupt: bend(
      "Allotment",
      () => true,
      (row) => {
        row.left = -1;
      },
    ),
  },
  {
    what: "a campaign's cap forgets a unit",
    invariant: "S1",
    corrupt: bend(
      "TotalCap",
      () => true,
      (row) => {
        row.left -= 1;
      },
    ),
  },
  {
    what: "a place of a slot is taken by nobody",
    invariant: "S1",
    corrupt: bend(
      "SlotCount",
      () => true,
      (row) => {
        row.taken += 1;
      },
    ),
  },
  {
    what: "a team counts a seat that is not there",
    invariant: "S2",
    corrupt: bend("Team", filled, (row) => {
      row.paid += 1;
    }),
  },
  {
    what: "a batch counts units that nobody wants",
    invariant: "S2",
    corrupt: bend("Team", batch, (row) => {
      row.paidUnits += 1;
    }),
  },
  {
    what: "a team succeeded that was not full",
    invariant: "S2",
    corrupt: bend(
      "Team",
      (row) => row.state === "FAILED",
      (row) => {
        row.state = "SUCCEEDED";
        row.outcome = "natural";
      },
    ),
  },
  {
    what: "a seat was paid after the deadline",
    invariant: "S2",
    corrupt: bend("Order", seated, (row, facts) => {
      row.paidAt = one(facts, "Team", (team) => team.teamId === row.teamId).deadline + 1;
    }),
  },
  {
    what: "a member has two live seats in one team",
    invariant: "S2",
    corrupt: (facts) => {
      const team = one(facts, "Team", filled);
      const [a, b] = all(facts, "Order").filter((o) => o.teamId === team.teamId && o.disposition === "SEATED");
      b.memberId = a.memberId;
    },
  },
  {
    what: "a member's part in a campaign forgets a held order",
    invariant: "S2",
    corrupt: bend(
      "Guard",
      (row) => row.liveOrderId !== undefined,
      (row) => {
        row.liveOrderId = "OR0";
      },
    ),
  },
  {
    what: "an order lies at a store it was not sent to",
    invariant: "S3",
    corrupt: bend("Order", cart, (row, facts) => {
      row.storeId = another(facts, "Store", "storeId", row.storeId);
    }),
  },
  {
    what: "an order went to a store beyond its reach",
    invariant: "S3",
    corrupt: bend(
      "Order",
      (row) => row.routed.by === "nearest",
      (row, facts) => {
        one(facts, "Store", (store) => store.storeId === row.storeId).radiusM = 1;
        row.routed.cell = "wtw3sjq";
        one(facts, "Store", (store) => store.storeId === row.storeId).wgs84 = { lat: 31.3, lng: 121.6 };
      },
    ),
  },
  {
    what: "an order is handed over at no time",
    invariant: "S4",
    corrupt: bend("Order", cart, (row) => {
      row.handedOverAt = undefined;
    }),
  },
  {
    what: "an order is refunded whose refund is not done",
    invariant: "S4",
    corrupt: bend("Refund", refund("cancelled"), (row) => {
      row.state = "ACCEPTED";
    }),
  },
  {
    what: "a cancelled order is to be served",
    invariant: "S4",
    corrupt: bend(
      "Order",
      (row) => row.stage === "CANCELLED",
      (row) => {
        row.seat = "PAID";
      },
    ),
  },
  {
    what: "a settled campaign has a team that forms",
    invariant: "S4",
    corrupt: bend(
      "Campaign",
      (row) => row.state === "OPEN",
      (row) => {
        row.state = "SETTLED";
      },
    ),
  },
  {
    what: "two carriers have one order",
    invariant: "S5",
    corrupt: (facts) => {
      const { jobNo } = facts.carriers[0]!;
      for (const [i, carrier] of ["wechat", "dada"].entries())
        facts.carriers.push({
          jobNo: `${jobNo.slice(0, -2)}0${i + 2}`,
          carrier,
          state: "ACCEPTED",
          feeFen: 600,
          deductFen: 0,
        });
    },
  },
  {
    what: "a carrier that brought it is owed nothing",
    invariant: "S5",
    corrupt: (facts) => drop(facts, "Transfer", (row) => row.kind === "delivery" && row.party.startsWith("carrier:")),
  },
  {
    what: "another rider is paid than brought it",
    invariant: "S5",
    corrupt: bend(
      "Transfer",
      (row) => row.kind === "delivery" && row.party.startsWith("rider:"),
      (row) => {
        row.party = "rider:somebody";
        row.credit = row.party;
      },
    ),
  },
  {
    what: "a rider has an order that is over",
    invariant: "S5",
    corrupt: bend(
      "RiderShift",
      () => true,
      (row, facts) => {
        row.orderIds = [one(facts, "Dispatch", (job) => job.riderId !== undefined).orderId];
      },
    ),
  },
  {
    what: "an order is collected and its code is good",
    invariant: "S5",
    corrupt: (facts) => {
      const { orderId } = one(facts, "Order", (row) => row.stage === "HANDED_OVER" && row.delivery === undefined);
      one(facts, "PickupCode", (row) => row.orderId === orderId && row.state === "USED").state = "ISSUED";
    },
  },
  {
    what: "a code was used for an order that lies at the store",
    invariant: "S5",
    corrupt: bend(
      "PickupCode",
      (row) => row.state === "USED",
      (row, facts) => {
        const order = one(facts, "Order", (o) => o.orderId === row.orderId);
        order.stage = "READY";
        order.handedOverAt = undefined;
      },
    ),
  },
  {
    what: "an order was answered that is not there",
    invariant: "E1",
    corrupt: (facts) => {
      for (const order of all(facts, "Order")) order.orderId = `${order.orderId}X`;
    },
  },
  {
    what: "a payment was told of twice",
    invariant: "E3",
    corrupt: (facts) => again(facts, "Outbox", told("order.paid"), { eventId: "EV0" }),
  },
  {
    what: "nobody was told of a hand-over",
    invariant: "E3",
    corrupt: (facts) => drop(facts, "Outbox", told("order.handed_over")),
  },
  {
    what: "nobody was told that a team failed",
    invariant: "E3",
    corrupt: (facts) => drop(facts, "Outbox", told("team.failed")),
  },
  {
    what: "a refund was told of that is not done",
    invariant: "E3",
    corrupt: bend("Refund", refund("left"), (row) => {
      row.state = "ACCEPTED";
    }),
  },
  {
    what: "stock was changed and nobody did it",
    invariant: "A1",
    corrupt: (facts) => drop(facts, "Audit", (row) => row.action === "stock.adjust"),
  },
  {
    what: "an order was made ready and nobody did it",
    invariant: "A1",
    corrupt: (facts) => drop(facts, "Audit", (row) => row.action === "order.make_ready"),
  },
  {
    what: "a member pays with another one's coupon",
    invariant: "A2",
    corrupt: bend(
      "CouponGrant",
      (row) => row.state === "USED",
      (row, facts) => {
        row.memberId = another(facts, "Member", "memberId", row.memberId);
      },
    ),
  },
  {
    what: "a refund goes to another member",
    invariant: "A2",
    corrupt: bend("Refund", refund("left"), (row, facts) => {
      row.memberId = another(facts, "Member", "memberId", row.memberId);
    }),
  },
  {
    what: "a seat is in a team of another campaign",
    invariant: "A2",
    corrupt: bend("Order", seated, (row, facts) => {
      row.campaignId = another(facts, "Campaign", "campaignId", row.campaignId);
    }),
  },
  {
    what: "a member reads of another one's order",
    invariant: "A2",
    corrupt: bend(
      "InboxMessage",
      (row) => row.eventId !== undefined,
      (row, facts) => {
        const event = one(facts, "Outbox", told("order.paid"));
        row.eventId = event.eventId;
        row.memberId = another(facts, "Member", "memberId", event.data.memberId);
      },
    ),
  },
  {
    what: "an order belongs to nobody",
    invariant: "A4",
    corrupt: bend("Order", cart, (row) => {
      row.memberId = "MB0";
    }),
  },
  {
    what: "a refund is of no order",
    invariant: "A4",
    corrupt: bend("Refund", refund("orphan"), (row) => {
      row.orderId = "OR0";
    }),
  },
  {
    what: "an answer is kept for ever",
    invariant: "A4",
    corrupt: bend(
      "Idempotency",
      () => true,
      (row) => {
        row.ttl = undefined;
      },
    ),
  },
  {
    what: "a held order is looked at by nobody",
    invariant: "L1",
    corrupt: (facts) => {
      const { orderId } = one(facts, "Order", (row) => row.seat === "HELD");
      drop(facts, "Due", (row) => row.kind === "hold" && row.id === orderId);
    },
  },
  {
    what: "a team's deadline is looked at by nobody",
    invariant: "L1",
    corrupt: (facts) => drop(facts, "Due", (row) => row.kind === "deadline"),
  },
  {
    what: "a refund waits and nobody asks",
    invariant: "L1",
    corrupt: bend("Refund", refund("cancelled"), (row) => {
      row.state = "REQUESTED";
    }),
  },
];
