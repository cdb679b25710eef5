import type { Env } from "../../../shared/kernel/env.ts";
import { second } from "../../../shared/kernel/time.ts";
import type { Busy, PaymentChannel } from "../../../shared/payment/ports.ts";
import { Stale, type Table } from "../../../shared/table/entity.ts";
import { rateBrakes, rateTokens } from "../../../shared/table/keys.ts";

/**
 * What WeChat Pay lets a merchant ask about refunds in a second is 150, and 6 where it refuses them. We stay below both: so
 * many tokens a second usually, and so many for a while after anything but a refund came back.
 */
export const refundRate = { usual: 100, afterTrouble: 5, troubleMs: 10 * second } as const;

/** Tokens tried before it is said that there is none: all of them while there are few. */
const TRIES = 5;
const trouble: ReadonlySet<string> = new Set(["refused", "notEnough", "busy", "unknown"]);

/**
 * The channel with its refunds and queries of refunds kept to the merchant's rate, over all functions: a token is a row of this
 * second that nobody made before (1 write unit). Without one the channel is not asked and the answer is `busy`: whoever
 * asked waits and comes again under the same number.
 */
export function keepRefundRate(
  channel: PaymentChannel,
  account: string,
  { env, table }: { env: Pick<Env, "clock" | "rng">; table: Table },
): PaymentChannel {
  const api = { api: "refund", account };

  async function token(): Promise<boolean> {
    const now = env.clock.now();
    const brake = await table.load(rateBrakes, api);
    const count = brake && brake.until > now ? refundRate.afterTrouble : refundRate.usual;
    const first = env.rng.bytes(1)[0]! % count;
    for (let turn = 0; turn < TRIES; turn++) {
      const slot = (first + turn) % count;
      if (await won(rateTokens.create({ ...api, second: Math.floor(now / second), slot }))) return true;
    }
    return false;
  }

  async function slowDown(): Promise<void> {
    const now = env.clock.now();
    const brake = await table.load(rateBrakes, api);
    const until = now + refundRate.troubleMs;
    if (!brake) await won(rateBrakes.create({ ...api, until }));
    else if (brake.until < until - refundRate.troubleMs / 2) await won(rateBrakes.replace({ ...brake, until }));
  }

  /** Whether it was this write, of those that wanted the same, that took place; where the answer got lost, no. */
  async function won(write: Parameters<Table["write"]>[0]): Promise<boolean> {
    try {
      await table.write(write);
      return true;
    } catch (error) {
      if (error instanceof Stale) return false;
      throw error;
    }
  }

  const rated = async <A extends { kind: string }>(ask: () => Promise<A>): Promise<A | Busy> => {
    if (!(await token())) return { kind: "busy" };
    const answer = await ask();
    if (trouble.has(answer.kind)) await slowDown();
    return answer;
  };

  return {
    ...channel,
    refund: (refund) => rated(() => channel.refund(refund)),
    queryRefund: (refundNo) => rated(() => channel.queryRefund(refundNo)),
  };
}
