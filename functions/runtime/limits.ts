import type { Env } from "../../shared/kernel/env.ts";
import { DomainError } from "../../shared/kernel/problem.ts";
import { minute, second } from "../../shared/kernel/time.ts";
import { decide, type Table } from "../../shared/table/entity.ts";
import { limitRows } from "../../shared/table/keys.ts";

/**
 * How often one member may do what is dear to us or worth abusing: `burst` requests at once, given back evenly over `perMs`.
 * Generous for people, who tap twice and try again; scripts are what it stops. Login counts by openid, after WeChat's exchange
 * of the code, because nobody is known before it and an IP address is a whole carrier's; codes that are none are WeChat's to
 * limit (LOGIN_BUSY) and the edge's, by IP.
 */
export const limits = {
  login: { burst: 30, perMs: minute },
  open: { burst: 10, perMs: minute },
  order: { burst: 10, perMs: minute },
  join: { burst: 10, perMs: minute },
  pay: { burst: 20, perMs: minute },
  post: { burst: 10, perMs: 10 * minute },
  comment: { burst: 20, perMs: minute },
  pickupCode: { burst: 10, perMs: minute },
  evidence: { burst: 20, perMs: minute },
} as const satisfies Record<string, { burst: number; perMs: number }>;
export type LimitName = keyof typeof limits;

/** A bucket as it is now, for `takeToken`: read beside what else a request begins with. */
export const bucketOf = async (table: Table, limit: LimitName, subject: string) => ({
  row: await table.load(limitRows, { limit, subject }),
});

/**
 * Takes one of the subject's tokens, in one conditional write (1 unit); with none left it writes nothing and throws
 * TOO_MANY_REQUESTS with the seconds until there is one. The row keeps only the moment at which the bucket is full again:
 * each token moves it on by the time that one takes to come back. An answer that is lost on the way back costs a second token.
 */
export async function takeToken(
  deps: { env: Env; table: Table },
  limit: LimitName,
  subject: string,
  bucket?: Awaited<ReturnType<typeof bucketOf>>,
): Promise<void> {
  const { burst, perMs } = limits[limit];
  const one = perMs / burst;
  const key = { limit, subject };
  await decide(async (round) => {
    const now = deps.env.clock.now();
    const latest = now + perMs - one;
    const { row } = round === 0 && bucket ? bucket : await bucketOf(deps.table, limit, subject);
    if (row && row.fullAt > latest)
      throw new DomainError("TOO_MANY_REQUESTS", undefined, { retryAfter: Math.ceil((row.fullAt - latest) / second) });
    const full = { ...key, fullAt: now + one };
    if (!row) await deps.table.write(limitRows.create(full));
    else if (row.fullAt <= now) await deps.table.write(limitRows.replace({ ...row, ...full }));
    // those who race here need not read again: each takes its own, as long as there is one
    else await deps.table.write(limitRows.patch(key).when("fullAt", "<=", latest).add({ fullAt: one }));
  });
}
