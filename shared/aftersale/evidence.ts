import type { Env } from "../kernel/env.ts";
import * as pictures from "../kernel/pictures.ts";

/** A fresh name for a picture of an order's goods, which nobody else can make. */
export const pictureKey = (
  env: Pick<Env, "rng">,
  seal: pictures.Seal,
  orderId: string,
  type: pictures.PictureType,
): string => pictures.pictureKey(env, seal, { folder: "evidence", owner: orderId, type });

/** Whether a name was given out for a picture of this order. */
export const isPictureOf = (seal: pictures.Seal, orderId: string, key: string): boolean =>
  pictures.isPictureOf(seal, { folder: "evidence", owner: orderId }, key);
