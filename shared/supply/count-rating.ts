import { decide, type Table } from "../table/entity.ts";
import { ratings } from "../table/keys.ts";
import { changeRecord } from "./goods-record.ts";

/** Counts what a member said of an article into the article's record, once, however often it is told. No score comes of ratings alone. */
export async function countRating(
  { table }: { table: Table },
  { orderId, articleId }: { orderId: string; articleId: string },
): Promise<void> {
  await decide(async () => {
    const rating = await table.load(ratings, { orderId, articleId });
    if (!rating || rating.counted) return;
    const counted = await changeRecord(table, { of: "article", id: articleId }, (record) => {
      const { tasty, all } = record.ratings ?? { tasty: 0, all: 0 };
      return { ...record, ratings: { tasty: tasty + (rating.tasty ? 1 : 0), all: all + 1 } };
    });
    await table.commit([ratings.patch(rating).asRead(rating).set({ counted: true }), counted]);
  });
}
