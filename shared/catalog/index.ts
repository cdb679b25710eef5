export { adjustStock, stockLimit } from "./adjust-stock.ts";
export { type ArticleFacts, createArticle, loadArticle, retireArticle, updateArticle } from "./keep-article.ts";
export { type Article, article, type Stock, sale } from "./model.ts";
