import assert from "node:assert/strict";
import { test } from "node:test";
import { v7 as uuidV7 } from "uuid";
import { idOf, isMessageId } from "../../src/domain/ids.ts";

test("an id is its prefix and 26 digits that sort as the bytes do", () => {
  assert.equal(idOf("msg", new Uint8Array(16)), `msg_${"0".repeat(26)}`);
  assert.equal(idOf("msg", new Uint8Array(16).fill(255)), `msg_7${"z".repeat(25)}`);
  const ids = Array.from({ length: 2_000 }, () => idOf("msg", uuidV7(undefined, new Uint8Array(16))));
  assert.deepEqual(ids, ids.toSorted());
  assert.equal(new Set(ids).size, ids.length);
});

test("only what could be one of ours passes for a message's id", () => {
  assert.ok(isMessageId(idOf("msg", new Uint8Array(16))));
  for (const text of ["", "msg_", "wh_00000000000000000000000000", "msg_0000000000000000000000000u", "msg_00000000000000000000000000\n"]) {
    assert.ok(!isMessageId(text), text);
  }
});
