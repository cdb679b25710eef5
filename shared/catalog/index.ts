export { adjustStock, stockLimit, stockWrites } from "./adjust-stock.ts";
export { articleDirectory, articlesAfter } from "./article-directory.ts";
export { findArticles } from "./find-articles.ts";
export { articleWrites, createArticle, loadArticle, retireArticle, updateArticle } from "./keep-article.ts";
export { type Article, article, sale } from "./model.ts";
export { indexArticles } from "./search-articles.ts";
export { takeStock } from "./take-stock.ts";
