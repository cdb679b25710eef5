import { expect, test } from "vitest";
import { lifecycle } from "../../shared/kernel/lifecycle.ts";

const door = lifecycle({ OPEN: { closed: "CLOSED" }, CLOSED: { opened: "OPEN", locked: "LOCKED" }, LOCKED: {} });

test("a lifecycle tells where an event may happen, where it leads, and what is an end", () => {
  expect(door.states).toEqual(["OPEN", "CLOSED", "LOCKED"]);
  expect(door.events).toEqual(["closed", "opened", "locked"]);
  expect(door.from("opened")).toEqual(["CLOSED"]);
  expect(door.to("locked")).toBe("LOCKED");
  expect(door.allows("OPEN", "locked")).toBe(false);
  expect(door.allows("CLOSED", "locked")).toBe(true);
  expect(door.states.filter(door.terminal)).toEqual(["LOCKED"]);
});

test("an event that leads to no state is refused when the table is read", () => {
  expect(() => lifecycle({ OPEN: { closed: "SHUT" } })).toThrow("OPEN.closed leads to SHUT, which is no state");
});

test("an event that leads to two states is refused: one conditional write could not carry it", () => {
  expect(() => lifecycle({ A: { gone: "B" }, B: { gone: "A" } })).toThrow("gone leads to B and to A");
});

test("an event nobody declared is an error, not a refusal", () => {
  expect(() => door.from("painted" as never)).toThrow("no event painted");
});
