// Where the marks of a chart's axes stand.

/** Steps of a scale that counts, up from 1: never a half. */
function wholeStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, atLeast)));
  return [1, 2, 5, 10].map((it) => it * power).find((step) => step >= atLeast) ?? power;
}

/** Marks from 0 to at least `highest`, some `count` of them. */
export function countMarks(highest: number, count: number): number[] {
  const step = wholeStep(Math.max(highest, count) / count);
  return Array.from({ length: Math.max(1, Math.ceil(highest / step)) + 1 }, (_, index) => index * step);
}

const minuteMs = 60_000;
const timeSteps = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720].map((minutes) => minutes * minuteMs);

/** Round times of the local clock between two, `count` of them at most. All in milliseconds. */
export function timeMarks(from: number, to: number, count: number): number[] {
  const step = timeSteps.find((it) => (to - from) / it <= count) ?? 24 * 60 * minuteMs;
  const zone = new Date(to).getTimezoneOffset() * minuteMs;
  const first = Math.ceil((from - zone) / step) * step + zone;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, index) => first + index * step);
}
