import type { Env } from "../kernel/env.ts";
import { makeEvent } from "../kernel/event.ts";
import type { Seal } from "../kernel/pictures.ts";
import { DomainError } from "../kernel/problem.ts";
import { afterSaleMs, notGoneBackFen, type Order, orderFacts } from "../order/index.ts";
import { decide, type Table } from "../table/entity.ts";
import { claims, dues, orders, outbox, refundsOf } from "../table/keys.ts";
import type { Once } from "../table/once.ts";
import { isPictureOf } from "./evidence.ts";
import type { Claim } from "./model.ts";
import { aftersalePolicy, workingDaysAfter } from "./policy.ts";
import type { EvidenceStore } from "./ports.ts";

/**
 * A member claims something of an order that was handed over, within the after-sale time (seven days) and with pictures. One claim an
 * order, which names every line that was not right. It is to be answered within fifteen working days. Throws ORDER_NOT_FOUND,
 * ORDER_STATE (not handed over, too long ago), CLAIM_EXISTS, INPUT_INVALID (a line or more units than the order has),
 * EVIDENCE_NOT_FOUND (a picture's name that was not given out for this order, or a picture that has not arrived), COMPENSATION_LIMIT (more than is left of the payment).
 */
export async function openClaim(
  deps: { env: Env; table: Table; blindIndex: Seal; evidence: Pick<EvidenceStore, "arrived"> },
  input: Pick<Claim, "orderId" | "lines" | "photos" | "wantedFen"> & { once: Once<Claim> },
): Promise<Claim> {
  const { env, table } = deps;
  const { orderId, lines, photos, wantedFen, once } = input;
  return decide(async () => {
    const [order, known] = await Promise.all([table.load(orders, { orderId }), table.load(claims, { orderId })]);
    if (!order) throw new DomainError("ORDER_NOT_FOUND");
    const at = env.clock.now();
    if (order.handedOverAt === undefined || order.seat !== "PAID")
      throw new DomainError("ORDER_STATE", "claim once the goods are handed over");
    if (at >= order.handedOverAt + afterSaleMs)
      throw new DomainError("ORDER_STATE", "it was collected more than seven days ago");
    if (known) throw new DomainError("CLAIM_EXISTS", `it is ${known.state}`);
    mustBeOf(order, lines);
    if (!photos.every((key) => isPictureOf(deps.blindIndex, orderId, key))) throw new DomainError("EVIDENCE_NOT_FOUND");
    if ((await Promise.all(photos.map((key) => deps.evidence.arrived(key)))).includes(false))
      throw new DomainError("EVIDENCE_NOT_FOUND", "a picture has not arrived");
    const leftFen = notGoneBackFen(order, (await table.page(refundsOf(orderId), { limit: 100 })).items);
    if (wantedFen > leftFen)
      throw new DomainError("COMPENSATION_LIMIT", undefined, { facts: { amountFen: wantedFen, leftFen } });
    const { memberId, storeId } = order;
    const answerBy = workingDaysAfter(at, aftersalePolicy.answerWithin);
    const opened: Claim = {
      ...{ orderId, memberId, storeId, state: "OPEN" },
      ...{ lines, photos, wantedFen, openedAt: at, answerBy },
    };
    await table.commit([
      claims.create(opened),
      dues.create({ kind: "claim", id: orderId, at: workingDaysAfter(at, aftersalePolicy.alarmAfter), since: at }),
      outbox.create(
        makeEvent(env, {
          type: "claim.opened",
          actor: { kind: "member", id: memberId },
          origin: order.origin,
          data: { ...orderFacts(order), wantedFen, articleIds: lines.map(({ articleId }) => articleId) },
        }),
      ),
      ...once(opened),
    ]);
    return opened;
  });
}

/** Each line is one of the order's, once, and no more units than it has. */
function mustBeOf(order: Order, lines: Claim["lines"]): void {
  const errors = lines.flatMap(({ articleId, units }, i) => {
    const path = `body.lines.${i}`;
    const line = order.lines.find((one) => one.articleId === articleId);
    if (!line || lines.findIndex((one) => one.articleId === articleId) !== i)
      return [{ path: `${path}.articleId`, message: "name a line of the order, once" }];
    return units > line.units ? [{ path: `${path}.units`, message: `at most ${line.units}` }] : [];
  });
  if (errors.length > 0) throw new DomainError("INPUT_INVALID", undefined, { errors });
}
