import { expect, test } from "vitest";
import type { Member } from "../../shared/identity/model.ts";
import type { Stored, Write } from "../../shared/table/entity.ts";
import { members } from "../../shared/table/keys.ts";
import { fees, slots } from "../api/shop.ts";
import { type Answer, openWorld, refusal } from "./world.ts";

const world = await openWorld({ concurrency: { Shop: 6, default: 3 } });
const { neighbour, campaign, call, local, platform, rows, lines, made, table } = world;
const { campaignId } = await campaign({ unitsPerStore: 200, invitesRequired: 3, at: { pickupFrom: 0 } });

const PEOPLE = 45;
/** Made up, and found nowhere else. */
const phones = Array.from({ length: PEOPLE }, (_, i) => `1397${String(3_141_593 + i * 27_183).padStart(7, "0")}`);
const nicknames = Array.from({ length: PEOPLE }, (_, i) => `玉兰阿姨${String(i * 7919 + 10_007)}`);
const addresses = Array.from({ length: 4 * PEOPLE }, (_, i) => `紫藤弄${String(i * 104_729 + 1_000_003)}号`);
const stray = Array.from({ length: 1000 - 6 * PEOPLE }, (_, i) =>
  i % 2 === 0 ? `1586${String(2_718_281 + i * 6_133).padStart(7, "0")}` : `白兰花王女士${String(i * 15_485_863)}`,
);
const canaries = [...phones, ...nicknames, ...addresses, ...stray];

/** Which of them a text holds, as they are or in a way that gives them away as well. */
const found = (text: string): string[] =>
  canaries.filter((one) =>
    [one, encodeURIComponent(one), JSON.stringify(one).slice(1, -1)].some((s) => text.includes(s)),
  );

async function each<T>(items: readonly T[], atOnce: number, run: (item: T, i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) await run(items[i]!, i);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Answers that were refusals; none may hold what anybody entrusted to us, be it his own. */
const refusals: Answer[] = [];
const kept = (answer: Answer): Answer => {
  if (answer.status >= 400) refusals.push(answer);
  return answer;
};
/** A sign-in whose body ends too early. */
const brokenOff = async (body: string): Promise<Answer> => {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${platform.url}/v1/login`, { method: "POST", headers, body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
};
const at = (i: number) => ({ address: `上海市黄浦区人民广场${addresses[i]}` });
const people = await Promise.all(Array.from({ length: PEOPLE }, (_, i) => neighbour(`路人${i}`)));

test("a thousand phones, names and addresses go in, along good ways and bad ones", async () => {
  const profiles: string[] = [];
  await each(people, 12, async (who, i) => {
    await made(who.put("/v1/me", { nickname: nicknames[i]! }));
    const { code } = await local("wechat/phone-code", { user: who.name, phone: phones[i]! });
    await made(who.post("/v1/me/phone", { code }));
    profiles.push((await who.get("/v1/me")).text);
    const opened = kept(await who.post(`/v1/campaigns/${campaignId}/teams`, { place: at(i), fulfilment: "pickup" }));
    expect(opened.status).toBe(201);
  });
  // everybody sees the own name, and nobody another's
  expect(profiles.flatMap(found).sort()).toEqual([...nicknames].sort());

  // whom and where to, in the book, in an order that is brought, and opened for whoever brings it
  const [store = ""] = world.stores;
  const because = { version: 0, reason: "开通配送" };
  await made(world.ops.put(`/ops/v1/stores/${store}/slot-plan`, { delivery: slots, ...because }));
  await made(world.ops.put("/ops/v1/delivery-fees", { rules: fees, ...because }));
  await each(people, 12, async (who, i) => {
    const entry = { name: nicknames[i]!, phone: phones[i]!, address: at(i).address, point: world.here };
    await made(who.post("/v1/me/addresses", entry));
    kept(await who.post("/v1/me/addresses", { ...entry, point: { ...world.here, lat: 0, lng: 0 } }));
    kept(await who.put(`/v1/me/addresses/AD${"0".repeat(24)}`, entry));
  });
  const { articleId } = await world.newArticle({ name: "送到家的菜" });
  const [first] = people;
  const [{ addressId }] = (await made(first!.get("/v1/me/addresses"))).items;
  const [{ slotId }] = (await made(first!.get(`/v1/stores/${store}/slots`))).items;
  const body = { lines: [{ articleId, units: 1 }], fulfilment: "delivery", addressId, storeId: store, slotId };
  const brought = await made(first!.post("/v1/orders", body));
  await world.pay(first!, brought);
  const opened = await made(world.ops.get(`/ops/v1/stores/${store}/orders/${brought.orderId}/recipient`));
  expect(found(JSON.stringify(opened)).sort()).toEqual([phones[0], nicknames[0], addresses[0]].sort());

  // outside services that fail while they hold somebody's data
  platform.location.setFaults({ fault: "outage", count: 20 });
  await each(people.slice(0, 8), 4, async (who, i) => {
    kept(await who.post("/v1/store-offers", { campaignId, place: at(PEOPLE + i) }));
  });
  platform.location.setFaults({ fault: "validation", count: 20 });
  await each(people.slice(8, 16), 4, async (who, i) => {
    kept(await who.post("/v1/store-offers", { campaignId, place: at(PEOPLE + 8 + i) }));
  });
  platform.location.setFaults({ fault: "none" });
  for (const kind of ["500-after-effect", "drop-answer", "429"]) {
    await local("wechat/fault", { match: { op: "phone" }, kind, times: 2 });
    const { code } = await local("wechat/phone-code", { user: "路人0", phone: phones[0]! });
    kept(await people[0]!.post("/v1/me/phone", { code }));
    await local("wechat/clear-faults", {});
  }
  // our own table, refusing, and a phone that is another's
  const fault = platform.gateway.fault({
    match: { action: "TransactWriteItems", function: "Shop" },
    kind: "error500",
    times: 3,
  });
  expect(refusal(kept(await people[1]!.put("/v1/me", { nickname: nicknames[1]! })))).toMatchObject({ status: 503 });
  fault.remove();
  const { code } = await local("wechat/phone-code", { user: "路人2", phone: phones[3]! });
  expect(refusal(kept(await people[2]!.post("/v1/me/phone", { code })))).toMatchObject({ code: "PHONE_TAKEN" });

  // the rest of the addresses: looked up and not found, or in bodies that don't fit
  const others = addresses.slice(PEOPLE + 16);
  await each(others.slice(0, 20), 8, async (address, i) => {
    kept(await people[i % PEOPLE]!.post("/v1/store-offers", { campaignId, place: { address } }));
  });
  const chunks = (list: readonly string[], size: number) =>
    Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
  await each(chunks(others.slice(20), 10), 8, async (some, i) => {
    const who = people[i % PEOPLE]!;
    kept(await who.post(`/v1/campaigns/${campaignId}/teams`, { place: { address: some.join(), 路: 1 }, note: some }));
  });

  // what has no business where it is sent
  await each(chunks(stray, 12), 8, async (some, i) => {
    const who = people[i % PEOPLE]!;
    const [one = "", two = ""] = some;
    const ways: (() => Promise<Answer>)[] = [
      () => who.put("/v1/me", { nickname: some.join("") }),
      () => who.put("/v1/me", { nickname: some, phone: some }),
      () => who.post("/v1/me/phone", { code: some.join().slice(0, 500) }),
      () => who.post(`/v1/teams/${encodeURIComponent(one)}/seats`, { place: { address: two }, note: some }),
      () => who.get(`/v1/orders?cursor=${encodeURIComponent(some.join())}`),
      () =>
        who.get(`/v1/${encodeURIComponent(one)}/${encodeURIComponent(two)}?name=${encodeURIComponent(some.join())}`),
      () => call("POST", "/v1/login", undefined, { code: some.join() }),
      () => call("POST", "/v1/login", undefined, { code: some.join().slice(0, 400), phone: some }),
      () => call("GET", "/v1/me", Buffer.from(some.join()).toString("base64url")),
      () => world.ops.post("/ops/v1/stores", { name: some.join(), address: some }),
      () => world.ops.get(`/ops/v1/staff?cursor=${encodeURIComponent(some.join())}`),
      () => call("POST", "/hooks/wechat/pay", undefined, { id: one, event_type: two, resource: some }),
      () => who.post(`/v1/shares/${encodeURIComponent(one)}/touches`),
      () => who.get(`/v1/stores/ST${"0".repeat(24)}/search?q=${encodeURIComponent(one)}`),
      () => brokenOff(`{"code":"${some.join()}`),
    ];
    const answer = kept(await ways[i % ways.length]!());
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
  });
  await platform.idle();
});

test("none of them can be read in the table, in the outbox, in a log line, in a dead letter or in a refusal", async () => {
  expect(canaries).toHaveLength(1000);
  expect(new Set(canaries).size).toBe(1000);
  const all = await rows();
  expect(all.get("Member")?.filter((row) => row.nickname && row.phone)).toHaveLength(PEOPLE);
  expect(all.get("AddressBook")).toHaveLength(PEOPLE);
  expect(all.get("Order")).toHaveLength(PEOPLE + 1);
  expect(all.get("Outbox")?.length).toBeGreaterThan(3 * PEOPLE);
  for (const [entity, items] of all)
    expect({ entity, found: found(JSON.stringify(items)) }).toEqual({ entity, found: [] });

  expect(lines.filter((line) => line.includes('"code":"HTTP"')).length).toBeGreaterThan(4 * PEOPLE);
  expect(lines.filter((line) => /LOCATION_FAILED|"level":"(warn|error)"/.test(line)).length).toBeGreaterThan(5);
  expect(lines.filter((line) => found(line).length > 0)).toEqual([]);

  expect(platform.streams.deadLetters().filter((letter) => found(letter.body).length > 0)).toEqual([]);
  expect(refusals.length).toBeGreaterThan(100);
  expect(refusals.filter(({ text }) => found(text).length > 0).map(({ text }) => text)).toEqual([]);
});

test("what is sealed for one member, or one field, opens for no other", async () => {
  const [ann, ben] = [people[0]!, people[1]!];
  const load = async (memberId: string) => (await table.load(members, { memberId })) as Stored<Member>;
  const [ofAnn, ofBen] = [await load(ann.memberId), await load(ben.memberId)];
  const put = (more: Partial<Member>): Write => {
    const { memberId: _, ...rest } = { ...ofBen, ...more };
    return members.patch({ memberId: ofBen.memberId }).set({
      nickname: rest.nickname,
      phone: rest.phone,
      dataKey: rest.dataKey,
    });
  };
  const swaps: Partial<Member>[] = [
    { nickname: ofAnn.nickname },
    { phone: ofAnn.phone },
    { nickname: ofAnn.nickname, phone: ofAnn.phone, dataKey: ofAnn.dataKey },
    { nickname: ofBen.phone },
    { phone: ofBen.nickname },
    { dataKey: ofAnn.dataKey },
  ];
  for (const swap of swaps) {
    await table.commit([put(swap)]);
    const answer = await ben.get("/v1/me");
    expect(refusal(answer)).toEqual({ status: 500, code: "INTERNAL" });
    expect(found(answer.text)).toEqual([]);
  }
  await table.commit([put({})]);
  expect((await ben.get("/v1/me")).body.nickname).toBe(nicknames[1]);
  expect(lines.filter((line) => found(line).length > 0)).toEqual([]);
});
