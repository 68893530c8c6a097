import assert from "node:assert/strict";
import { test } from "node:test";
import { createCoalescer } from "../../src/store/coalesce.ts";

type Call = { entries: number[]; answer(): void; fail(error: Error): void };

/** A coalescer whose calls are answered by hand: each entry with its double, and `-1` with a fault of its own. */
function start(limits: { countMax?: number; bytesMax?: number; partialMax?: number } = {}) {
  const calls: Call[] = [];
  const ask = createCoalescer<number, number>({
    ...{ countMax: 8, bytesMax: 1_000, ...limits },
    bytesOf: (entry) => Math.abs(entry),
    run: (entries) =>
      new Promise((resolve, reject) => {
        const answers = entries.map((entry) => (entry === -1 ? new Error("this one") : 2 * entry));
        calls.push({ entries, answer: () => resolve(answers), fail: reject });
      }),
  });
  return { ask, calls };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const replyError = () => Object.assign(new Error("LOADING"), { name: "ReplyError" });

test("one that comes alone leaves in the same turn of the event loop", async () => {
  const { ask, calls } = start();
  const asked = ask(1);
  await turn();
  assert.deepEqual(
    calls.map(({ entries }) => entries),
    [[1]],
  );
  calls[0]?.answer();
  assert.equal(await asked, 2);
});

test("what comes in one turn, or while a call is under way, leaves together, and each gets its own answer", async () => {
  const { ask, calls } = start();
  const first = [ask(1), ask(2)];
  await turn();
  const second = [ask(3)];
  await turn();
  second.push(ask(4));
  await turn();
  assert.deepEqual(
    calls.map(({ entries }) => entries),
    [[1, 2]],
  );
  calls[0]?.answer();
  assert.deepEqual(await Promise.all(first), [2, 4]);
  await turn();
  assert.deepEqual(calls[1]?.entries, [3, 4]);
  calls[1]?.answer();
  assert.deepEqual(await Promise.all(second), [6, 8]);
});

test("a call carries no more entries, and no more octets, than it may; one entry may be larger", async () => {
  const byCount = start({ countMax: 3 });
  const counted = Array.from({ length: 7 }, (_, index) => byCount.ask(index));
  for (let round = 0; round < 4; round++) {
    await turn();
    for (const { answer } of byCount.calls) answer();
  }
  assert.deepEqual(
    byCount.calls.map(({ entries }) => entries),
    [[0, 1, 2], [3, 4, 5], [6]],
  );
  assert.deepEqual(await Promise.all(counted), [0, 2, 4, 6, 8, 10, 12]);

  const bySize = start({ bytesMax: 100 });
  const sized = [60, 30, 20, 500, 1].map((size) => bySize.ask(size));
  for (let round = 0; round < 8; round++) {
    await turn();
    for (const { answer } of bySize.calls) answer();
  }
  await Promise.all(sized);
  assert.deepEqual(
    bySize.calls.map(({ entries }) => entries),
    [[60, 30], [20], [500], [1]],
  );
});

test("a full call does not wait for the one before it, but no more than three are under way", async () => {
  const { ask, calls } = start({ countMax: 2 });
  const asked = Array.from({ length: 9 }, (_, index) => ask(index));
  for (let round = 0; round < 5; round++) await turn();
  assert.deepEqual(
    calls.map(({ entries }) => entries),
    [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
  );
  for (let round = 0; round < 8; round++) {
    for (const { answer } of calls) answer();
    await turn();
  }
  assert.equal((await Promise.all(asked)).length, 9);
});

test("where two calls may be under way before one waits, the third one waits", async () => {
  const { ask, calls } = start({ partialMax: 2 });
  const asked = [ask(1)];
  await turn();
  asked.push(ask(2), ask(3));
  await turn();
  asked.push(ask(4));
  await turn();
  assert.deepEqual(
    calls.map(({ entries }) => entries),
    [[1], [2, 3]],
  );
  calls[1]?.answer();
  await Promise.all(asked.slice(1, 3));
  await turn();
  assert.deepEqual(calls[2]?.entries, [4]);
  for (const call of calls) call.answer();
  assert.deepEqual(await Promise.all(asked), [2, 4, 6, 8]);
});

test("one entry's fault touches no other", async () => {
  const { ask, calls } = start();
  const asked = Promise.allSettled([ask(1), ask(-1), ask(3)]);
  await turn();
  calls[0]?.answer();
  assert.deepEqual(
    (await asked).map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
});

test("a call that gets no answer rejects all in it, and those that waited behind it, which never leave", async () => {
  const { ask, calls } = start();
  const inIt = Promise.allSettled([ask(1), ask(2)]);
  await turn();
  const behind = Promise.allSettled([ask(3)]);
  calls[0]?.fail(new Error("Command timed out"));
  assert.deepEqual(
    [...(await inIt), ...(await behind)].map(({ status }) => status),
    ["rejected", "rejected", "rejected"],
  );
  const later = ask(4);
  await turn();
  assert.deepEqual(
    calls.map(({ entries }) => entries),
    [[1, 2], [4]],
  );
  calls[1]?.answer();
  assert.equal(await later, 8);
});

test("a call that is refused rejects those in it alone", async () => {
  const { ask, calls } = start();
  const inIt = Promise.allSettled([ask(1)]);
  await turn();
  const behind = ask(2);
  calls[0]?.fail(replyError());
  assert.equal((await inIt)[0]?.status, "rejected");
  await turn();
  calls[1]?.answer();
  assert.equal(await behind, 4);
});
