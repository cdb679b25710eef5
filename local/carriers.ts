import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import * as z from "zod";
import type { Faults } from "./faults.ts";
import type { PlatformClock } from "./parts.ts";
import type { PowerCut } from "./power-cut.ts";

export interface CarrierSandbox {
  /** The SSM value `carriers` for our side; `dada.url` is where it listens. */
  readonly config: {
    wechat: { messageToken: string; absentCodes: number[] };
    dada: { url: string; appKey: string; appSecret: string; sourceId: string };
  };
  /** WeChat's half, which api.weixin.qq.com answers: `/cgi-bin/express/intracity/<operation>`. Throws CarrierProblem. */
  intracity(operation: string, body: unknown): object;
  /** Tells it the app whose token signs WeChat's callbacks. */
  appid: string;
  /** Turns a knob; `path` is what follows `/_local/carriers/`. */
  control(request: { method: string; path: string; body?: unknown }): { status: number; body: unknown };
  /** Callbacks due by platform time or under way. */
  busy(): number;
  stop(): Promise<void>;
}

/** A carrier understood and says no. */
export class CarrierProblem extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const second = 1_000;
const minute = 60 * second;
const carrierName = z.enum(["wechat", "dada"]);
type CarrierName = z.infer<typeof carrierName>;
const states = [
  "CREATED",
  "ACCEPTED",
  "ARRIVED_STORE",
  "PICKED_UP",
  "DELIVERED",
  "RIDER_DROPPED",
  "CANCELLED",
  "RETURNING",
  "RETURNED",
  "FAILED",
] as const;
const state = z.enum(states);
type State = z.infer<typeof state>;

/** order_status of WeChat's 同城配送 and of Dada, written apart from the adapters' tables; Dada tells a rider's giving up by status 1 again. */
const codes: Record<CarrierName, Partial<Record<State, number>>> = {
  wechat: {
    CREATED: 10000,
    ACCEPTED: 30000,
    ARRIVED_STORE: 40000,
    PICKED_UP: 50000,
    RIDER_DROPPED: 60000,
    DELIVERED: 70000,
    CANCELLED: 20001,
    FAILED: 90000,
  },
  dada: {
    CREATED: 1,
    ACCEPTED: 2,
    PICKED_UP: 3,
    DELIVERED: 4,
    CANCELLED: 5,
    RIDER_DROPPED: 1,
    RETURNING: 9,
    RETURNED: 10,
    ARRIVED_STORE: 100,
    FAILED: 1000,
  },
};
/** No order of that number: Dada's code, and one that stands in for WeChat's, which its documentation does not tell. */
const absent = { wechat: 934_018, dada: 2_005 } as const;
/** What a carrier keeps of a job that is called off while a rider is on his way, fen. */
const DEDUCT = 200;

const step = z.strictObject({ state, afterMs: z.int().min(0) });
/** How the next jobs go: what happens when after they were made (platform time). It holds until it is set anew. */
const plan = z.strictObject({
  steps: z.array(step).default([
    { state: "ACCEPTED", afterMs: minute },
    { state: "ARRIVED_STORE", afterMs: 6 * minute },
    { state: "PICKED_UP", afterMs: 8 * minute },
    { state: "DELIVERED", afterMs: 25 * minute },
  ]),
  /** What a job costs, fen. */
  feeFen: z.int().min(0).optional(),
  /** In so many minutes the goods would be there, as WeChat says. */
  minutes: z.int().min(1).default(30),
  /** Says no to quotes, or to jobs. */
  refuse: z.enum(["quote", "create"]).optional(),
});
/** What becomes of the next callbacks, one after the other; the rest goes out at once. */
const callbackPlan = z.array(
  z.union([
    z.literal("drop"),
    z.strictObject({ delayMs: z.int().min(0) }),
    z.strictObject({ duplicate: z.int().min(1).max(20) }),
  ]),
);
const fault = z.strictObject({
  /** late: nothing is answered, and it is done two minutes later. */
  kind: z.enum(["timeout", "429", "500-before", "500-after", "drop-answer", "late"]),
  op: z.enum(["quote", "create", "query", "cancel"]),
  times: z.int().min(1).default(1),
});

interface JobRow {
  job_no: string;
  carrier: CarrierName;
  store: string;
  fee: number;
  callback: string;
  created_at: number;
  state: State;
  changed_at: number;
  rider: string | null;
  /** JSON: what still happens, with `at`. */
  steps: string;
  cancelled_by: "merchant" | "carrier" | null;
  deducted: number;
  asked: number;
}
interface CallbackRow {
  id: number;
  url: string;
  body: string;
  next_at: number;
  tries: number;
}

const riders = ["王小二 13812341234", "李四 13956785678", "赵六 13700001111"] as const;
const order = z.object({
  user_name: z.string().min(1),
  user_phone: z.string().min(7),
  user_lng: z.number(),
  user_lat: z.number(),
  user_address: z.string().min(1),
  wx_store_id: z.string().min(1),
  cargo: z.object({ cargo_weight: z.number().min(1), cargo_price: z.number().min(0), cargo_type: z.int() }).loose(),
});
const dadaOrder = z.object({
  shop_no: z.string().min(1),
  origin_id: z.string().min(1),
  cargo_price: z.number(),
  receiver_name: z.string().min(1),
  receiver_phone: z.string().min(7),
  receiver_address: z.string().min(1),
  receiver_lat: z.number(),
  receiver_lng: z.number(),
  cargo_weight: z.number().positive(),
  callback: z.string(),
});
const md5 = (text: string) => createHash("md5").update(text).digest("hex");
const yuan = (fen: number) => Number((fen / 100).toFixed(2));
const local = (ms: number) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");

/**
 * Stands in for two carriers on 127.0.0.1, WeChat's 同城配送 and Dada, and speaks their protocols: quotes, jobs, queries, cancellations
 * and signed callbacks. A job's rider goes by platform time. What it knows lies in `<dataDir>/carriers.db` and survives kill -9; a number is
 * made once.
 */
export async function startCarriers(options: {
  dataDir: string;
  clock: PlatformClock;
  log?: (line: string) => void;
  faults?: Pick<Faults, "wechat" | "notification"> | undefined;
  /** Ends the process at a call. */
  powerCut?: Pick<PowerCut, "pass"> | undefined;
}): Promise<CarrierSandbox> {
  const { clock, dataDir, faults, powerCut } = options;
  const log = options.log ?? (() => {});
  mkdirSync(dataDir, { recursive: true });
  const db = new DatabaseSync(join(dataDir, "carriers.db"));
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS jobs (
      job_no TEXT, carrier TEXT NOT NULL, store TEXT NOT NULL, fee INTEGER NOT NULL, callback TEXT NOT NULL,
      created_at INTEGER NOT NULL, state TEXT NOT NULL, changed_at INTEGER NOT NULL, rider TEXT, steps TEXT NOT NULL,
      cancelled_by TEXT, deducted INTEGER NOT NULL DEFAULT 0, asked INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job_no, carrier)) STRICT;
    CREATE TABLE IF NOT EXISTS quotes (
      number TEXT PRIMARY KEY, job_no TEXT NOT NULL, store TEXT NOT NULL, fee INTEGER NOT NULL, callback TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS callbacks (
      id INTEGER PRIMARY KEY, url TEXT NOT NULL, body TEXT NOT NULL, next_at INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`);
  const all = <T>(sql: string, ...values: SQLInputValue[]) => db.prepare(sql).all(...values) as unknown as T[];
  const one = <T>(sql: string, ...values: SQLInputValue[]) =>
    db.prepare(sql).get(...values) as unknown as T | undefined;
  const run = (sql: string, ...values: SQLInputValue[]) => db.prepare(sql).run(...values);
  const setting = (name: string): unknown => {
    const row = one<{ value: string }>("SELECT value FROM settings WHERE name = ?", name);
    return row && (JSON.parse(row.value) as unknown);
  };
  const set = (name: string, value: unknown) =>
    run(
      "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name,
      JSON.stringify(value),
    );
  if (setting("keys") === undefined)
    set("keys", { messageToken: randomBytes(16).toString("hex"), appSecret: randomBytes(16).toString("hex") });
  const { messageToken, appSecret } = setting("keys") as { messageToken: string; appSecret: string };
  const appKey = "dada-local";
  const sourceId = "73753";
  const planOf = (carrier: CarrierName) => plan.parse(setting(`plan:${carrier}`) ?? {});
  const feeOf = (carrier: CarrierName) => planOf(carrier).feeFen ?? (carrier === "wechat" ? 620 : 700);

  const jobOf = (carrier: CarrierName, jobNo: string) =>
    one<JobRow>("SELECT * FROM jobs WHERE carrier = ? AND job_no = ?", carrier, jobNo);
  const known = (carrier: CarrierName, jobNo: string): JobRow => {
    const row = jobOf(carrier, jobNo);
    if (!row) throw new CarrierProblem(absent[carrier], "订单不存在");
    return row;
  };

  /** Makes a job, once; a number that is there answers as it is. */
  function make(carrier: CarrierName, job: { jobNo: string; store: string; fee: number; callback: string }): JobRow {
    const { refuse, steps } = planOf(carrier);
    const there = jobOf(carrier, job.jobNo);
    if (there) return there;
    if (refuse === "create") throw new CarrierProblem(carrier === "wechat" ? 934_021 : 2_062, "运力不足");
    const now = clock.now();
    const coming = steps.map((one) => ({ state: one.state, at: now + one.afterMs }));
    run(
      "INSERT INTO jobs (job_no, carrier, store, fee, callback, created_at, state, changed_at, steps) VALUES (?, ?, ?, ?, ?, ?, 'CREATED', ?, ?)",
      job.jobNo,
      carrier,
      job.store,
      job.fee,
      job.callback,
      now,
      now,
      JSON.stringify(coming),
    );
    queueMicrotask(wake);
    return known(carrier, job.jobNo);
  }

  /** Brings a job into a state and tells our side. */
  function move(row: JobRow, to: State, at: number, by: JobRow["cancelled_by"] = "carrier"): void {
    const rider =
      to === "RIDER_DROPPED"
        ? null
        : to === "ACCEPTED"
          ? (row.rider ?? riders[row.job_no.charCodeAt(27) % 3]!)
          : row.rider;
    run(
      "UPDATE jobs SET state = ?, changed_at = ?, rider = ?, cancelled_by = ? WHERE carrier = ? AND job_no = ?",
      // who gives a job up leaves it as it was made
      to === "RIDER_DROPPED" && row.carrier === "dada" ? "CREATED" : to,
      at,
      rider,
      to === "CANCELLED" ? by : null,
      row.carrier,
      row.job_no,
    );
    tell({ ...row, state: to, changed_at: at, rider, cancelled_by: to === "CANCELLED" ? by : null });
  }

  const signedWechat = (fields: Record<string, string | number>) => {
    const text = Object.keys(fields)
      .sort()
      .map((name) => `${name}=${fields[name]}`)
      .join("&");
    return { ...fields, sign: md5(`${text}&token=${messageToken}`) };
  };
  /** The callback of a job as its carrier words it; `forged`: by somebody who has no secret. */
  function callbackOf(row: JobRow, forged = false): string {
    const seconds = Math.floor(row.changed_at / second);
    const cancelledByUs = row.cancelled_by === "merchant";
    if (row.carrier === "wechat") {
      const told = signedWechat({
        appid: sandbox.appid,
        wx_store_id: wxStore(row.store),
        store_order_id: row.job_no,
        wx_order_id: `40${row.job_no.slice(-14)}`,
        order_status: row.state === "CANCELLED" && cancelledByUs ? 20000 : codes.wechat[row.state]!,
        status_change_time: seconds,
        status_desc: row.state,
      });
      return JSON.stringify(forged ? { ...told, sign: md5(told.sign) } : told);
    }
    const updated = row.state === "FAILED" ? row.changed_at : seconds;
    const clientId = `28${row.job_no.slice(-12)}`;
    const [name = "", phone = ""] = (row.rider ?? "").split(" ");
    return JSON.stringify({
      client_id: clientId,
      order_id: row.job_no,
      order_status: codes.dada[row.state],
      cancel_reason: row.state === "CANCELLED" ? (cancelledByUs ? "商家取消" : "没有配送员接单") : "",
      cancel_from: row.state === "CANCELLED" ? (cancelledByUs ? 2 : 1) : 0,
      ...(row.state === "RIDER_DROPPED" && { repeat_reason_type: 1 }),
      dm_name: name,
      dm_mobile: phone,
      update_time: updated,
      signature: md5([clientId, row.job_no, String(updated)].sort().join("")),
    });
  }

  function send(url: string, body: string): void {
    const planned = (setting("callbacks") as z.infer<typeof callbackPlan> | undefined) ?? [];
    const [action, ...rest] = planned;
    if (action !== undefined) set("callbacks", rest);
    let copies = 1;
    let wait = 0;
    if (action === "drop") copies = 0;
    else if (action && "duplicate" in action) copies += action.duplicate;
    else if (action) wait = action.delayMs;
    for (const chance of action === undefined ? (faults?.notification() ?? []) : []) {
      if (chance === "drop") copies = 0;
      else if (typeof chance === "object" && "delay" in chance) wait = chance.delay;
      else if (typeof chance === "object" && "duplicate" in chance) copies = copies && copies + chance.duplicate;
    }
    for (let i = 0; i < copies; i++)
      run("INSERT INTO callbacks (url, body, next_at) VALUES (?, ?, ?)", url, body, clock.now() + wait);
  }
  function tell(row: JobRow): void {
    // WeChat has no callback for a job that has only been made, nor a code for goods that come back
    if (codes[row.carrier][row.state] !== undefined) send(row.callback, callbackOf(row));
  }

  const stopping = new AbortController();
  const inFlight = new Map<number, Promise<void>>();
  let timer: { cancel(): void } | undefined;
  /** Moves every job that is due, sends every callback that is, and sets the alarm for what comes next. */
  function wake(): void {
    if (stopping.signal.aborted) return;
    timer?.cancel();
    timer = undefined;
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const row of all<JobRow>("SELECT * FROM jobs WHERE steps <> '[]'")) {
      const steps = JSON.parse(row.steps) as { state: State; at: number }[];
      const due = steps.filter(({ at }) => at <= now);
      const rest = steps.slice(due.length);
      if (due.length > 0) {
        run(
          "UPDATE jobs SET steps = ? WHERE carrier = ? AND job_no = ?",
          JSON.stringify(rest),
          row.carrier,
          row.job_no,
        );
        for (const { state: to, at } of due) move(known(row.carrier, row.job_no), to, at);
      }
      next = Math.min(next, rest[0]?.at ?? next);
    }
    for (const row of all<CallbackRow>("SELECT * FROM callbacks ORDER BY next_at, id")) {
      if (row.next_at > now) {
        next = Math.min(next, row.next_at);
        break;
      }
      if (inFlight.has(row.id)) continue;
      const sending = deliver(row).finally(() => {
        inFlight.delete(row.id);
        wake();
      });
      inFlight.set(row.id, sending);
    }
    if (Number.isFinite(next)) timer = clock.at(next, wake);
  }

  /** One POST; not taken it comes again a minute later, ten times. */
  async function deliver({ id, url: to, body, tries }: CallbackRow): Promise<void> {
    let taken = false;
    try {
      const response = await fetch(to, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(5_000)]),
      });
      taken = response.ok;
      await response.arrayBuffer();
      log(`carriers: callback ${response.status}`);
    } catch (error) {
      log(`carriers: callback ${String(error)}`);
    }
    if (stopping.signal.aborted) return;
    // a forgery is not taken and not repeated
    if (taken || tries >= 9) run("DELETE FROM callbacks WHERE id = ?", id);
    else run("UPDATE callbacks SET tries = tries + 1, next_at = ? WHERE id = ?", clock.now() + minute, id);
  }

  /** Calls a job off: for nothing while no rider has it, not at all once he has the goods. Again it answers the same. */
  function cancel(row: JobRow): number {
    if (row.state === "CANCELLED" && row.cancelled_by === "merchant") return row.deducted;
    if (["PICKED_UP", "DELIVERED", "CANCELLED", "RETURNING", "RETURNED", "FAILED"].includes(row.state))
      throw new CarrierProblem(row.carrier === "wechat" ? 934_025 : 2_076, "订单当前状态不可取消");
    const deducted = row.state === "CREATED" || row.state === "RIDER_DROPPED" ? 0 : DEDUCT;
    run(
      "UPDATE jobs SET deducted = ?, steps = '[]' WHERE carrier = ? AND job_no = ?",
      deducted,
      row.carrier,
      row.job_no,
    );
    move(row, "CANCELLED", clock.now(), "merchant");
    queueMicrotask(wake);
    return deducted;
  }

  const wxStore = (storeId: string) => `4${parseInt(md5(storeId).slice(0, 12), 16)}`.padEnd(19, "0").slice(0, 19);
  const ourStore = (wxId: string) =>
    (setting("stores") as string[] | undefined)?.find((storeId) => wxStore(storeId) === wxId) ?? wxId;
  const parse = <S extends z.ZodType>(schema: S, body: unknown, code: number): z.output<S> => {
    const read = schema.safeParse(body);
    if (read.success) return read.data;
    throw new CarrierProblem(code, `参数错误: ${read.error.issues[0]?.path.join(".")}`);
  };
  const jobKey = z.object({ store_order_id: z.string().min(1), wx_store_id: z.string().optional() });
  const asked = (carrier: CarrierName, jobNo: string): JobRow => {
    run("UPDATE jobs SET asked = asked + 1 WHERE carrier = ? AND job_no = ?", carrier, jobNo);
    return known(carrier, jobNo);
  };

  const intracity: Record<string, (body: unknown) => object> = {
    querystore: (body) => {
      const { out_store_id } = parse(z.object({ out_store_id: z.string().min(1) }), body, 47_001);
      const stores = new Set([...((setting("stores") as string[] | undefined) ?? []), out_store_id]);
      set("stores", [...stores]);
      return { store_list: [{ wx_store_id: wxStore(out_store_id), out_store_id, order_pattern: 1 }] };
    },
    preaddorder: (body) => {
      parse(order, body, 47_001);
      const { refuse, minutes } = planOf("wechat");
      if (refuse === "quote") throw new CarrierProblem(934_020, "超出配送范围");
      return { est_fee: feeOf("wechat"), distance: 1_500, promise_delivery_time: minutes, service_trans_id: "DADA" };
    },
    addorder: (body) => {
      const { store_order_id, callback_url, wx_store_id } = parse(
        order.extend({
          store_order_id: z.string().min(1).max(32),
          user_openid: z.string().min(1),
          callback_url: z.url(),
        }),
        body,
        47_001,
      );
      const row = make("wechat", {
        jobNo: store_order_id,
        store: ourStore(wx_store_id),
        fee: feeOf("wechat"),
        callback: callback_url,
      });
      return { store_order_id, wx_order_id: `40${store_order_id.slice(-14)}`, fee: row.fee, service_trans_id: "DADA" };
    },
    queryorder: (body) => {
      const row = asked("wechat", parse(jobKey, body, 47_001).store_order_id);
      const [name = "", phone = ""] = (row.rider ?? "").split(" ");
      return {
        store_order_id: row.job_no,
        order_status:
          row.state === "CANCELLED" && row.cancelled_by === "merchant" ? 20000 : (codes.wechat[row.state] ?? 90000),
        create_time: Math.floor(row.created_at / second),
        status_change_time: Math.floor(row.changed_at / second),
        actualfee: row.state === "CANCELLED" ? row.deducted : row.fee,
        ...(row.rider && {
          transporter_info: {
            transporter_name: name,
            transporter_phone: phone,
            transporter_lng: "121.4781",
            transporter_lat: "31.2290",
          },
        }),
      };
    },
    cancelorder: (body) => {
      const { store_order_id } = parse(jobKey.extend({ cancel_reason_id: z.int() }), body, 47_001);
      return { deductfee: cancel(asked("wechat", store_order_id)) };
    },
  };

  const dadaPaths: Record<string, { op: z.infer<typeof fault>["op"]; act: (body: unknown) => object }> = {
    "/api/order/queryDeliverFee": {
      op: "quote",
      act: (body) => {
        const job = parse(dadaOrder, body, 2_001);
        if (planOf("dada").refuse === "quote") throw new CarrierProblem(2_063, "超出配送范围");
        const number = `Dada${randomBytes(12).toString("hex")}`;
        run(
          "INSERT INTO quotes VALUES (?, ?, ?, ?, ?, ?)",
          number,
          job.origin_id,
          job.shop_no,
          feeOf("dada"),
          job.callback,
          clock.now() + 3 * minute,
        );
        return { fee: yuan(feeOf("dada")), distance: 1_480.5, deliveryNo: number };
      },
    },
    "/api/order/addAfterQuery": {
      op: "create",
      act: (body) => {
        const { deliveryNo } = parse(z.object({ deliveryNo: z.string() }), body, 2_001);
        const quote = one<{ job_no: string; store: string; fee: number; callback: string; until: number }>(
          "SELECT * FROM quotes WHERE number = ?",
          deliveryNo,
        );
        if (!quote || quote.until < clock.now()) throw new CarrierProblem(2_155, "平台订单编号已失效");
        make("dada", { jobNo: quote.job_no, store: quote.store, fee: quote.fee, callback: quote.callback });
        return {};
      },
    },
    "/api/order/status/query": {
      op: "query",
      act: (body) => {
        const row = asked("dada", parse(z.object({ order_id: z.string() }), body, 2_001).order_id);
        const [name = "", phone = ""] = (row.rider ?? "").split(" ");
        const when = (...of: State[]) => (of.includes(row.state) ? local(row.changed_at) : "");
        return {
          orderId: row.job_no,
          statusCode: codes.dada[row.state],
          statusMsg: row.state,
          transporterName: name,
          transporterPhone: phone,
          transporterLng: row.rider ? "121.4781" : "",
          transporterLat: row.rider ? "31.2290" : "",
          actualFee: yuan(row.state === "CANCELLED" ? row.deducted : row.fee),
          createTime: local(row.created_at),
          acceptTime: when("ACCEPTED", "ARRIVED_STORE"),
          fetchTime: when("PICKED_UP"),
          finishTime: when("DELIVERED", "RETURNED"),
          cancelTime: when("CANCELLED"),
        };
      },
    },
    "/api/order/formalCancel": {
      op: "cancel",
      act: (body) => {
        const { order_id } = parse(z.object({ order_id: z.string(), cancel_reason_id: z.int() }), body, 2_001);
        return { deduct_fee: yuan(cancel(asked("dada", order_id))) };
      },
    },
  };
  const envelope = z.object({
    app_key: z.string(),
    body: z.string(),
    format: z.literal("json"),
    source_id: z.string(),
    timestamp: z.int(),
    v: z.literal("1.0"),
    signature: z.string(),
  });

  function dada(path: string, content: unknown): object {
    const answer = (code: number, msg: string, result?: object) => ({
      status: code === 0 ? "success" : "fail",
      code,
      msg,
      ...(result && { result }),
    });
    const read = envelope.safeParse(content);
    if (!read.success) return answer(2_001, "接口请求参数错误");
    const { signature, ...fields } = read.data;
    const text = Object.entries(fields)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => name + value)
      .join("");
    if (fields.app_key !== appKey || signature !== md5(appSecret + text + appSecret).toUpperCase())
      return answer(2_003, "签名错误");
    try {
      return answer(0, "成功", dadaPaths[path]!.act(JSON.parse(fields.body)));
    } catch (error) {
      if (error instanceof CarrierProblem) return answer(error.code, error.message);
      throw error;
    }
  }

  function takeFault(op: string): string | undefined {
    const open = (setting("faults") as z.infer<typeof fault>[] | undefined) ?? [];
    const found = open.find((one) => one.op === op);
    if (!found) return faults?.wechat("intracity");
    found.times--;
    set(
      "faults",
      open.filter(({ times }) => times > 0),
    );
    return found.kind;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const path = request.url ?? "/";
    const known = dadaPaths[path];
    const struck = known && takeFault(known.op);
    log(`carriers: ${path}${struck ? ` (${struck})` : ""}`);
    const answer = (status: number, body: object) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (!known) return answer(404, { status: "fail", code: 404, msg: "接口不存在" });
    if (struck === "timeout") return; // the client gives up, or stop() cuts the line
    if (struck === "429") return answer(429, {});
    if (struck === "500-before") return answer(500, {});
    if (struck === "late") {
      const content = readJson(Buffer.concat(chunks));
      clock.at(clock.now() + 2 * minute, () => void dada(path, content));
      return; // the client gives up
    }
    const carriedOut = powerCut?.pass(`carriers: ${known.op}`);
    const told = dada(path, readJson(Buffer.concat(chunks)));
    carriedOut?.();
    if (struck === "drop-answer") request.socket.destroy();
    else if (struck !== undefined) answer(500, {});
    else answer(200, told);
  }
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      log(`carriers: ${String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const ofJob = z.strictObject({
    carrier: carrierName,
    jobNo: z.string(),
    state,
    cancelledBy: z.enum(["merchant", "carrier"]).optional(),
  });
  const knobs: Record<string, (body: unknown) => unknown> = {
    "POST plan": (body) => {
      const { carrier, ...wanted } = z.looseObject({ carrier: carrierName }).parse(body);
      const read = plan.parse(wanted);
      set(`plan:${carrier}`, read);
      return read;
    },
    "POST callbacks": (body) => {
      const { next } = z.strictObject({ next: callbackPlan }).parse(body);
      set("callbacks", next);
      return { next };
    },
    "POST fault": (body) => {
      const read = fault.parse(body);
      set("faults", [...((setting("faults") as object[] | undefined) ?? []), read]);
      return read;
    },
    /** Something happens to a job now, whatever its plan was; what the plan had left does not. */
    "POST move": (body) => {
      const { carrier, jobNo, state: to, cancelledBy } = ofJob.parse(body);
      const row = jobOf(carrier, jobNo);
      if (!row) throw new CarrierProblem(404, "no such job");
      run("UPDATE jobs SET steps = '[]' WHERE carrier = ? AND job_no = ?", carrier, jobNo);
      move(row, to, clock.now(), cancelledBy ?? "carrier");
      wake();
      return { jobNo, state: to };
    },
    /** Somebody who is not the carrier tells of a job: of WeChat's with a wrong signature, of Dada's with one that anybody can make. */
    "POST forge": (body) => {
      const { carrier, jobNo, state: told } = ofJob.parse(body);
      const row = jobOf(carrier, jobNo);
      if (!row) throw new CarrierProblem(404, "no such job");
      run(
        "INSERT INTO callbacks (url, body, next_at, tries) VALUES (?, ?, ?, 9)",
        row.callback,
        callbackOf({ ...row, state: told, changed_at: clock.now() }, true),
        clock.now(),
      );
      wake();
      return { jobNo, state: told };
    },
    "GET book": () =>
      all<JobRow>("SELECT * FROM jobs ORDER BY created_at, job_no").map((row) => ({
        jobNo: row.job_no,
        carrier: row.carrier,
        storeId: row.store,
        state: row.state,
        feeFen: row.fee,
        deductFen: row.deducted,
        asked: row.asked,
        ...(row.cancelled_by !== null && { cancelledBy: row.cancelled_by }),
      })),
  };

  const sandbox: CarrierSandbox = {
    config: {
      wechat: { messageToken, absentCodes: [absent.wechat] },
      dada: { url, appKey, appSecret, sourceId },
    },
    appid: "",
    intracity(operation, body) {
      const act = intracity[operation];
      if (!act) throw new CarrierProblem(-80_002, "no such api here");
      return act(body);
    },
    control({ method, path, body }) {
      const turn = knobs[`${method} ${path.replace(/^\/+|\/+$/g, "")}`];
      if (!turn) return { status: 404, body: { title: `no such knob; there are: ${Object.keys(knobs).join(", ")}` } };
      try {
        return { status: 200, body: turn(body) };
      } catch (error) {
        if (error instanceof z.ZodError) return { status: 400, body: { title: z.prettifyError(error) } };
        if (error instanceof CarrierProblem) return { status: error.code, body: { title: error.message } };
        throw error;
      }
    },
    busy: () =>
      inFlight.size +
      (one<{ n: number }>("SELECT count(*) AS n FROM callbacks WHERE next_at <= ?", clock.now())?.n ?? 0),
    async stop() {
      stopping.abort();
      timer?.cancel();
      await Promise.allSettled(inFlight.values());
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      db.close();
    },
  };
  wake();
  return sandbox;
}

function readJson(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString());
  } catch {
    return undefined;
  }
}
