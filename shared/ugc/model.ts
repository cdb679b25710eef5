import * as z from "zod";
import { idOf } from "../kernel/ids.ts";
import { text } from "../kernel/text.ts";
import { epochMs } from "../kernel/time.ts";
import { postLifecycle } from "./lifecycle.ts";

/** So many articles a recipe has: as many as a cart holds. */
export const MOST_INGREDIENTS = 20;

/** recipe: its ingredients are articles; share (晒单): of something that its author bought and has. */
export const postKinds = ["text", "recipe", "share", "announcement", "comment"] as const;

/** What somebody said in a community. A comment is one too, below its `parentId`; counters are exact. */
export const post = z.object({
  postId: idOf("PS"),
  communityId: idOf("CM"),
  kind: z.enum(postKinds),
  /** The post that a comment is about. */
  parentId: idOf("PS").optional(),
  /** The member who wrote it; or else the store's staff did. */
  authorId: idOf("MB").optional(),
  staffId: z.string().optional(),
  text: text(1, 2000),
  /** Keys of its pictures. */
  images: z.array(z.string()).max(9),
  topics: z.array(text(1, 20)).max(3),
  /** Of a recipe; names as they were. */
  ingredients: z
    .array(z.object({ articleId: idOf("AR"), name: z.string(), units: z.int().min(1).max(99) }))
    .max(MOST_INGREDIENTS)
    .optional(),
  /** Of a share: the line of the author's order. */
  bought: z.object({ orderId: idOf("OR"), articleId: idOf("AR"), name: z.string() }).optional(),
  state: z.enum(postLifecycle.states),
  createdAt: epochMs,
  /** Published comments, members who react to it, and reports since a person last looked. */
  comments: z.int().min(0),
  reactions: z.int().min(0),
  reports: z.int().min(0),
  /** Why it is in review or was removed: WeChat's label, `reports`, or in a person's words. */
  why: z.string().optional(),
});
export type Post = z.infer<typeof post>;

/** A member's mark on a post: once each. */
export const postMark = z.object({
  postId: idOf("PS"),
  mark: z.enum(["reaction", "report"]),
  memberId: idOf("MB"),
  at: epochMs,
  reason: text(0, 200).optional(),
});

/** The share that an order's line has: one, while it stands. */
export const sharedLine = z.object({ orderId: idOf("OR"), articleId: idOf("AR"), postId: idOf("PS") });

/** Finds what is published under a topic of a community. */
export const postTopic = z.object({ communityId: idOf("CM"), topic: text(1, 20), postId: idOf("PS") });
