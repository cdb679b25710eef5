import type { PictureType } from "../kernel/pictures.ts";

/** A form that sends one picture, by POST (multipart/form-data) with `fields` first and the picture as `file` last. */
export interface PictureForm {
  url: string;
  fields: Record<string, string>;
  maxBytes: number;
  /** Epoch ms. */
  expiresAt: number;
}

/** Where the pictures of members lie, those that back claims and those of posts. Nobody reads or writes them but by what is given out here, for minutes. */
export interface EvidenceStore {
  /** Takes a picture of this type and no other under this key, of at most so many bytes. */
  upload(key: string, type: PictureType): PictureForm;
  /** An address under which the picture can be seen. */
  view(key: string): string;
  /** The first bytes of a picture; undefined where none lies under the key. Throws TRY_AGAIN where that can't be told. */
  head(key: string): Promise<Uint8Array | undefined>;
  /** Whether a picture lies under the key. Throws TRY_AGAIN where that can't be told. */
  arrived(key: string): Promise<boolean>;
}
