import { nameOf, type Order } from "../order/index.ts";
import type { Table } from "../table/entity.ts";
import { ordersOfMember } from "../table/keys.ts";

/** What to talk about at the counter: what the member collected last, at most three, and one question to ask. */
export interface ConversationCard {
  bought: string[];
  ask: string;
}

/** Orders that are looked through for what was collected. */
const LOOKED_AT = 6;
const NAMED = 3;

/** The card of an order that is handed over, of its member's earlier ones; it does not say who the member is. */
export async function conversationCard({ table }: { table: Table }, order: Order): Promise<ConversationCard> {
  const { items } = await table.page(ordersOfMember(order.memberId), { limit: LOOKED_AT, eventually: true });
  const earlier = items.filter(
    ({ orderId, handedOverAt, seat }) => orderId !== order.orderId && handedOverAt !== undefined && seat === "PAID",
  );
  return { bought: [...new Set(earlier.map(nameOf))].slice(0, NAMED), ask: questionOf(order, earlier) };
}

/** The first that fits: something bought again, weighed, frozen, a first time; else what it is for. */
export function questionOf({ lines }: Pick<Order, "lines">, earlier: readonly Pick<Order, "lines">[]): string {
  const known = new Set(earlier.flatMap((one) => one.lines.map(({ articleId }) => articleId)));
  const again = lines.find(({ articleId }) => known.has(articleId));
  if (again) return `上次的“${again.name}”吃着怎么样?`;
  const weighed = lines.find(({ packedGrams }) => packedGrams !== undefined);
  if (weighed) return `“${weighed.name}”称了${weighed.packedGrams}克,够一家人吃吗?`;
  const frozen = lines.find(({ zone }) => zone === "frozen");
  if (frozen) return `“${frozen.name}”要冷冻,回家路上久不久,需要冰袋吗?`;
  if (earlier.length === 0) return "第一次来取货,是邻居介绍的吗?";
  return `今天的“${lines[0]!.name}”打算怎么做?`;
}
