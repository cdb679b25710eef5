import { loadMember } from "../identity/index.ts";
import type { Env } from "../kernel/env.ts";
import { type Point, toWgs84 } from "../kernel/geo.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Vault } from "../kernel/vault.ts";
import { decide, type Stored, type Table } from "../table/entity.ts";
import { addressBooks } from "../table/keys.ts";

type Deps = { env: Pick<Env, "clock" | "ids">; table: Table; vault: Pick<Vault, "seal" | "open"> };

/** Whom and where to: an entry of a member's address book. The point is in wgs84, the phone eleven digits. */
export interface Address {
  addressId: string;
  name: string;
  phone: string;
  address: string;
  point: Point;
}

/** So many addresses a member keeps. */
const MOST = 20;

/** A member's addresses, the default one first. Throws MEMBER_NOT_FOUND. */
export async function readAddresses(deps: Omit<Deps, "env">, memberId: string): Promise<Address[]> {
  return (await readBook(deps, memberId)).entries;
}

/** One of the member's addresses. Throws ADDRESS_ENTRY_NOT_FOUND, also where it is somebody else's, MEMBER_NOT_FOUND. */
export async function addressOf(
  deps: Omit<Deps, "env">,
  { memberId, addressId }: { memberId: string; addressId: string },
): Promise<Address> {
  const found = (await readAddresses(deps, memberId)).find((one) => one.addressId === addressId);
  if (!found) throw new DomainError("ADDRESS_ENTRY_NOT_FOUND");
  return found;
}

/**
 * Adds an address, or changes the one that is named. `isDefault` makes it the first; the very first one is. What is in the book
 * already is answered as it is: a double tap adds nothing. Throws ADDRESS_ENTRY_NOT_FOUND, ADDRESS_BOOK_FULL, MEMBER_NOT_FOUND.
 */
export function keepAddress(
  deps: Deps,
  input: Omit<Address, "addressId"> & { memberId: string; addressId?: string | undefined; isDefault: boolean },
): Promise<Address> {
  const { memberId, addressId, isDefault, name, phone, address } = input;
  const facts = { name, phone, address, point: toWgs84(input.point) };
  return changed(deps, memberId, (entries) => {
    const known = entries.find((one) =>
      addressId === undefined ? sameFacts(one, facts) : one.addressId === addressId,
    );
    if (addressId !== undefined && !known) throw new DomainError("ADDRESS_ENTRY_NOT_FOUND");
    if (!known && entries.length >= MOST)
      throw new DomainError("ADDRESS_BOOK_FULL", `${MOST} addresses at most: remove one`);
    const kept = { addressId: known?.addressId ?? deps.env.ids.next("AD"), ...facts };
    const others = entries.filter((one) => one !== known);
    const at = isDefault ? 0 : known ? entries.indexOf(known) : others.length;
    return { entries: others.toSpliced(at, 0, kept), result: kept };
  });
}

/** Removes an address; the next one becomes the default. One that is not there is no error. Throws MEMBER_NOT_FOUND. */
export const removeAddress = (
  deps: Deps,
  { memberId, addressId }: { memberId: string; addressId: string },
): Promise<undefined> =>
  changed(deps, memberId, (entries) => ({
    entries: entries.filter((one) => one.addressId !== addressId),
    result: undefined,
  }));

const sameFacts = (one: Address, facts: Omit<Address, "addressId">): boolean =>
  one.name === facts.name &&
  one.phone === facts.phone &&
  one.address === facts.address &&
  one.point.lat === facts.point.lat &&
  one.point.lng === facts.point.lng;

async function readBook({ table, vault }: Omit<Deps, "env">, memberId: string) {
  const [member, book] = await Promise.all([loadMember({ table }, memberId), table.load(addressBooks, { memberId })]);
  const entries = book
    ? (JSON.parse(await vault.open(memberId, member.dataKey, "addresses", book.entries)) as Address[])
    : [];
  return { member, book, entries };
}

function changed<R>(
  deps: Deps,
  memberId: string,
  change: (entries: Address[]) => { entries: Address[]; result: R },
): Promise<R> {
  return decide(async () => {
    const { member, book, entries } = await readBook(deps, memberId);
    const { entries: next, result } = change(entries);
    const row = {
      memberId,
      entries: await deps.vault.seal(memberId, member.dataKey, "addresses", JSON.stringify(next)),
      changedAt: deps.env.clock.now(),
    };
    await deps.table.write(
      book ? addressBooks.replace({ ...row, version: (book as Stored<typeof row>).version }) : addressBooks.create(row),
    );
    return result;
  });
}
