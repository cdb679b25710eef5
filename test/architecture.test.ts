import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

/** Modules of shared/ and the ones whose index.ts they may import. */
const modules: Record<string, readonly string[]> = {
  groupbuy: [
    "cart",
    "order",
    "payment",
    "catalog",
    "store",
    "identity",
    "fulfilment",
    "community",
    "supply",
    "pricing",
    "coupon",
    "ledger",
  ],
  aftersale: ["groupbuy", "order", "ledger", "supply"],
  order: ["payment", "pricing", "coupon", "ledger"],
  coupon: [],
  cart: [
    "supply",
    "address",
    "slot",
    "order",
    "payment",
    "catalog",
    "store",
    "identity",
    "fulfilment",
    "pricing",
    "coupon",
    "ledger",
  ],
  home: ["catalog", "groupbuy", "store"],
  referral: ["coupon", "order"],
  bills: ["groupbuy", "ledger", "payment", "payout"],
  payout: ["commission", "ledger", "payment"],
  commission: ["groupbuy", "order", "ledger"],
  fulfilment: ["dispatch", "order", "payment", "store", "supply", "slot"],
  payment: ["identity"],
  dispatch: ["order", "payment", "identity", "ledger"],
  invoice: ["order", "payment", "catalog"],
  ledger: [],
  community: ["store", "identity"],
  ugc: ["cart", "catalog", "community", "identity"],
  journey: ["identity"],
  masterdata: ["catalog", "store", "identity"],
  pos: ["catalog", "store"],
  supply: ["catalog", "store"],
  pricing: [],
  catalog: [],
  address: ["identity"],
  slot: ["store"],
  store: [],
  identity: [],
};
/** What a model may take from another module's model, as data: two parts of one row. */
const modelsOfModels = ["shared/order/model.ts → shared/payment/model.ts"];
/** `work.ts`, where a module has it, is the door to what is loaded on demand. */
const door = String.raw`shared/(${Object.keys(modules).join("|")})/(index|ports|work)\.ts`;
const kernelAndTable = "shared/(kernel|table)/.*";

/** The first row that fits a file says which of our files it may import; its own folder is open to each. */
const mayImport: [of: string, what: string][] = [
  ["shared/kernel/.*", "nothing"],
  [String.raw`shared/\w+/(model|lifecycle)\.ts`, "shared/kernel/.*"],
  ["shared/table/.*", String.raw`shared/kernel/.*|shared/\w+/model\.ts`],
  ...Object.entries(modules).map(([name, others]): [string, string] => [
    `shared/${name}/.*`,
    `${kernelAndTable}|shared/(${others.join("|") || "-"})/index\\.ts`,
  ]),
  ["functions/adapters/.*", `${kernelAndTable}|${door}|functions/adapters/.*`],
  ["functions/runtime/.*", `${kernelAndTable}|${door}|functions/adapters/.*`],
  ["functions/(api|workflows|streams|jobs)/.*", `${kernelAndTable}|${door}|functions/runtime/.*`],
  ["infra/.*", String.raw`infra/.*|shared/kernel/.*|shared/table/keys\.ts`],
  // It builds what it runs, and knows of the stack no more than that.
  [String.raw`local/assembly\.ts`, String.raw`infra/synth\.ts|shared/.*`],
  ["local/.*", `local/.*|${kernelAndTable}|${door}`],
];
/** The business knows no AWS, no HTTP, and of Node only how to hash. */
const packagesOfShared = ["zod", "gcoord", "ngeohash", "node:crypto"];

const root = join(import.meta.dirname, "..");
const files = globSync("{shared,functions,infra,local}/**/*.ts", { cwd: root }).map((path) => ({
  path,
  text: readFileSync(join(root, path), "utf8"),
}));
const imports = files.flatMap(({ path, text }) =>
  [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"\s]+)"/g)].map((match) => ({
    from: path,
    to: match[1]!.startsWith(".") ? normalize(join(dirname(path), match[1]!)) : match[1]!,
    ours: match[1]!.startsWith("."),
  })),
);
const whole = (pattern: string) => new RegExp(`^(?:${pattern})$`);

test("files import along the list and no other way", () => {
  const wrong = imports.filter(({ from, to, ours }) => {
    if (!ours || dirname(from) === dirname(to) || modelsOfModels.includes(`${from} → ${to}`)) return false;
    const row = mayImport.find(([of]) => whole(of).test(from));
    return !row || !whole(row[1]).test(to);
  });
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  expect(imports.filter(({ ours }) => ours).length).toBeGreaterThan(400);
});

test("every module of shared/ stands in the list, and the list runs in no circle", () => {
  const found = globSync("shared/*/index.ts", { cwd: root }).map((path) => path.split("/")[1]!);
  expect(found.sort()).toEqual(Object.keys(modules).sort());
  const below = (name: string, path: readonly string[] = []): string[] =>
    path.includes(name)
      ? [[...path, name].join(" → ")]
      : modules[name]!.flatMap((other) => below(other, [...path, name]));
  expect(Object.keys(modules).flatMap((name) => below(name))).toEqual([]);
});

test("a recount knows the shapes of rows, and nothing of the code that writes them", () => {
  const written = files
    .filter(({ path }) => path.startsWith("local/recount/"))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^import (?!type )[^;]*"(\.[^"]+)"/gm)].map((match) =>
        normalize(join(dirname(path), match[1]!)),
      ),
    )
    .filter((path) => path.startsWith("shared/") || path.startsWith("functions/"));
  expect(written).toEqual([]);
});

test("the business imports no package but zod, two of geography and a hash", () => {
  const foreign = imports.filter(
    ({ from, to, ours }) => from.startsWith("shared/") && !ours && !packagesOfShared.includes(to),
  );
  expect(foreign).toEqual([]);
  expect(imports.some(({ from, to }) => from.startsWith("shared/") && to === "zod")).toBe(true);
});

test("time, chance and ids come through Env alone", () => {
  const bare = /\bDate\.now\b|\bnew Date\b|\bMath\.random\b|\brandomUUID\b|\bperformance\.now\b/;
  const looked = files.filter(
    ({ path }) =>
      /^(shared|functions)\//.test(path) && !path.startsWith("functions/runtime/") && path !== "shared/kernel/time.ts",
  );
  expect(looked.filter(({ text }) => bare.test(text)).map(({ path }) => path)).toEqual([]);
  expect(looked.length).toBeGreaterThan(80);
});

test("zod is imported as a namespace: by name the whole of it would be bundled", () => {
  const named = files.filter(({ text }) => /import\s*\{[^}]*\bz\b[^}]*\}\s*from "zod"/.test(text));
  expect(named.map(({ path }) => path)).toEqual([]);
});
