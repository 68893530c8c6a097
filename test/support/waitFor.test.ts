import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "./waitFor.ts";

test("the condition's first truthy value is returned", async () => {
  let count = 0;
  const value = await waitFor(async () => (++count === 3 ? { count } : undefined), { what: "the third" });
  assert.deepEqual(value, { count: 3 });
});

test("a fault counts as not yet", async () => {
  let count = 0;
  const condition = () => {
    if (++count < 3) throw new Error("not yet");
    return count;
  };
  assert.equal(await waitFor(condition, { what: "three" }), 3);
});

test("the error says what was waited for, how long, and how it last looked", async () => {
  await assert.rejects(
    waitFor(() => 0, { what: "a mail", timeoutMs: 30 }),
    { message: "waited 30 ms for a mail; the last value was 0" },
  );
  const fault = new Error("no connection");
  const condition = () => Promise.reject(fault);
  await assert.rejects(waitFor(condition, { what: "a mail", timeoutMs: 30 }), {
    message: "waited 30 ms for a mail; the last try threw: Error: no connection",
    cause: fault,
  });
});
