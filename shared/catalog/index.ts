export { adjustStock, stockLimit, stockWrites } from "./adjust-stock.ts";
export { findArticles } from "./find-articles.ts";
export { articleWrites, createArticle, loadArticle, retireArticle, updateArticle } from "./keep-article.ts";
export { type Article, article, sale } from "./model.ts";
