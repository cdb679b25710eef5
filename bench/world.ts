import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { dynamoTable } from "../functions/adapters/dynamo/table.ts";
import { createMemberTokens } from "../functions/adapters/tokens/member-tokens.ts";
import { systemEnv } from "../functions/runtime/env.ts";
import { ensureAssembly } from "../local/assembly.ts";
import { catalogue } from "../local/demo/catalogue.ts";
import { createMoves } from "../local/demo/group-buy.ts";
import { createClient } from "../local/demo/http-client.ts";
import { openStores } from "../local/demo/seed.ts";
import { LOCAL_CREDENTIALS } from "../local/engine.ts";
import { places } from "../local/location.ts";
import { REGION } from "../local/template.ts";
import { logIn } from "../shared/identity/index.ts";
import type { Bench } from "./bench.ts";
import { startChild } from "./child.ts";
import { createHttpClient, drive } from "./load.ts";
import type { PlatformFacts } from "./platform-process.ts";

/** Seats of the teams that are joined, the leader's among them. */
const teamSize = 10;
/** Campaigns that the list shows on its page. */
export const listed = 20;
const plenty = 100_000;
/** Where buyers live: beside a store, so that none is out of range. */
const sites = places.filter(({ store }) => store);

/** Somebody with a session; `token` is good for fifteen minutes from now. */
export interface Buyer {
  token(): Promise<string>;
  place: object;
}

/** CPU used so far, ms: of the node process that serves, and of the engine. */
export interface Cpu {
  node: number;
  engine: number;
}

export type Way = "bundle" | "rush" | "embedded";

/**
 * A chain of thirty stores with campaigns, and one of the ways to be served by it: `bundle` is the deployed bundles of the
 * functions in one process and thread, on the engine, with everything else (WeChat, SSM, Location) in a process that is not
 * measured, and nobody reading the stream; `rush` the same with its readers, who open new campaigns; `embedded` is the embedded default as `npm start` runs it, gateway, stand-ins, stream readers and all.
 */
export async function openWorld(bench: Bench, way: Way) {
  await ensureAssembly({ progress: bench.progress });
  const platform = startChild(bench, "./platform-process.ts", { DATA_DIR: bench.folder(way) });
  const facts = await platform.ask<PlatformFacts>("facts");
  const client = createClient(facts.url);
  const admin = client.staff(facts.admin.username, facts.admin.password);
  const moves = createMoves(client, admin);

  bench.progress(`${way}: stores and campaigns`);
  const stores = [...(await openStores(admin)).values()];
  const { articleId } = await admin.post("/ops/v1/articles", catalogue[0]!, z.object({ articleId: z.string() }));
  const arrival = { delta: plenty, reason: "到货" };
  for (const storeId of stores)
    await admin.post(`/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`, arrival, z.unknown());
  /** A campaign that is open: units a store, and how many make a team. */
  const campaign = async (allotments: { storeId: string; units: number }[]) => {
    const plan = { name: "邻里团", articleId, durationMinutes: 24 * 60, invitesRequired: teamSize - 1 };
    const { campaignId } = await moves.publish({ ...plan, allotments });
    await platform.ask("idle");
    return campaignId;
  };
  for (let i = 1; i < listed; i++) await campaign([{ storeId: stores[0]!, units: teamSize }]);
  const campaignId = await campaign(stores.map((storeId) => ({ storeId, units: plenty / 20 })));

  let url = facts.url;
  let cpu = () => platform.ask<Cpu>("cpu");
  /** Waits until what the requests caused is done; `notified` is how many notifications there were in all. */
  let settled: (notified: number) => Promise<void> = () => platform.ask("idle");
  if (way === "bundle") await platform.ask("endStreams");
  if (way !== "embedded") {
    const server = startChild(bench, "./function-server.ts", {
      ...facts.shop.environment,
      ASSEMBLY: facts.assembly,
      WECHAT_API_URL: facts.sandboxUrl,
      WECHAT_PAY_URL: facts.sandboxUrl,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: facts.shop.accessKey,
      AWS_SECRET_ACCESS_KEY: facts.shop.accessKey,
      AWS_ENDPOINT_URL: facts.gatewayUrl,
      AWS_ENDPOINT_URL_DYNAMODB: facts.endpoint,
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      AWS_EC2_METADATA_DISABLED: "true",
    });
    url = await server.ask<string>("url");
    cpu = async () => ({ node: await server.ask<number>("cpu"), engine: await platform.ask<number>("engineCpu") });
    settled = async (notified) => {
      for (const until = performance.now() + 60_000; (await server.ask<number>("notified")) < notified; await sleep(20))
        if (performance.now() > until)
          throw new Error("A minute passed, and notifications of WeChat Pay are still to come.");
    };
  }
  const http = createHttpClient(url);
  const knobs = createHttpClient(facts.url);
  bench.atEnd(() => {
    http.close();
    knobs.close();
  });

  const table = dynamoTable({
    tableName: facts.tableName,
    env: systemEnv,
    connection: { endpoint: facts.endpoint, region: REGION, credentials: LOCAL_CREDENTIALS },
  });
  const memberTokens = createMemberTokens(JSON.parse(facts.memberTokenKeys), systemEnv);
  let born = 0;
  /** Signs in this many people who were never here before, by the use case itself, with a vault that keeps nothing. */
  async function buyers(count: number): Promise<Buyer[]> {
    const made: Buyer[] = [];
    const one = async () => {
      const number = born++;
      let session: { memberId: string; sessionId: string } | undefined;
      await logIn(
        {
          env: systemEnv,
          table,
          vault: { newKey: async () => "never opened" },
          blindIndex: (text) => text,
          login: {
            exchangeCode: async () => {
              const { body } = await knobs.send("POST", "/_local/wechat/login-code", {
                body: { user: `邻居${number}` },
              });
              return { openid: String(body.openid) };
            },
          },
          memberTokens: {
            issue: async (claims) => {
              session = claims;
              return memberTokens.issue(claims);
            },
          },
          merchant: { appid: facts.appid },
        },
        { code: "" },
      );
      const { lat, lng } = sites[number % sites.length]!;
      made.push({
        place: { lat, lng, datum: "wgs84" },
        token: async () => (await memberTokens.issue(session!)).accessToken,
      });
    };
    await drive(
      Array.from({ length: count }, () => one),
      16,
    );
    return made;
  }

  const post = async (token: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer = await http.send("POST", path, { token, key: randomUUID(), ...(body && { body }) });
    if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  let notifications = 0;
  const pay = async (token: string, orderId: unknown) => {
    const { paymentNo } = await post(token, `/v1/orders/${orderId}/payment`);
    notifications++;
    const paid = await knobs.send("POST", "/_local/wechat/pay", { body: { paymentNo } });
    if (paid.status >= 300) throw new Error(`The sandbox does not pay: ${JSON.stringify(paid.body)}`);
  };
  const join = (token: string, teamId: string, place: object) => post(token, `/v1/teams/${teamId}/seats`, { place });

  const free: string[] = [];
  /** This many free seats, each by its team: as many teams as it takes are opened and their leaders pay. */
  async function seats(count: number): Promise<string[]> {
    const missing = Math.max(0, Math.ceil((count - free.length) / (teamSize - 1)));
    const leaders = await buyers(missing);
    const open =
      ({ token, place }: Buyer) =>
      async () => {
        const bearer = await token();
        const { teamId, orderId } = await post(bearer, `/v1/campaigns/${campaignId}/teams`, { place });
        await pay(bearer, orderId);
        for (let i = 1; i < teamSize; i++) free.push(String(teamId));
      };
    await drive(leaders.map(open), 16);
    await settled(notifications);
    return free.splice(0, count);
  }

  return {
    http,
    table,
    articleId,
    campaignId,
    stores,
    campaign,
    buyers,
    /** Opens a team with one's own seat. */
    open: (token: string, campaign: string, place: object) =>
      http.send("POST", `/v1/campaigns/${campaign}/teams`, { token, key: randomUUID(), body: { place } }),
    unitsLeft: moves.unitsLeft,
    sites,
    seats,
    join,
    pay,
    cpu,
    settled: () => settled(notifications),
    async stop() {
      await platform.stop();
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;
