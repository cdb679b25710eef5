export { adjustStock, stockLimit } from "./adjust-stock.ts";
export { createArticle, loadArticle, retireArticle, updateArticle } from "./keep-article.ts";
export { type Article, article, sale } from "./model.ts";
