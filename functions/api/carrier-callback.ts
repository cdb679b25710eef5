import * as z from "zod";
import { type CarrierNews, callbackPath, takeHint, takeNews } from "../../shared/dispatch/index.ts";
import { logger } from "../runtime/logger.ts";
import { type Route, route } from "../runtime/route.ts";

const tell = ({ carrier, jobNo, state }: CarrierNews, outcome: string) =>
  logger.info("CARRIER_NEWS", { number: jobNo, outcome: `${carrier} ${state} ${outcome}` });

export const carrierHooks: Route[] = [
  route({
    method: "post",
    path: callbackPath("wechat"),
    summary: "微信同城配送回调",
    description:
      "Signed by WeChat with the message token of the mini-program. Known news, and news of a job that is over, change nothing.",
    actor: "channel",
    owns: "none",
    ok: z.object({ return_code: z.literal(0), return_msg: z.literal("OK") }).meta({ id: "IntracityReceived" }),
    problems: ["NOTIFICATION_UNSIGNED", "NOTIFICATION_MALFORMED", "NOTIFICATION_FOREIGN"],
    run: async (deps, { raw }) => {
      const news = deps.carrierCallbacks.wechat(raw.body);
      tell(news, await takeNews(deps, news));
    },
    view: () => ({ return_code: 0 as const, return_msg: "OK" as const }),
  }),
  route({
    method: "post",
    path: callbackPath("dada"),
    summary: "达达配送回调",
    description:
      "Its signature holds no secret, so that anybody can make one: it is a hint, and what counts is what Dada answers when it is asked about the job.",
    actor: "channel",
    owns: "none",
    ok: z.object({ status: z.literal("ok") }).meta({ id: "DadaReceived" }),
    problems: ["NOTIFICATION_UNSIGNED", "NOTIFICATION_MALFORMED"],
    run: async (deps, { raw }) => {
      const hint = deps.carrierCallbacks.dada(raw.body);
      tell(hint, await takeHint(deps, hint));
    },
    view: () => ({ status: "ok" as const }),
  }),
];
