import type { Env } from "../kernel/env.ts";
import { randomText } from "../kernel/ids.ts";

/** Pictures of goods as members may send them, and the ends of their names. */
export const pictureTypes = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" } as const;
export type PictureType = keyof typeof pictureTypes;

/** Keyed hash under which we know our own names again. */
export type Seal = (text: string) => string;
const FOLDER = "evidence";
const sealOf = (seal: Seal, orderId: string, name: string) => seal(`${FOLDER} ${orderId} ${name}`).slice(-16);

/** A fresh name for a picture of an order's goods, which nobody else can make. */
export function pictureKey({ rng }: Pick<Env, "rng">, seal: Seal, orderId: string, type: PictureType): string {
  const name = randomText(rng.bytes(16));
  return `${FOLDER}/${orderId}/${name}-${sealOf(seal, orderId, name)}.${pictureTypes[type]}`;
}

/** Whether a name was given out for a picture of this order. */
export function isPictureOf(seal: Seal, orderId: string, key: string): boolean {
  const [folder, of, file = ""] = key.split("/");
  const name = file.slice(0, 16);
  const ends = Object.values(pictureTypes).map((end) => `${name}-${sealOf(seal, orderId, name)}.${end}`);
  return folder === FOLDER && of === orderId && ends.includes(file) && key.split("/").length === 3;
}
