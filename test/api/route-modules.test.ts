import { expect, test } from "vitest";
import { hooksModules } from "../../functions/api/hooks-routes.ts";
import { opsModules } from "../../functions/api/ops-routes.ts";
import { allModules } from "../../functions/api/routes.ts";
import { shopModules } from "../../functions/api/shop-routes.ts";
import { moduleAt } from "../../functions/runtime/route-module.ts";

const filled = (path: string) => path.replaceAll(/\{\w+\}/g, "X1");

test.each([
  ["shop", shopModules],
  ["ops", opsModules],
  ["hooks", hooksModules],
])("every route of %s is in the module that its path leads to", async (_name, modules) => {
  const astray: string[] = [];
  let seen = 0;
  for (const module of modules)
    for (const { method, path } of await module.routes()) {
      seen++;
      if (moduleAt(modules, filled(path)) !== module)
        astray.push(`${method} ${path}: name a beginning of it under its module, in functions/api/*-routes.ts`);
    }
  expect(astray).toEqual([]);
  expect(seen).toBeGreaterThan(0);
});

test("no beginning is there for nothing, or twice", async () => {
  const unders = allModules.flatMap(({ under }) => under);
  expect(new Set(unders).size).toBe(unders.length);
  for (const module of allModules) {
    const paths = (await module.routes()).map(({ path }) => filled(path));
    for (const under of module.under)
      expect(
        paths.some((path) => moduleAt([{ ...module, under: [under] }], path)),
        under,
      ).toBe(true);
  }
});

test("a path that no module begins is served by none", () => {
  expect(moduleAt(shopModules, "/v1/nothing")).toBeUndefined();
  expect(moduleAt(shopModules, "/v1")).toBeUndefined();
  expect(moduleAt(shopModules, "/v1/storesX")).toBeUndefined();
});
