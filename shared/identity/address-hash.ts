/** A keyed hash of an address, the same however its spaces and stops are typed. */
export const addressHash = (deps: { blindIndex(text: string): string }, address: string): string =>
  deps.blindIndex(
    `address ${address
      .normalize("NFKC")
      .toLowerCase()
      .replaceAll(/[\p{P}\p{Z}]/gu, "")}`,
  );
