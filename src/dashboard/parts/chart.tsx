// A chart of counts over time. It is drawn of elements, so that it follows the style sheet's colours; what it shows is said in words too,
// and stands in a table beside it.
import { useEffect, useRef, useState } from "preact/hooks";
import { formatCount, formatMinute } from "../format.ts";
import { countMarks, timeMarks } from "./chartScale.ts";

/** `look`: the style sheet's name for the line. */
export type Line = { name: string; look: string; values: readonly number[] };

type ChartProps = { label: string /** Milliseconds, evenly apart. */; times: readonly number[]; lines: readonly Line[] };

const height = 230;
const margin = { top: 10, right: 12, bottom: 24, left: 46 };
const countMarksMax = 4;
const timeMarkWidth = 90;

export function Chart({ label, times, lines }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [pointed, setPointed] = useState<number>();
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const inner = { width: Math.max(0, width - margin.left - margin.right), height: height - margin.top - margin.bottom };
  const counts = countMarks(Math.max(0, ...lines.flatMap(({ values }) => values)), countMarksMax);
  const x = (time: number) => margin.left + (inner.width * (time - first)) / Math.max(1, last - first);
  const y = (count: number) => margin.top + inner.height * (1 - count / (counts.at(-1) || 1));
  const point = (event: PointerEvent) => {
    const left = place.current?.getBoundingClientRect().left ?? 0;
    const part = (event.clientX - left - margin.left) / Math.max(1, inner.width);
    setPointed(Math.min(times.length - 1, Math.max(0, Math.round(part * (times.length - 1)))));
  };
  return (
    <div class="chart" ref={place} onPointerMove={point} onPointerLeave={() => setPointed(undefined)}>
      <svg role="img" aria-label={label} width={width} height={height} viewBox={`0 0 ${Math.max(1, width)} ${height}`}>
        {counts.map((count) => (
          <g key={count}>
            <path class="chart-grid" d={`M${margin.left} ${y(count)}h${inner.width}`} />
            <text class="chart-mark" x={margin.left - 8} y={y(count) + 4} text-anchor="end">
              {formatCount(count)}
            </text>
          </g>
        ))}
        {timeMarks(first, last, Math.max(1, Math.floor(inner.width / timeMarkWidth))).map((time) => (
          <text class="chart-mark" key={time} x={Math.min(x(time), width - timeMarkWidth / 3)} y={height - 6} text-anchor="middle">
            {formatMinute(time)}
          </text>
        ))}
        {lines.map(({ name, look, values }) => {
          const places = values.map((value, index) => `${x(times[index] ?? first).toFixed(1)} ${y(value).toFixed(1)}`);
          return (
            <g class={`chart-line chart-${look}`} key={name}>
              <path class="chart-area" d={`M${x(first)} ${y(0)}L${places.join("L")}L${x(last)} ${y(0)}z`} />
              <path class="chart-way" d={wayOf(values, places)} />
            </g>
          );
        })}
        {pointed !== undefined && <Pointed x={x(times[pointed] ?? first)} lines={lines} index={pointed} y={y} />}
      </svg>
      <p class="chart-says" aria-hidden="true">
        {pointed !== undefined && (
          <>
            <b>{formatMinute(times[pointed] ?? first)}</b>
            {lines.map(({ name, values }) => (
              <span key={name}>
                {name} <b>{formatCount(values[pointed] ?? 0)}</b>
              </span>
            ))}
          </>
        )}
      </p>
    </div>
  );
}

/** The line where there is something to count: four of them along the axis would only be noise. */
function wayOf(values: readonly number[], places: readonly string[]): string {
  const counts = (index: number) => (values[index] ?? 0) > 0;
  return places
    .map((place, index) => (counts(index) || counts(index - 1) ? `L${place}` : `M${place}`))
    .join("")
    .replace(/^L/, "M");
}

type PointedProps = { x: number; y: (count: number) => number; lines: readonly Line[]; index: number };

function Pointed({ x, y, lines, index }: PointedProps) {
  return (
    <>
      <path class="chart-pointer" d={`M${x} ${margin.top}V${height - margin.bottom}`} />
      {lines.map(({ name, look, values }) => (
        <circle class={`chart-dot chart-${look}`} key={name} cx={x} cy={y(values[index] ?? 0)} r={3.5} />
      ))}
    </>
  );
}
