// A worker's share of what is counted over the fleet.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createShare } from "../../src/deliver/share.ts";
import { waitFor } from "../support/waitFor.ts";

test("what was allowed and is not held cannot be taken while the next answer, which does not count it, is on its way", async () => {
  const answers: ((allowed: number) => void)[] = [];
  const share = createShare(() => new Promise((resolve) => answers.push(resolve)), 60_000);
  const needs = { held: 0, wanted: 4 };
  share.attach({ needs: () => needs, onAnswer: () => undefined });
  const first = share.tell();
  answers.shift()?.(4);
  await first;
  assert.equal(share.allowed(), 4);
  needs.held = 1;
  needs.wanted = 0;
  const second = share.tell();
  assert.equal(share.allowed(), 1);
  answers.shift()?.(1);
  await second;
  assert.equal(share.allowed(), 1);
});

test("a change while a question is on its way is told too; without an answer nothing more is allowed", async () => {
  const told: string[] = [];
  let fails = false;
  const share = createShare(async (held, wanted) => {
    told.push(`${held}+${wanted}`);
    if (fails) throw new Error("Redis is away");
    return held + wanted;
  }, 60_000);
  const needs = { held: 0, wanted: 1 };
  share.attach({ needs: () => needs, onAnswer: () => undefined });
  const asked = share.tell();
  needs.wanted = 3;
  void share.tell();
  await asked;
  assert.deepEqual([told, share.allowed()], [["0+1", "0+3"], 3]);
  fails = true;
  await share.tell();
  assert.equal(share.allowed(), 0);
});

test("it is renewed for as long as anything is held, and given back whole at the end", async () => {
  const told: string[] = [];
  const share = createShare(async (held, wanted) => {
    told.push(`${held}+${wanted}`);
    return held + wanted;
  }, 10);
  const needs = { held: 2, wanted: 0 };
  share.attach({ needs: () => needs, onAnswer: () => undefined });
  await share.tell();
  await waitFor(() => told.length >= 4, { what: "renewals" });
  await share.end();
  const count = told.length;
  assert.equal(told.at(-1), "0+0");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(told.length, count);
});
