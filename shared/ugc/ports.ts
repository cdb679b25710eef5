/** What a check says: others may see it, nobody may, or a person must look; `label` is the checker's reason. */
export type Verdict =
  | { kind: "pass" }
  | { kind: "review" | "risky"; label: string }
  /** It can't be checked at all, e.g. its author has not been here lately. */
  | { kind: "refused"; code: string }
  /** Nobody knows yet: ask again. */
  | { kind: "busy" }
  | { kind: "unknown"; reason: string };

/** Whether what a user wrote may be shown. Sent once: the due row's owner asks again. */
export interface ContentCheck {
  /** `scene`: how WeChat calls where it stands. At most 2,500 characters. */
  checkText(input: { openid: string; scene: "comment" | "forum"; text: string }): Promise<Verdict>;
}

/** What a post needs of the store of pictures: the first bytes of one; undefined where none lies under the key. */
export interface PictureHeads {
  head(key: string): Promise<Uint8Array | undefined>;
}
