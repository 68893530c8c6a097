// Preloaded into a process under test (NODE_OPTIONS=--import …): its wall clock is off by the first of CLOCK_OFFSETS_MS, and by the
// next one from each SIGWINCH on, which means nothing to a server. Timers and the monotonic clock stay as they are, as they do when a machine's clock steps.
const offsets = (process.env.CLOCK_OFFSETS_MS ?? "0").split(",").map(Number);
let offset = offsets[0];
const RealDate = Date;
const now = RealDate.now;

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(now() + offset);
    else super(...parts);
  }
  static now() {
    return now() + offset;
  }
};
process.on("SIGWINCH", () => {
  if (offsets.length > 1) offsets.shift();
  offset = offsets[0];
});
