export { postLifecycle } from "./lifecycle.ts";
export { MOST_INGREDIENTS, type Post, postKinds } from "./model.ts";
export { checkPost, decidePost } from "./moderate.ts";
export { react, report } from "./react.ts";
export { type Seen, seenBy, visiblePost } from "./read-posts.ts";
export { recipeToCart } from "./recipe-to-cart.ts";
export { announce, withdrawPost, writeComment, writePost } from "./write-post.ts";
