// A small writer of SVG: horizontal bars with their range. It follows the reader's light or dark theme.
import type { Plot } from "./case.ts";
import { figure } from "./case.ts";

const width = 760;
const labelWidth = 210;
const valueWidth = 90;
const barHeight = 22;
const rowHeight = 34;
const top = 44;

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** The picture as a whole SVG document. Bars begin at zero. */
export function svgOf({ title, unit, bars }: Plot): string {
  const most = Math.max(...bars.map(({ value, max }) => Math.max(value, max)), Number.MIN_VALUE);
  const place = (value: number) => labelWidth + (value / most) * (width - labelWidth - valueWidth);
  const height = top + bars.length * rowHeight + 8;
  const rows = bars.map(({ label, value, min, max }, index) => {
    const y = top + index * rowHeight;
    const middle = y + barHeight / 2;
    const whisker = `M${place(min).toFixed(1)} ${middle}H${place(max).toFixed(1)}M${place(min).toFixed(1)} ${middle - 5}v10M${place(max).toFixed(1)} ${middle - 5}v10`;
    return [
      `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${(place(value) - labelWidth).toFixed(1)}" height="${barHeight}" rx="2"${label.startsWith("Postern") ? ' class="own"' : ""}/>`,
      ...(max > min ? [`<path d="${whisker}"/>`] : []),
      `<text x="${(place(Math.max(value, max)) + 8).toFixed(1)}" y="${middle + 4}">${figure(value)}</text>`,
    ].join("\n");
  });
  const style =
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}rect{fill:#9aa4b0}.own{fill:#1f6feb}path{stroke:#1f2328;fill:none}" +
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{fill:#6e7681}.own{fill:#388bfd}path{stroke:#e6edf3}}";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<style>${style}</style>
<text class="title" x="8" y="22">${escaped(title)} (${escaped(unit)})</text>
${rows.join("\n")}
</svg>
`;
}
