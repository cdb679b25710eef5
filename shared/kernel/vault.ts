import * as z from "zod";

/** Text that only its member's data key opens; made by the vault alone, so that plain text can't be stored by mistake. */
export type Sealed = string & z.BRAND<"Sealed">;

/** Schema of a personal datum: rows hold it sealed. */
export const pii = () =>
  z.custom<Sealed>((value) => typeof value === "string" && value.startsWith("v1."), "a sealed value");

/** Seals personal data under its member's own data key. A sealed value opens only for the member and field it was sealed for. */
export interface Vault {
  /** A fresh data key for a member, encrypted (base64): what the member's row keeps. */
  newKey(memberId: string): Promise<string>;
  seal(memberId: string, dataKey: string, field: string, plaintext: string): Promise<Sealed>;
  /** Throws when the value was sealed for another member or field, or was tampered with. */
  open(memberId: string, dataKey: string, field: string, sealed: Sealed): Promise<string>;
}
