// The memory behind softbounce@.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createGreylist } from "../../src/sandbox/greylist.ts";

describe("greylist", () => {
  it("remembers ten thousand envelopes and forgets the one tried longest ago", () => {
    const greylist = createGreylist({ clock: () => 0 });
    greylist.tried("first@example.com", "softbounce@sandbox.test");
    greylist.tried("second@example.com", "softbounce@sandbox.test");
    assert.equal(greylist.tried("first@example.com", "SoftBounce@Sandbox.Test"), 2);
    for (let number = 0; number < 9_999; number++) greylist.tried(`${number}@example.com`, "softbounce@sandbox.test");
    assert.equal(greylist.tried("first@example.com", "softbounce@sandbox.test"), 3);
    assert.equal(greylist.tried("second@example.com", "softbounce@sandbox.test"), 1);
  });
});
