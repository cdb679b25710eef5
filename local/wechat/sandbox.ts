import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Faults } from "../faults.ts";
import type { PlatformClock } from "../parts.ts";
import type { PowerCut } from "../power-cut.ts";
import { openBook } from "./book.ts";
import { type MerchantConfig, openKeys } from "./keys.ts";
import { createKnobs, type FaultRow, type KnobAnswer, type KnobRequest, type Operation } from "./knobs.ts";
import { createMiniApi, MiniProblem } from "./mini-api.ts";
import { createNotifier } from "./notifier.ts";
import { createPayApi, type PayAnswer, PayProblem } from "./pay-api.ts";
import { createProfitSharingApi } from "./profit-sharing-api.ts";
import { createTransferApi } from "./transfer-api.ts";

export interface WeChatSandbox {
  /** Base of both halves: api.weixin.qq.com and api.mch.weixin.qq.com. */
  readonly url: string;
  /** The SSM value `wechat` for our side. Read it again after a key was rotated. */
  readonly config: MerchantConfig;
  /** Turns a knob: see knobs.ts. `path` is what follows `/_local/wechat/`. */
  control(request: KnobRequest): Promise<KnobAnswer>;
  /** Notifications and endings that are due by platform time or under way. */
  busy(): number;
  stop(): Promise<void>;
}

interface Call {
  method: string;
  path: string;
  target: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  raw: Buffer;
}

const maxBody = 1_000_000;

/**
 * Stands in for WeChat on 127.0.0.1 and speaks its protocols: login, access token, phone number, shipping, and WeChat
 * Pay v3, signed and encrypted both ways, with notifications in WeChat Pay's own cadence by platform time. What it
 * knows lies in `<dataDir>/wechat.db` and `<dataDir>/wechat-keys.json`, and survives kill -9.
 */
export async function startWeChatSandbox(options: {
  port?: number;
  dataDir: string;
  clock: PlatformClock;
  log?: (line: string) => void;
  /** Strikes calls that no knob struck, and notifications without a plan. */
  faults?: Pick<Faults, "wechat" | "notification"> | undefined;
  /** Answers 同城配送; throws what has a `code`. */
  carriers?: { intracity(operation: string, body: unknown): object } | undefined;
  /** Ends the process at a call. */
  powerCut?: Pick<PowerCut, "pass"> | undefined;
}): Promise<WeChatSandbox> {
  const { clock, faults, powerCut } = options;
  const log = options.log ?? (() => {});
  const now = () => clock.now();
  mkdirSync(options.dataDir, { recursive: true });
  const keys = openKeys(options.dataDir, now);
  const book = openBook(options.dataDir, now);
  const outage = () => book.setting("outage") === "on";
  const notifier = createNotifier(book, keys, clock, { outage, unplanned: faults?.notification, log });
  let url = "";
  const pay = createPayApi(book, keys, notifier, now, () => url);
  const transfers = createTransferApi(book, keys, notifier, now);
  const mini = createMiniApi(book, keys, now, options.carriers);
  const sharing = createProfitSharingApi(book, keys, now, mini.settled);
  const control = createKnobs(book, keys, notifier, now);

  type Act = (call: Call, body: unknown, part: string) => unknown;
  const routes: { op: Operation; method: string; path: RegExp; act: Act }[] = [
    { op: "login", method: "GET", path: /^\/sns\/jscode2session$/, act: ({ query }) => mini.login(query) },
    { op: "token", method: "POST", path: /^\/cgi-bin\/stable_token$/, act: (_, body) => mini.token(body) },
    {
      op: "phone",
      method: "POST",
      path: /^\/wxa\/business\/getuserphonenumber$/,
      act: ({ query }, body) => mini.phone(query, body),
    },
    {
      op: "shipping",
      method: "POST",
      path: /^\/wxa\/sec\/order\/upload_shipping_info$/,
      act: ({ query }, body) => mini.shipping(query, body),
    },
    {
      op: "shippingOrder",
      method: "POST",
      path: /^\/wxa\/sec\/order\/get_order$/,
      act: ({ query }, body) => mini.shippingOrder(query, body),
    },
    {
      op: "intracity",
      method: "POST",
      path: /^\/cgi-bin\/express\/intracity\/(\w+)$/,
      act: ({ query }, body, part) => mini.intracity(query, part, body),
    },
    {
      op: "checkText",
      method: "POST",
      path: /^\/wxa\/msg_sec_check$/,
      act: ({ query }, body) => mini.checkText(query, body),
    },
    { op: "prepay", method: "POST", path: /^\/v3\/pay\/transactions\/jsapi$/, act: (_, body) => pay.prepay(body) },
    {
      op: "query",
      method: "GET",
      path: /^\/v3\/pay\/transactions\/out-trade-no\/([^/]+)$/,
      act: ({ query }, _, part) => pay.query(part, "out-trade-no", query.get("mchid")),
    },
    {
      op: "query",
      method: "GET",
      path: /^\/v3\/pay\/transactions\/id\/([^/]+)$/,
      act: ({ query }, _, part) => pay.query(part, "id", query.get("mchid")),
    },
    {
      op: "close",
      method: "POST",
      path: /^\/v3\/pay\/transactions\/out-trade-no\/([^/]+)\/close$/,
      act: (_, body, part) => pay.close(part, body),
    },
    { op: "refund", method: "POST", path: /^\/v3\/refund\/domestic\/refunds$/, act: (_, body) => pay.refund(body) },
    {
      op: "queryRefund",
      method: "GET",
      path: /^\/v3\/refund\/domestic\/refunds\/([^/]+)$/,
      act: (_call, _body, part) => pay.queryRefund(part),
    },
    {
      op: "abnormalRefund",
      method: "POST",
      path: /^\/v3\/refund\/domestic\/refunds\/([^/]+)\/apply-abnormal-refund$/,
      act: ({ headers }, body, part) => pay.abnormalRefund(part, body, header(headers, "wechatpay-serial")),
    },
    {
      op: "transfer",
      method: "POST",
      path: /^\/v3\/fund-app\/mch-transfer\/transfer-bills$/,
      act: ({ headers }, body) => transfers.transfer(body, header(headers, "wechatpay-serial")),
    },
    {
      op: "queryTransfer",
      method: "GET",
      path: /^\/v3\/fund-app\/mch-transfer\/transfer-bills\/out-bill-no\/([^/]+)$/,
      act: (_call, _body, part) => transfers.query(part),
    },
    {
      op: "cancelTransfer",
      method: "POST",
      path: /^\/v3\/fund-app\/mch-transfer\/transfer-bills\/out-bill-no\/([^/]+)\/cancel$/,
      act: (_call, _body, part) => transfers.cancel(part),
    },
    {
      op: "addReceiver",
      method: "POST",
      path: /^\/v3\/profitsharing\/receivers\/add$/,
      act: (_, body) => sharing.addReceiver(body),
    },
    { op: "share", method: "POST", path: /^\/v3\/profitsharing\/orders$/, act: (_, body) => sharing.share(body) },
    {
      op: "unfreeze",
      method: "POST",
      path: /^\/v3\/profitsharing\/orders\/unfreeze$/,
      act: (_, body) => sharing.unfreeze(body),
    },
    {
      op: "queryShare",
      method: "GET",
      path: /^\/v3\/profitsharing\/orders\/([^/]+)$/,
      act: ({ query }, _body, part) => sharing.query(part, query),
    },
    { op: "certificates", method: "GET", path: /^\/v3\/certificates$/, act: () => pay.certificates() },
    { op: "bill", method: "GET", path: /^\/v3\/bill\/tradebill$/, act: ({ query }) => pay.tradeBill(query) },
    { op: "bill", method: "GET", path: /^\/v3\/bill\/fundflowbill$/, act: ({ query }) => pay.fundFlowBill(query) },
    {
      op: "billDownload",
      method: "GET",
      path: /^\/v3\/billdownload\/file$/,
      act: ({ query }) => pay.downloadBill(query),
    },
  ];

  /** The next fault that fits, used up by one. */
  function takeFault(op: Operation | undefined, path: string): FaultRow["kind"] | undefined {
    const fault = book
      .all<FaultRow>("SELECT * FROM faults ORDER BY id")
      .find(({ match }) => match === op || (match.startsWith("/") && path.startsWith(match)));
    if (!fault) return undefined;
    if (fault.times > 1) book.run("UPDATE faults SET times = times - 1 WHERE id = ?", fault.id);
    else book.run("DELETE FROM faults WHERE id = ?", fault.id);
    return fault.kind;
  }

  /** Exactly WeChat Pay's check of our Authorization; what is wrong, or undefined. */
  function signatureFlaw(call: Call): string | undefined {
    const authorization = header(call.headers, "authorization") ?? "";
    const [scheme, rest = ""] = authorization.split(/ (.*)/s);
    if (scheme !== "WECHATPAY2-SHA256-RSA2048") return "Authorization 认证类型不正确";
    const fields = new Map(Array.from(rest.matchAll(/(\w+)="([^"]*)"(?:,|$)/g), (match) => [match[1], match[2]]));
    const { mchid, merchantSerial } = keys.config;
    const timestamp = fields.get("timestamp") ?? "";
    const nonce = fields.get("nonce_str") ?? "";
    if (fields.get("mchid") !== mchid) return "商户号不存在";
    if (fields.get("serial_no") !== merchantSerial) return "商户证书序列号有误";
    if (!/^\d{10}$/.test(timestamp) || Math.abs(Math.floor(now() / 1_000) - Number(timestamp)) > 300)
      return "时间戳已过期";
    if (nonce === "" || nonce.length > 32) return "随机串有误";
    const message = Buffer.concat([
      Buffer.from(`${call.method}\n${call.target}\n${timestamp}\n${nonce}\n`),
      call.raw,
      Buffer.from("\n"),
    ]);
    return keys.merchantSigned(message, fields.get("signature") ?? "") ? undefined : "签名错误，请检查后再试";
  }

  function performPay(call: Call, act: () => PayAnswer): PayAnswer & { number: string; unsigned?: boolean } {
    const flaw = signatureFlaw(call);
    // WeChat Pay signs nothing for somebody whose own signature it does not know.
    if (flaw) return { status: 401, body: { code: "SIGN_ERROR", message: flaw }, number: "268443699", unsigned: true };
    try {
      if (!header(call.headers, "user-agent") || !/json|\*\/\*/.test(header(call.headers, "accept") ?? ""))
        throw new PayProblem(400, "PARAM_ERROR", "缺少 User-Agent 或 Accept 头", "268435461");
      if (call.raw.length > 0 && !/^application\/json\b/.test(header(call.headers, "content-type") ?? ""))
        throw new PayProblem(400, "PARAM_ERROR", "Content-Type 须为 application/json", "268435461");
      return { ...book.write(act), number: "0" };
    } catch (error) {
      if (error instanceof PayProblem)
        return { status: error.status, body: { code: error.code, message: error.message }, number: error.number };
      throw error;
    }
  }

  function performMini(act: () => unknown): unknown {
    try {
      return { errcode: 0, errmsg: "ok", ...(book.write(act) as object) };
    } catch (error) {
      if (error instanceof MiniProblem) return { errcode: error.errcode, errmsg: error.message };
      throw error;
    }
  }

  function answerPay(response: ServerResponse, answer: PayAnswer & { number: string; unsigned?: boolean }): void {
    const requestId = `${randomBytes(16).toString("hex").toUpperCase()}-${answer.number}`;
    if (answer.raw) {
      response.writeHead(answer.status, { "Content-Type": "text/plain", "Request-Id": requestId }).end(answer.raw);
      return;
    }
    const body = answer.body === undefined ? "" : JSON.stringify(answer.body);
    response
      .writeHead(answer.status, {
        "Request-Id": requestId,
        ...(body && { "Content-Type": "application/json; charset=utf-8" }),
        ...(!answer.unsigned && keys.sealHeaders(body)),
      })
      .end(body);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBody) {
        response.writeHead(413, { Connection: "close" }).end();
        return;
      }
      chunks.push(chunk);
    }
    if (outage()) {
      request.socket.destroy();
      return;
    }
    const target = request.url ?? "/";
    const { pathname, searchParams } = new URL(target, "http://sandbox");
    const call: Call = {
      method: request.method ?? "GET",
      path: pathname,
      target,
      query: searchParams,
      headers: request.headers,
      raw: Buffer.concat(chunks),
    };
    const route = routes.find(({ method, path }) => method === call.method && path.test(pathname));
    const payHalf = pathname.startsWith("/v3/");
    const fault = takeFault(route?.op, pathname) ?? faults?.wechat(route?.op);
    log(`wechat: ${call.method} ${pathname}${fault ? ` (${fault})` : ""}`);
    if (fault === "timeout") return; // the client gives up, or stop() cuts the line
    const systemError = () =>
      payHalf
        ? answerPay(response, { status: 500, body: { code: "SYSTEM_ERROR", message: "系统异常" }, number: "268435457" })
        : json(response, 200, { errcode: -1, errmsg: "system error" });
    if (fault === "500-before") return systemError();
    if (fault === "429") {
      if (payHalf)
        answerPay(response, {
          status: 429,
          body: { code: "FREQUENCY_LIMITED", message: "频率超限" },
          number: "268447840",
        });
      else json(response, 200, { errcode: 45011, errmsg: "api minute-quota reach limit" });
      return;
    }

    const carriedOut = powerCut?.pass(`wechat: ${route?.op ?? pathname}`);
    const body = readJson(call.raw);
    const part = decodeURIComponent(route?.path.exec(pathname)?.[1] ?? "");
    const answer = payHalf
      ? performPay(call, () => {
          if (!route) throw new PayProblem(404, "NOT_FOUND", "接口不存在", "268435461");
          return route.act(call, body, part) as PayAnswer;
        })
      : performMini(() => {
          if (!route) throw new MiniProblem(-80002, "no such api here");
          return route.act(call, body, part);
        });
    carriedOut?.();
    // The merchant's notification never overtakes the answer that caused it by more than the network would.
    response.once("close", () => notifier.wake());
    if (fault === "drop-answer") request.socket.destroy();
    else if (fault === "500-after-effect") systemError();
    else if (payHalf) answerPay(response, answer as ReturnType<typeof performPay>);
    else json(response, 200, answer);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      log(`wechat: ${request.method} ${request.url?.split("?")[0]}: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  notifier.wake();

  return {
    url,
    get config() {
      return keys.config;
    },
    control,
    busy: () => notifier.busy(),
    async stop() {
      await notifier.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      book.close();
    },
  };
}

function header(headers: IncomingMessage["headers"], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function readJson(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString());
  } catch {
    return undefined;
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  // WeChat's own content type for JSON is text/plain.
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(JSON.stringify(body));
}
