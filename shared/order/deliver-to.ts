import { invariant } from "../kernel/invariant.ts";
import type { Vault } from "../kernel/vault.ts";
import type { Table } from "../table/entity.ts";
import { members } from "../table/keys.ts";
import type { Order } from "./model.ts";

/** To whom an order is brought. */
export interface Recipient {
  name: string;
  /** Eleven digits. */
  phone: string;
  address: string;
  wgs84: { lat: number; lng: number };
}

/** Opens to whom an order is brought, and the member's openid; undefined where it is collected, or its member is gone. */
export async function openRecipient(
  { table, vault }: { table: Table; vault: Pick<Vault, "open"> },
  { memberId, deliverTo }: Pick<Order, "memberId" | "deliverTo">,
): Promise<(Recipient & { openid: string }) | undefined> {
  const member = deliverTo && (await table.load(members, { memberId }));
  if (!member) return undefined;
  const opened = await vault.open(memberId, member.dataKey, "deliverTo", deliverTo);
  const { name, phone, address, wgs84 } = JSON.parse(opened) as Recipient;
  invariant(phone !== "", "whom an order is brought to has a phone");
  return { name, phone, address, wgs84, openid: member.openid };
}
