import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { communityStore, offerStores, type RouteRequest, routeOrder } from "../../shared/fulfilment/index.ts";
import { cellOf, middleOf } from "../../shared/fulfilment/routing-rules.ts";
import { greatCircle, type Point, toGcj02 } from "../../shared/kernel/geo.ts";
import { day, dayOf, hour, second, startOfDay } from "../../shared/kernel/time.ts";
import { routeCells, stocks, stores } from "../../shared/table/keys.ts";
import { near, openWorld, refusal } from "./world.ts";

const { deps, table, env, clock, planner, asked, addStore } = await openWorld();
const plenty = async (ids: readonly string[]) => new Map(ids.map((id) => [id, 99]));
let town = 0;
/** A place of its own for each test and each run of a property, far from every other, however many are asked for. */
const elsewhere = (): Point => {
  town += 1;
  return { lat: 24 + (town % 40), lng: 110 + 2 * Math.floor(town / 40), datum: "wgs84" };
};
const ask = (place: RouteRequest["place"], more: Partial<Parameters<typeof routeOrder>[1]> = {}) => ({
  place,
  articleId: env.ids.next("AR"),
  units: 2,
  allotmentLeft: plenty,
  window: { from: env.clock.now(), until: env.clock.now() + 24 * hour },
  fulfilment: "pickup" as const,
  ...more,
});

describe("routing an order", () => {
  it("takes the store with the shortest way by road, not by straight line", async () => {
    const here = elsewhere();
    const acrossTheRiver = await addStore(near(here, 300));
    const byRoad = await addStore(near(here, -600));
    const usual = planner.answer;
    planner.answer = async (_from, to) =>
      to.map((p) => (p.lat > here.lat ? { distanceM: 4000, durationS: 600 } : { distanceM: 900, durationS: 150 }));
    const { storeId, routed, options } = await routeOrder(deps, ask(here));
    planner.answer = usual;
    expect(storeId).toBe(byRoad.storeId);
    expect(routed).toMatchObject({ by: "nearest", method: "matrix", distanceM: 900, durationS: 150, passed: [] });
    expect(options.map((o) => o.storeId)).toEqual([byRoad.storeId, acrossTheRiver.storeId]);
  });

  it("answers neighbours of a cell from the kept decision, asks again after a day, and never sends the exact place", async () => {
    const here = elsewhere();
    await addStore(near(here, 500));
    await addStore(near(here, -600));
    const before = asked.length;
    expect((await routeOrder(deps, ask(here))).routed.method).toBe("matrix");
    expect(asked.at(-1)!.from).toEqual(middleOf(cellOf(here)));
    expect((await routeOrder(deps, ask(here))).routed.method).toBe("cache");
    expect(asked.length).toBe(before + 1);
    clock.advance(day);
    expect((await routeOrder(deps, ask(here))).routed.method).toBe("matrix");
    expect(asked.length).toBe(before + 2);
    expect((await routeOrder(deps, ask(here))).routed.method).toBe("cache");
  });

  it("says that it reckoned with a straight line while Location is down, and keeps nothing of it", async () => {
    const here = elsewhere();
    await addStore(near(here, 1000));
    await addStore(near(here, -1200));
    const usual = planner.answer;
    planner.answer = async () => undefined;
    const { routed } = await routeOrder(deps, ask(here));
    planner.answer = usual;
    expect(routed.method).toBe("great_circle");
    expect(routed.durationS).toBeUndefined();
    expect(routed.distanceM).toBeGreaterThan(1340);
    expect(routed.distanceM).toBeLessThan(1360);
    expect((await table.page(routeCells.query({ pk: `CELL#${cellOf(here)}` }), { limit: 5 })).items).toEqual([]);
    expect((await routeOrder(deps, ask(here))).routed.method).toBe("matrix");
  });

  it("asks about no road where none could make another store the nearest, and says that it reckoned", async () => {
    const here = elsewhere();
    const atTheCorner = await addStore(near(here, 100));
    await addStore(near(here, -3500), { radiusM: 4000 });
    const before = asked.length;
    const { storeId, routed, why } = await routeOrder(deps, ask(here));
    expect({ storeId, method: routed.method }).toEqual({ storeId: atTheCorner.storeId, method: "great_circle" });
    expect(why).toContain("按直线估算");
    expect(asked.length).toBe(before);
    // who looks at the stores to pick one sees roads; from then on they are known
    await offerStores(deps, ask(here));
    expect(asked.length).toBe(before + 1);
    expect((await routeOrder(deps, ask(here))).routed.method).toBe("cache");
  });

  it("reckons with a straight line for the one store no road is known to", async () => {
    const here = elsewhere();
    const known = await addStore(near(here, 1000));
    const island = await addStore(near(here, -400));
    const usual = planner.answer;
    planner.answer = async (_from, to) =>
      to.map((p) => (p.lat < here.lat ? undefined : { distanceM: 1200, durationS: 200 }));
    const { options } = await routeOrder(deps, ask(here));
    planner.answer = usual;
    expect(options.map(({ storeId, method }) => [storeId, method])).toEqual([
      [island.storeId, "great_circle"],
      [known.storeId, "matrix"],
    ]);
    expect((await routeOrder(deps, ask(here))).routed.method).toBe("matrix");
  });

  it("passes over nearer stores that are suspended, shut or sold out, and says so", async () => {
    const here = elsewhere();
    const suspended = await addStore(near(here, 100), { suspended: true });
    const shut = await addStore(near(here, 200), { hours: [] });
    const small = await addStore(near(here, 300), { radiusM: 150 });
    const soldOut = await addStore(near(here, 400));
    const able = await addStore(near(here, 500));
    const left = async (ids: readonly string[]) => new Map(ids.map((id) => [id, id === soldOut.storeId ? 1 : 2]));
    const { storeId, routed } = await routeOrder(deps, ask(here, { allotmentLeft: left }));
    expect(storeId).toBe(able.storeId);
    expect(routed.passed).toEqual([
      { storeId: suspended.storeId, why: "suspended" },
      { storeId: shut.storeId, why: "closed" },
      { storeId: small.storeId, why: "out_of_range" },
      { storeId: soldOut.storeId, why: "no_stock" },
    ]);
  });

  it("takes the online stock where no campaign has an allotment", async () => {
    const here = elsewhere();
    const [bare, stocked] = [await addStore(near(here, 100)), await addStore(near(here, 200))];
    const request = ask(here);
    await table.commit([
      stocks.create({ storeId: bare.storeId, articleId: request.articleId, online: 1 }),
      stocks.create({ storeId: stocked.storeId, articleId: request.articleId, online: 2 }),
    ]);
    const { allotmentLeft: _none, ...without } = request;
    expect((await routeOrder(deps, without)).storeId).toBe(stocked.storeId);
  });

  it("chooses as if all had been asked about, whatever the roads", async () => {
    const usual = planner.answer;
    let spared = 0;
    await fc.assert(
      fc.asyncProperty(
        // roads are told apart by where they lead; a store that stands at the very end of its reach may or may not serve
        fc.uniqueArray(
          fc.record({ metres: fc.integer({ min: 50, max: 2990 }), bends: fc.double({ min: 1, max: 4, noNaN: true }) }),
          {
            minLength: 1,
            maxLength: 8,
            selector: ({ metres }) => metres,
          },
        ),
        async (shapes) => {
          const here = elsewhere();
          const added = [];
          for (const { metres } of shapes) added.push(await addStore(near(here, metres)));
          const roads = new Map(
            added.map(({ storeId, wgs84 }, i) => [
              wgs84.lat,
              {
                storeId,
                distanceM: Math.ceil(greatCircle(middleOf(cellOf(here)), wgs84) * shapes[i]!.bends),
                durationS: 60,
              },
            ]),
          );
          planner.answer = async (_from, to) => to.map(({ lat }) => roads.get(lat)!);
          const before = asked.length;
          const { storeId, routed } = await routeOrder(deps, ask(here));
          const way = [...roads.values()].find((road) => road.storeId === storeId)!;
          expect(way.distanceM).toBe(Math.min(...[...roads.values()].map(({ distanceM }) => distanceM)));
          if (routed.method === "matrix") expect(routed.distanceM).toBe(way.distanceM);
          else expect(asked.length).toBe(before);
          spared += roads.size - asked.slice(before).reduce((sum, { to }) => sum + to.length, 0);
        },
      ),
      { numRuns: 30 },
    );
    planner.answer = usual;
    expect(spared).toBeGreaterThan(0);
  });

  it("chooses, compares and explains as if every store had been judged, however many can't serve", async () => {
    let street = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("able", "able", "suspended", "closed", "out_of_range", "no_stock"), {
          minLength: 1,
          maxLength: 30,
        }),
        fc.option(fc.nat(29), { nil: undefined }),
        async (states, pick) => {
          // along one street, so that the way from the cell's middle puts them in the same order
          const here: Point = { lat: 8 + ++street / 2, lng: 100, datum: "wgs84" };
          const chain: { storeId: string; state: string }[] = [];
          for (const [i, state] of states.entries()) {
            const { storeId } = await addStore(near(here, 300 + 200 * i), {
              radiusM: state === "out_of_range" ? 100 : 8000,
              suspended: state === "suspended",
              ...(state === "closed" && { hours: [] }),
            });
            chain.push({ storeId, state });
          }
          const stock = new Map(chain.map(({ storeId, state }) => [storeId, state === "no_stock" ? 1 : 2]));
          const able = chain.filter(({ state }) => state === "able");
          const picked = pick === undefined ? undefined : chain[pick];
          const request = ask(here, { pickedStoreId: picked?.storeId, allotmentLeft: async () => stock });
          const chosen = picked ?? able[0];
          if (chosen?.state !== "able") {
            const about = chosen ?? chain[0]!;
            expect(await refusal(routeOrder(deps, request))).toMatchObject({
              code: picked ? "STORE_NOT_ABLE" : "NO_STORE_IN_RANGE",
              facts: { storeId: about.storeId, why: about.state },
            });
            return;
          }
          const { storeId, routed, options } = await routeOrder(deps, request);
          expect(storeId).toBe(chosen.storeId);
          expect(routed.passed).toEqual(
            chain
              .slice(0, chain.indexOf(chosen))
              .flatMap(({ storeId: id, state }) => (state === "able" ? [] : [{ storeId: id, why: state }]))
              .slice(0, 8),
          );
          const compared = able.slice(0, 8);
          if (!compared.includes(chosen)) compared.splice(7, 1, chosen);
          expect(options.map((option) => option.storeId)).toEqual(compared.map((one) => one.storeId));
        },
      ),
      { numRuns: 25 },
    );
  });

  it("looks at no more than eight able stores, and asks about those that may be the nearest", async () => {
    const here = elsewhere();
    for (let n = 1; n <= 10; n++) await addStore(near(here, n * 100));
    const { options } = await routeOrder(deps, ask(here));
    expect(options).toHaveLength(8);
    // by road the first is 120 m away: only it and who may come in question, within 135 m, is asked about
    expect(asked.at(-1)!.to).toHaveLength(1);
  });

  it("gives the store the member picks, also when it is the tenth nearest, and refuses one that can't serve", async () => {
    const here = elsewhere();
    for (let n = 1; n <= 9; n++) await addStore(near(here, n * 100));
    const tenth = await addStore(near(here, 1000));
    const suspended = await addStore(near(here, 50), { suspended: true });
    const far = await addStore(near(here, 9000));
    const picked = await routeOrder(deps, ask(here, { pickedStoreId: tenth.storeId }));
    expect(picked).toMatchObject({ storeId: tenth.storeId, routed: { by: "picked", method: "matrix" } });
    expect(await refusal(routeOrder(deps, ask(here, { pickedStoreId: suspended.storeId })))).toMatchObject({
      code: "STORE_NOT_ABLE",
      facts: { why: "suspended" },
    });
    expect(await refusal(routeOrder(deps, ask(here, { pickedStoreId: far.storeId })))).toMatchObject({
      code: "STORE_NOT_ABLE",
      facts: { why: "out_of_range" },
    });
    expect(await refusal(routeOrder(deps, ask(here, { pickedStoreId: env.ids.next("ST") })))).toMatchObject({
      code: "STORE_NOT_FOUND",
    });
  });

  it("breaks a tie by the store's id, every time", async () => {
    const here = middleOf(cellOf(elsewhere()));
    const [east, west] = [await addStore(near(here, 0, 500)), await addStore(near(here, 0, -500))];
    const usual = planner.answer;
    planner.answer = async (_from, to) => to.map(() => ({ distanceM: 600, durationS: 100 }));
    const first = await routeOrder(deps, ask(here));
    planner.answer = usual;
    const again = await routeOrder(deps, ask(here));
    const smaller = [east.storeId, west.storeId].sort()[0];
    expect([first.storeId, again.storeId, again.routed.method]).toEqual([smaller, smaller, "cache"]);
  });

  it("routes the same place alike in both datums", async () => {
    const here = elsewhere();
    await addStore(near(here, 300));
    await addStore(near(here, -350));
    const a = await routeOrder(deps, ask(here));
    const b = await routeOrder(deps, ask(toGcj02(here)));
    expect(b.storeId).toBe(a.storeId);
    expect(b.routed.cell).toBe(a.routed.cell);
  });

  it("refuses where nobody can serve, naming the nearest store, its distance and why", async () => {
    const here = elsewhere();
    const far = await addStore(near(here, 5000), { name: "远店" });
    const refused = await refusal(routeOrder(deps, ask(here)));
    expect(refused).toMatchObject({
      code: "NO_STORE_IN_RANGE",
      facts: { storeId: far.storeId, name: "远店", why: "out_of_range" },
    });
    expect(Math.abs((refused.facts!.distanceM as number) - 5000)).toBeLessThan(20);
  });

  it("counts an opening that is left of the pickup window, not one that has passed", async () => {
    const here = elsewhere();
    await addStore(near(here, 100));
    const now = env.clock.now();
    const tonight = Math.floor(now / day) * day + 14 * hour; // 22:00 in Shanghai
    clock.set(tonight);
    const past = { from: tonight - 12 * hour, until: tonight + hour };
    expect(await refusal(routeOrder(deps, ask(here, { window: past })))).toMatchObject({
      code: "NO_STORE_IN_RANGE",
      facts: { why: "closed" },
    });
    expect(
      (await routeOrder(deps, ask(here, { window: { ...past, until: tonight + 12 * hour } }))).storeId,
    ).toBeTruthy();
  });

  it("never answers a store that was suspended within the directory's half minute, and finds one opened since", async () => {
    const here = elsewhere();
    const first = await addStore(near(here, 100));
    const second1 = await addStore(near(here, 200));
    clock.advance(31 * second);
    expect((await routeOrder(deps, ask(here))).storeId).toBe(first.storeId);
    await table.commit([stores.patch({ storeId: first.storeId }).set({ suspended: true })]);
    expect((await routeOrder(deps, ask(here))).storeId).toBe(second1.storeId);
    const there = elsewhere();
    const opened = await addStore(near(there, 100));
    expect((await routeOrder(deps, ask(there))).storeId).toBe(opened.storeId);
  });

  it("locates an address, and asks for a point where it finds only a district or nothing", async () => {
    const opened = await addStore({ lat: 31.2331, lng: 121.4692, datum: "wgs84" });
    expect((await routeOrder(deps, ask({ address: "人民广场" }))).storeId).toBe(opened.storeId);
    expect((await refusal(routeOrder(deps, ask({ address: "黄浦区" })))).code).toBe("ADDRESS_NOT_FOUND");
    expect((await refusal(routeOrder(deps, ask({ address: "不存在的地方" })))).code).toBe("ADDRESS_NOT_FOUND");
  });

  it("does not offer delivery", async () => {
    expect((await refusal(routeOrder(deps, ask(elsewhere(), { fulfilment: "delivery" })))).code).toBe(
      "DELIVERY_NOT_OFFERED",
    );
  });
});

describe("offering stores", () => {
  it("lists up to five able ones, the best first, each saying why and when it is open", async () => {
    const here = elsewhere();
    await addStore(near(here, 50), { suspended: true, name: "停业店" });
    for (let n = 1; n <= 6; n++) await addStore(near(here, n * 150), { name: `${n}号店` });
    const offers = await offerStores(deps, ask(here));
    expect(offers.map((o) => o.name)).toEqual(["1号店", "2号店", "3号店", "4号店", "5号店"]);
    expect(offers[0]!.why).toMatch(/^最近的可服务门店\(更近的停业店因暂停服务不可选\):路程 \d+ 米\(约 1 分钟\)$/);
    expect(offers[1]!.why).toMatch(/^可服务门店中第 2 近:按直线估算约 \d+ 米$/);
    expect(offers[0]!.hours).toBe("每天 08:00–21:00");
  });

  it("tells of the special days within the pickup window", async () => {
    const here = elsewhere();
    const on = (days: number) => dayOf(env.clock.now() + days * day);
    await addStore(near(here, 50), {
      specialDays: [
        { date: on(1), hours: [], name: "盘点" },
        { date: on(0), hours: [{ opens: 480, closes: 1440 }] },
        { date: on(3), hours: [] },
      ],
    });
    const window = { from: env.clock.now(), until: env.clock.now() + 48 * hour };
    const [offer] = await offerStores(deps, ask(here, { window }));
    const text = (days: number) => on(days).replace(/^.{4}-0?(\d+)-0?(\d+)$/, "$1月$2日");
    expect(offer!.hours).toBe(`每天 08:00–21:00;${text(0)} 08:00–24:00;${text(1)}盘点休息`);
  });
});

describe("a community's store", () => {
  it("serves its batch wherever its area lies, and not on a holiday", async () => {
    const here = elsewhere();
    const [south, north] = [near(here, 500), near(here, 900, 400)];
    const ring = [south, north, near(here, 900, -400)].map(({ lat, lng }) => ({ lat, lng }));
    const { storeId } = await addStore(here, {
      area: { datum: "wgs84", rings: [ring] },
      specialDays: [{ date: dayOf(env.clock.now() + 30 * day), hours: [] }],
    });
    const during = (days: number) => {
      const from = startOfDay(env.clock.now() + days * day);
      return { storeId, window: { from, until: from + day } };
    };
    expect((await communityStore(deps, during(29))).storeId).toBe(storeId);
    expect(await refusal(communityStore(deps, during(30)))).toMatchObject({
      code: "STORE_NOT_ABLE",
      facts: { why: "closed" },
    });
    expect(await refusal(routeOrder(deps, ask(here)))).toMatchObject({ facts: { why: "out_of_range" } });
    expect((await routeOrder(deps, ask(near(here, 700)))).storeId).toBe(storeId);
  });
});
