import { addToCart, type CartLine } from "../cart/index.ts";
import type { Env } from "../kernel/env.ts";
import { DomainError } from "../kernel/problem.ts";
import type { Table } from "../table/entity.ts";
import type { Once } from "../table/once.ts";
import { visiblePost } from "./read-posts.ts";

/**
 * Puts a recipe's ingredients into a member's cart, beside what is in it; each line says that it came of the recipe. `left` are
 * those that the cart has no room for. Throws POST_NOT_FOUND (also of what is no recipe), NOT_COMMUNITY_MEMBER.
 */
export async function recipeToCart(
  deps: { env: Env; table: Table },
  { once, ...who }: { postId: string; memberId: string; once: Once<{ lines: CartLine[]; left: string[] }> },
): Promise<{ lines: CartLine[]; left: string[] }> {
  const post = await visiblePost(deps, who);
  if (!post.ingredients) throw new DomainError("POST_NOT_FOUND", "it is no recipe");
  const lines = post.ingredients.map(({ articleId, units }) => ({ articleId, units, originId: post.postId }));
  return addToCart(deps, { memberId: who.memberId, lines, once });
}
