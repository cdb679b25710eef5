import type { Env } from "./env.ts";
import { randomText } from "./ids.ts";

/** Pictures as members may send them, and the ends of their names. */
export const pictureTypes = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" } as const;
export type PictureType = keyof typeof pictureTypes;

/** Where pictures lie: under each, by whose or what's they are. */
export type PictureFolder = "evidence" | "posts";

/** Keyed hash under which we know our own names again. */
export type Seal = (text: string) => string;
const sealOf = (seal: Seal, folder: PictureFolder, owner: string, name: string) =>
  seal(`${folder} ${owner} ${name}`).slice(-16);

/** A fresh name for a picture of `owner`, an id, which nobody else can make. */
export function pictureKey(
  { rng }: Pick<Env, "rng">,
  seal: Seal,
  { folder, owner, type }: { folder: PictureFolder; owner: string; type: PictureType },
): string {
  const name = randomText(rng.bytes(16));
  return `${folder}/${owner}/${name}-${sealOf(seal, folder, owner, name)}.${pictureTypes[type]}`;
}

/** Whether a name was given out for a picture of this owner. */
export function isPictureOf(
  seal: Seal,
  { folder, owner }: { folder: PictureFolder; owner: string },
  key: string,
): boolean {
  const [at, of, file = ""] = key.split("/");
  const name = file.slice(0, 16);
  const ends = Object.values(pictureTypes).map((end) => `${name}-${sealOf(seal, folder, owner, name)}.${end}`);
  return at === folder && of === owner && ends.includes(file) && key.split("/").length === 3;
}

/** So many bytes tell what a picture is. */
export const PICTURE_HEAD = 12;

/** Whether a file that begins so is a picture of the type that its name tells. */
export function beginsLikePicture(key: string, head: Uint8Array): boolean {
  const at = (offset: number, bytes: number[]) => bytes.every((byte, i) => head[offset + i] === byte);
  switch (key.split(".").at(-1)) {
    case "jpg":
      return at(0, [0xff, 0xd8, 0xff]);
    case "png":
      return at(0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    case "webp":
      return at(0, [0x52, 0x49, 0x46, 0x46]) && at(8, [0x57, 0x45, 0x42, 0x50]);
    default:
      return false;
  }
}
