import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import { providerNumber } from "../kernel/ids.ts";
import { invariant } from "../kernel/invariant.ts";
import { minute } from "../kernel/time.ts";
import type { Vault } from "../kernel/vault.ts";
import { nameOf, type Order, openRecipient, weightOf } from "../order/index.ts";
import { decide, Stale, type Stored, type Table } from "../table/entity.ts";
import { dispatches, orders, outbox, tracks, transfers } from "../table/keys.ts";
import { withoutJob } from "./by-hand.ts";
import { deliveryBooked } from "./dispatch-writes.ts";
import { dispatchLifecycle } from "./lifecycle.ts";
import type { Dispatch } from "./model.ts";
import type { Carrier, CarrierJob, CarrierNews, CarrierQuote } from "./ports.ts";
import { fitsOnRound, roundsOf } from "./rounds.ts";
import { dispatchClocks, eventOf, hasGoods, LATE_MINUTE_FEN, TIP_FEN } from "./rules.ts";
import { ABSENT, riderText, takeNews } from "./take-news.ts";

type Deps = { table: Table; env: Env; vault: Pick<Vault, "open">; carriers: readonly Carrier[] };

/** done: there is nothing more to do for it. again: look once more at `at`, epoch ms. */
export interface DeliveryStep {
  outcome: "done" | "again";
  at: number;
}
const done = (at: number): DeliveryStep => ({ outcome: "done", at });
const again = (at: number): DeliveryStep => ({ outcome: "again", at });

/**
 * Watches that an order which is to be brought is packed by the time its slot begins: staff are told once when it is not. Ends when it
 * is packed, cancelled, or a day late.
 */
export async function watchPreparation({ table, env }: Pick<Deps, "table" | "env">, orderId: string) {
  const now = env.clock.now();
  const order = await table.load(orders, { orderId });
  if (!order?.delivery || order.stage !== "PLACED" || order.seat !== "PAID") return done(now);
  const { from, until, unpreparedAt } = order.delivery;
  if (now < from) return again(from);
  if (unpreparedAt === undefined)
    await ifAsRead(
      table.commit([
        orders
          .patch(order)
          .asRead(order)
          .set({ delivery: { ...order.delivery, unpreparedAt: now } }),
        outbox.create(
          makeEvent(env, {
            type: "delivery.unprepared",
            actor: { kind: "system" },
            origin: order.origin,
            data: { orderId, storeId: order.storeId, from, until },
          }),
        ),
      ]),
    );
  return now > until + 24 * 60 * minute ? done(now) : again(now + 10 * minute);
}

/**
 * The next step of bringing a packed order to its member, whatever it is: left to our own people for three minutes, then given to the
 * carrier that offers best, taken from one that finds no rider, asked after where an answer or a callback was lost, called off where the
 * order is not brought any more. What is asked of a carrier is written down before it is asked, so that the order has one live job
 * whenever the process dies. May be called again at any time, by anybody; who is `patient` leaves our own people their time without asking
 * whether it fits on a round of theirs.
 */
export async function carryDelivery(
  deps: Deps,
  orderId: string,
  how: { patient?: boolean } = {},
): Promise<DeliveryStep> {
  const { table, env } = deps;
  const now = env.clock.now();
  const [found, order] = await Promise.all([table.load(dispatches, { orderId }), table.load(orders, { orderId })]);
  const row = found?.unsure ? await lookForUnsure(deps, found) : found;
  if (row?.unsure && isOver(row.state)) return again(now + dispatchClocks.look);
  if (!row || isOver(row.state)) return done(now);
  invariant(order, `dispatch ${orderId} has its order`);
  const wanted = order.seat === "PAID" && order.stage !== "CANCELLED" && order.stage !== "HANDED_OVER";
  if (!wanted && !hasGoods(row.state)) return callOff(deps, row, "order");
  if (row.state !== "WAITING") return row.carrier === undefined ? watchRider(deps, row) : follow(deps, row);
  if (now < row.offerFrom) return again(row.offerFrom);
  if (now < row.offerUntil && (how.patient || (await mayBeOurs(deps, row)))) return again(row.offerUntil);
  return race(deps, row, order);
}

const isOver = (state: Dispatch["state"]) => ["DELIVERED", "CANCELLED", "RETURNED", "FAILED"].includes(state);

/**
 * Looks for jobs that their carrier did not know when it was asked, and ends those that have turned up: the order has another one. Of one
 * whose rider has come before that staff are told. Answers the row as it is then.
 */
async function lookForUnsure(deps: Deps, row: Stored<Dispatch>): Promise<Stored<Dispatch> | undefined> {
  const { table, env, carriers } = deps;
  const now = env.clock.now();
  const left: NonNullable<Dispatch["unsure"]> = [];
  for (const one of row.unsure ?? []) {
    const jobNo = providerNumber(row.orderId, one.attempt);
    const of = { ...row, attempt: one.attempt };
    const carrier = carriers.find(({ name }) => name === one.carrier);
    const asked = await carrier?.query(jobNo, row.storeId);
    // one that does not know the job may say no more than no; one that does not answer is asked again
    const no = asked === undefined || asked.kind === "absent" || asked.kind === "refused";
    let settled = no && now >= one.at + dispatchClocks.unsure;
    if (carrier && asked?.kind === "job") {
      const { state, feeFen = 0 } = asked.news;
      if (state === "CANCELLED" || state === "FAILED") {
        await bookCalledOff(deps, of, carrier, feeFen);
        settled = true;
      } else if (state === "DELIVERED" || state === "RETURNED") {
        const line = deliveryBooked(env, of, { party: `carrier:${one.carrier}`, amountFen: feeFen, at: now });
        if (line.length > 0) await ifAsRead(table.commit(line));
        await attention(deps, row, "two_jobs");
        settled = true;
      } else if (state === "PICKED_UP" || state === "RETURNING") await attention(deps, row, "two_jobs");
      else {
        const answer = await carrier.cancel(jobNo, "other", row.storeId);
        if (answer.kind === "cancelled") await bookCalledOff(deps, of, carrier, answer.deductFen);
        settled = answer.kind === "cancelled";
      }
    }
    if (!settled) left.push(one);
  }
  if (left.length < (row.unsure ?? []).length)
    await ifAsRead(
      decide(async () => {
        const current = await table.load(dispatches, row);
        if (!current) return;
        const gone = (row.unsure ?? []).filter((one) => !left.includes(one)).map(({ attempt }) => attempt);
        const unsure = (current.unsure ?? []).filter(({ attempt }) => !gone.includes(attempt));
        await table.commit([
          dispatches
            .patch(current)
            .asRead(current)
            .set({ unsure: unsure.length > 0 ? unsure : undefined }),
        ]);
      }),
    );
  return table.load(dispatches, row);
}

/** Whether one of our people may still take it: somebody at the counter, or a rider on whose round it fits. */
async function mayBeOurs({ table, env }: Deps, row: Dispatch): Promise<boolean> {
  const rounds = await roundsOf({ table }, row.storeId);
  return rounds.length === 0 || rounds.some((round) => fitsOnRound(round, row, env.clock.now()));
}

/** A rider of ours has it: he tells by himself; staff are told where the promise is over. */
async function watchRider(deps: Deps, row: Stored<Dispatch>): Promise<DeliveryStep> {
  const now = deps.env.clock.now();
  if (now > row.promisedUntil) await attention(deps, row, "late");
  return again(now + dispatchClocks.look);
}

/** Quotes of all carriers at once; the best one gets the job, under the number of this attempt. */
async function race(deps: Deps, row: Stored<Dispatch>, order: Stored<Order>): Promise<DeliveryStep> {
  const { table, env, carriers } = deps;
  const { orderId, attempt, declined = [], promisedUntil } = row;
  const recipient = await openRecipient(deps, order);
  const job: CarrierJob | undefined = recipient && {
    jobNo: providerNumber(orderId, attempt),
    orderId,
    storeId: row.storeId,
    recipient: { ...recipient, point: { ...recipient.wgs84, datum: "wgs84" } },
    goods: {
      name: nameOf(order).slice(0, 40),
      grams: weightOf(order.lines),
      valueFen: order.payableFen - (order.delivery?.feeFen ?? 0),
    },
    ...(attempt - (row.firstAttempt ?? 1) >= 2 && { tipFen: TIP_FEN }),
    promisedUntil,
  };
  const usual = env.clock.now() + dispatchClocks.usual;
  const fresh = carriers.filter(({ name }) => !declined.includes(name));
  const offer =
    job &&
    ((await bestOf(fresh, job, usual)) ??
      (await bestOf(
        carriers.filter((carrier) => !fresh.includes(carrier)),
        job,
        usual,
      )));
  const now = env.clock.now();
  if (!job || !offer) {
    if (now - row.offerFrom > dispatchClocks.attention) await attention(deps, row, "nobody");
    return again(now + dispatchClocks.again);
  }
  const { carrier, quote } = offer;
  const { name } = carrier;
  const ours = await ifAsRead(
    table.commit([
      dispatches
        .patch(row)
        .asRead(row)
        .move("state", dispatchLifecycle, "asked")
        .set({ carrier: name, askedAt: now, feeFen: quote.feeFen, heardAt: Math.max(row.heardAt, now) }),
      tracks.create({
        orderId,
        at: now,
        id: `${job.jobNo}#asked`,
        state: "ASKED",
        attempt,
        actor: { kind: "system", id: name },
      }),
    ]),
  );
  // a rider of ours, or another step, was first
  if (!ours) return again(now);
  const made = await carrier.create(job, quote);
  const news = { jobNo: job.jobNo, carrier: name, at: env.clock.now() };
  if (made.kind === "unknown") return again(now + dispatchClocks.unknown);
  if (made.kind === "created") await takeNews(deps, { ...news, state: "CREATED", raw: "created", feeFen: made.feeFen });
  else
    await takeNews(deps, {
      ...news,
      state: "CANCELLED",
      cancelledBy: "system",
      raw: made.kind === "busy" ? "busy" : `refused:${made.code}`,
      ...(made.kind === "refused" && { reason: made.message }),
    });
  return again(made.kind === "created" ? now + dispatchClocks.noRider : now + dispatchClocks.unknown);
}

/** The offer that costs least, a minute beyond the promise counted; of those that come at all. `usual`: when one is there that does not say. */
async function bestOf(
  carriers: readonly Carrier[],
  job: CarrierJob,
  usual: number,
): Promise<{ carrier: Carrier; quote: CarrierQuote } | undefined> {
  const offers = await Promise.all(carriers.map(async (carrier) => ({ carrier, answer: await carrier.quote(job) })));
  const cost = ({ feeFen, arrivesAt = usual }: CarrierQuote) =>
    feeFen + LATE_MINUTE_FEN * Math.max(0, Math.ceil((arrivesAt - job.promisedUntil) / minute));
  return offers
    .flatMap(({ carrier, answer }) => (answer.kind === "quote" ? [{ carrier, quote: answer.quote }] : []))
    .sort((a, b) => cost(a.quote) - cost(b.quote) || (a.carrier.name < b.carrier.name ? -1 : 1))[0];
}

/** A carrier has the job, or may have it: asks how far it is. */
async function follow(deps: Deps, row: Stored<Dispatch>): Promise<DeliveryStep> {
  const { table, env, carriers } = deps;
  const now = env.clock.now();
  if (row.callOff !== undefined && !hasGoods(row.state)) return callOff(deps, row, row.callOff);
  const { askedAt = row.readyAt } = row;
  // whoever asked for it may still be waiting for the answer
  if (row.state === "UNKNOWN" && now < askedAt + dispatchClocks.unknown) return again(askedAt + dispatchClocks.unknown);
  const carrier = carriers.find(({ name }) => name === row.carrier);
  if (!carrier) {
    await attention(deps, row, "no_carrier");
    return again(now + dispatchClocks.look);
  }
  await askAfter(deps, carrier, row);
  const found = await table.load(dispatches, row);
  if (!found || found.attempt !== row.attempt) return again(now);
  if (found.state === "UNKNOWN") {
    if (now - askedAt > dispatchClocks.attention) await attention(deps, found, "unknown");
    return again(now + dispatchClocks.unknown * (now - askedAt > 2 * minute ? 4 : 1));
  }
  if (found.state === "OFFERED") {
    const until = Math.max(askedAt, found.droppedAt ?? 0) + dispatchClocks.noRider;
    return now < until ? again(until) : callOff(deps, found, "switch");
  }
  if (now > found.promisedUntil) await attention(deps, found, "late");
  return again(now + dispatchClocks.look);
}

/** Puts what the carrier answers into our rows, where it says more than they do. */
async function askAfter(deps: Deps, carrier: Carrier, row: Stored<Dispatch>, calledOff = false): Promise<void> {
  const jobNo = providerNumber(row.orderId, row.attempt);
  const asked = await carrier.query(jobNo, row.storeId);
  const late = deps.env.clock.now() >= (row.askedAt ?? 0) + dispatchClocks.absent;
  if (asked.kind === "absent" && row.state === "UNKNOWN" && late)
    await takeNews(deps, {
      jobNo,
      carrier: carrier.name,
      state: "CANCELLED",
      cancelledBy: "system",
      raw: ABSENT,
      at: deps.env.clock.now(),
    });
  if (asked.kind !== "job") return;
  const { news } = asked;
  if (calledOff && news.state === "CANCELLED") await bookCalledOff(deps, row, carrier, news.feeFen ?? 0);
  const onTheWay = hasGoods(row.state) && news.position !== undefined;
  if (eventOf(row, news) || onTheWay) await takeNews(deps, news, { calledOff });
  // WeChat's callbacks do not say who it is
  else if (row.rider === undefined && news.rider && news.state === row.state)
    await ifAsRead(
      deps.table.commit([
        dispatches
          .patch(row)
          .asRead(row)
          .set({ rider: riderText(news) }),
      ]),
    );
}

/** Ends the live job: at its carrier, where one has it, whatever that costs us. */
async function callOff(deps: Deps, row: Stored<Dispatch>, why: "switch" | "order"): Promise<DeliveryStep> {
  const { table, env, carriers } = deps;
  const now = env.clock.now();
  const { orderId, storeId, attempt } = row;
  if (row.carrier === undefined) {
    await ifAsRead(
      table.commit([
        dispatches.patch(row).asRead(row).move("state", dispatchLifecycle, "cancelled"),
        ...(await withoutJob(table, row)).writes,
      ]),
    );
    return again(now);
  }
  const carrier = carriers.find(({ name }) => name === row.carrier);
  if (!carrier) {
    await attention(deps, row, "no_carrier");
    return again(now + dispatchClocks.look);
  }
  if (row.callOff !== why && !(await ifAsRead(table.commit([dispatches.patch(row).asRead(row).set({ callOff: why })]))))
    return again(now);
  const jobNo = providerNumber(orderId, attempt);
  const answer = await carrier.cancel(jobNo, why === "order" ? "customer" : "notAccepted", storeId);
  if (answer.kind === "cancelled" || answer.kind === "absent") {
    await bookCalledOff(deps, row, carrier, answer.kind === "cancelled" ? answer.deductFen : 0);
    const news: CarrierNews = {
      jobNo,
      carrier: carrier.name,
      state: "CANCELLED",
      cancelledBy: "merchant",
      raw: "called-off",
      at: env.clock.now(),
    };
    await takeNews(deps, news, { calledOff: true });
    return again(now);
  }
  // it may be over, or on its way, already
  const current = await table.load(dispatches, row);
  if (!current || current.attempt !== attempt) return again(now);
  if (answer.kind === "refused") await askAfter(deps, carrier, current, true);
  if (now - (row.askedAt ?? now) > dispatchClocks.attention) await attention(deps, current, "call_off");
  return again(now + minute);
}

/** What the carrier keeps of a job that was called off, once. */
async function bookCalledOff({ table, env }: Deps, row: Dispatch, { name }: Carrier, amountFen: number): Promise<void> {
  const key = { subject: row.orderId, kind: "delivery_called_off" as const };
  if (await table.load(transfers, { ...key, reference: providerNumber(row.orderId, row.attempt) })) return;
  const line = deliveryBooked(env, row, { party: `carrier:${name}`, amountFen, at: env.clock.now(), calledOff: true });
  if (line.length > 0) await ifAsRead(table.commit(line));
}

/** Tells staff, once, that a delivery needs a person. */
async function attention({ table, env }: Deps, row: Stored<Dispatch>, why: string): Promise<void> {
  if (row.attentionAt !== undefined) return;
  const { orderId, storeId, state, attempt } = row;
  await ifAsRead(
    table.commit([
      dispatches.patch(row).asRead(row).set({ attentionAt: env.clock.now() }),
      outbox.create(
        makeEvent(env, {
          type: "dispatch.attention",
          actor: { kind: "system" },
          data: { orderId, storeId, state, attempt, why },
        }),
      ),
    ]),
  );
}

/** Whether the commit found everything as it was read; whoever was first has done it, or the next step does. */
async function ifAsRead(commit: Promise<unknown>): Promise<boolean> {
  try {
    await commit;
    return true;
  } catch (error) {
    if (error instanceof Stale) return false;
    throw error;
  }
}
