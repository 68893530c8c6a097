// Proves what a terminal gets to see: frames that fit, tables that line up, and nothing that commands it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createScreen, harmless, tableOf } from "../../src/cli/terminal.ts";
import { frameOf } from "../../src/cli/top.ts";

test("a frame takes the place of the one before, and is cut to the terminal's size; the last one stays whole", () => {
  const written: string[] = [];
  const screen = createScreen({ write: (text) => written.push(text), columns: 10, rows: 4 });
  screen.draw(["one", "a line that is too long", "three", "four", "five"]);
  screen.draw(["x"]);
  screen.end(["a line that is too long"]);
  assert.deepEqual(written, [
    "\r\u001b[Jone\na line t…\nthree\n",
    "\u001b[3A\r\u001b[Jx\n",
    "\u001b[1A\r\u001b[Ja line that is too long\n",
  ]);
});

test("a terminal that knows no size of its own gets a usual one", () => {
  const written: string[] = [];
  createScreen({ write: (text) => written.push(text), columns: 0, rows: 0 }).draw(["x".repeat(100)]);
  assert.equal(written[0]?.length, "\r\u001b[J\n".length + 79);
});

test("text from elsewhere cannot command the terminal", () => {
  assert.equal(harmless("\u001b]0;title\u0007 a\tb\nc \u009b31m\r"), "\ufffd]0;title\ufffd a\tb\nc \ufffd31m\ufffd");
});

test("columns line up by characters, and numbers to the right", () => {
  assert.deepEqual(
    tableOf(
      [
        ["relay", "n", ""],
        ["jörg", "12", "x"],
      ],
      new Set([1]),
    ),
    ["relay   n", "jörg   12  x"],
  );
});

const now = Date.parse("2026-01-31T09:00:00.000Z");
const relay: Parameters<typeof frameOf>[0][number] = {
  ...{
    name: "ses",
    host: "ses.example",
    port: 587,
    tls: "required",
    state: "up",
    suspended_until: null,
    paused_at: null,
    last_error: null,
  },
  connections: { allowed: 20, held: 3, open: null, busy: null },
  rates: [
    { messages: 50, per_ms: 1_000 },
    { messages: 2_000, per_ms: 3_600_000 },
  ],
  ...{
    attempts_last_minute: 0,
    slowed_to_per_second: null,
    queue: { waiting: 1_200, delayed: 7, active: 3 },
    oldest_waiting_at: "2026-01-31T08:57:55.000Z",
  },
};

test("top shows each relay's state, backlog, limits and last error, and the sum of several", () => {
  const suspended: typeof relay = {
    ...{ ...relay, name: "office", state: "suspended", suspended_until: "2026-01-31T09:00:12.000Z", rates: [], oldest_waiting_at: null },
    last_error: { at: "2026-01-30T05:00:00.000Z", phase: "auth", code: 535, text: "no" },
  };
  const paused: typeof relay = { ...relay, name: "old", state: "paused", paused_at: "2026-01-28T05:00:00.000Z", slowed_to_per_second: 2.5 };
  assert.deepEqual(frameOf([relay], now), [
    "RELAY  STATE  WAITING  DELAYED  SENDING  OLDEST  CONNECTIONS  RATE         LAST ERROR",
    "ses    up        1200        7        3   2m 5s         3/20  50/s 2000/h",
  ]);
  const [, , office, old, sum] = frameOf([relay, suspended, paused], now);
  assert.match(office ?? "", /^office {2}suspended, tried in 12s .* 3\/20 +1d 4h ago: 535 no$/);
  assert.match(old ?? "", /^old +paused for 3d 4h .* 2\.5\/s \(slowed\)$/);
  assert.match(sum ?? "", /^ +3600 +21 +9 +9$/);
});
