import * as z from "zod";
import { places } from "../location.ts";
import { catalogue } from "./catalogue.ts";
import type { Caller, Client } from "./http-client.ts";

/** The chain as it stands when the stories begin. */
export interface Chain {
  /** Neighbourhood → the id of its store. */
  stores: Map<string, string>;
  /** Name of an article → its id and price alone, fen. */
  articles: Map<string, { articleId: string; priceFen: number }>;
}

/** Units of every article put on sale at every store. */
const stockUnits = 40;
const everyDay = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, opens: 7 * 60, closes: 22 * 60 }));

/** Opens a store at each site of the address book, at its real coordinates, serving 4 km around. */
export async function openStores(admin: Caller): Promise<Map<string, string>> {
  const stores = new Map<string, string>();
  for (const { name, district, road, lat, lng } of places.filter(({ store }) => store)) {
    const body = {
      name: `鲜邻优选·${name}店`,
      address: `上海市${district}${road}`,
      point: { lat, lng, datum: "wgs84" },
      radiusM: 4000,
      hours: everyDay,
    };
    stores.set(name, (await admin.post("/ops/v1/stores", body, z.object({ storeId: z.string() }))).storeId);
  }
  return stores;
}

export async function listArticles(admin: Caller): Promise<Chain["articles"]> {
  const articles: Chain["articles"] = new Map();
  for (const article of catalogue) {
    const { articleId } = await admin.post("/ops/v1/articles", article, z.object({ articleId: z.string() }));
    articles.set(article.name, { articleId, priceFen: article.priceFen });
  }
  return articles;
}

/** All stores at once; within a store one after the other. */
export async function stockUp(admin: Caller, storeIds: Iterable<string>, articleIds: string[]): Promise<void> {
  const delivery = async (storeId: string) => {
    for (const articleId of articleIds)
      await admin.post(
        `/ops/v1/stores/${storeId}/stock/${articleId}/adjustments`,
        { delta: stockUnits, reason: "早班到货" },
        z.object({ online: z.literal(stockUnits) }),
      );
  };
  await Promise.all([...storeIds].map(delivery));
}

/** Makes the sign-in and the staff row of somebody who works at one store. */
export async function hireClerk(client: Client, admin: Caller, name: string, storeId: string): Promise<Caller> {
  const signIn = { username: name, password: `${name}-demo-password` };
  const { sub } = await client.local.post("/_local/cognito/users", signIn, z.object({ sub: z.string() }));
  const row = { staffId: sub, name, roles: ["store_staff"], storeIds: [storeId] };
  await admin.post("/ops/v1/staff", row, z.object({ active: z.literal(true) }));
  return client.staff(signIn.username, signIn.password);
}
