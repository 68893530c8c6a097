import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createPace, type Passage } from "../../src/deliver/pace.ts";
import type { Booking } from "../../src/store/relayPermits.ts";

/** A gate whose places come when the test says: each booking of so many gets those of `waitsMs` that are left, as many as it asks for. */
function gate(options: { waitsMs: number[]; room?: () => number }) {
  const left = [...options.waitsMs];
  const asked: number[] = [];
  const pace = createPace({
    relay: "ses",
    limits: { rates: [{ count: 50, perMs: 1_000 }], burst: 0, domains: {} },
    permits: {
      book: async (_relay, { count }): Promise<Booking> => {
        asked.push(count);
        if (left.length === 0) return { kind: "later", inMs: 10_000, because: "pace" };
        return { kind: "booked", at: performance.now(), waitsMs: left.splice(0, count) };
      },
    },
    isSlowed: () => false,
    room: options.room ?? (() => 20),
    now: () => performance.now(),
  });
  return { pace, asked };
}

const isGo = (passage: Passage) => passage.kind === "go";

test("who passes is told until when its place holds: a connection that comes later than that has missed it", async () => {
  const { pace } = gate({ waitsMs: [50] });
  const startedAt = performance.now();
  const passage = await pace.pass({ urgent: true, connected: false });
  assert.ok(passage.kind === "go");
  assert.ok(passage.lostAt > startedAt + 50 && passage.lostAt < startedAt + 250, `${passage.lostAt - startedAt} ms`);
  const unlimited = createPace({
    ...{ relay: "office", limits: undefined, isSlowed: () => false, room: () => 0, now: () => performance.now() },
    permits: { book: async () => assert.fail("nothing is booked where nothing is limited") },
  });
  assert.deepEqual(await unlimited.pass({ urgent: false, connected: false }), { kind: "go", lostAt: Number.POSITIVE_INFINITY });
});

test("who has a connection in hand goes first, also when no other is free; the others wait until one is", async () => {
  let free = 0;
  const { pace, asked } = gate({ waitsMs: [0, 0, 0], room: () => free });
  const order: string[] = [];
  const pass = (name: string, connected: boolean) => pace.pass({ urgent: false, connected }).then((it) => isGo(it) && order.push(name));
  const all = [pass("first", false), pass("second", false), pass("connected", true)];
  await all[2];
  assert.deepEqual(order, ["connected"]);
  assert.deepEqual(asked, [1], "no place is booked for whoever has no connection to go by");
  free = 20;
  pace.nudge();
  await Promise.all(all);
  assert.deepEqual(order, ["connected", "first", "second"]);
});

test("an urgent message that finds a connection free goes before a broadcast that has one in hand", async () => {
  const { pace } = gate({ waitsMs: [30, 60] });
  const order: string[] = [];
  const pass = (urgent: boolean, connected: boolean) =>
    pace.pass({ urgent, connected }).then(() => order.push(urgent ? "urgent" : "broadcast"));
  await Promise.all([pass(false, true), pass(true, false)]);
  assert.deepEqual(order, ["urgent", "broadcast"]);
});

test("a place whose time went by unnoticed is nobody's: made up for, it would crowd the seconds that follow", async () => {
  const { pace } = gate({ waitsMs: [5, 400] });
  const startedAt = performance.now();
  const passing = [1, 2].map(() => pace.pass({ urgent: false, connected: false }).then(() => performance.now() - startedAt));
  await wait(1);
  const blockedUntil = performance.now() + 150;
  while (performance.now() < blockedUntil);
  assert.ok((await Promise.race(passing)) >= 400, "the missed place was used");
  pace.dismiss();
  await Promise.all(passing);
});
