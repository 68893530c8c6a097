// The overview: how much comes in and goes out, as it happens, and how the relays are.
import { useEffect, useState } from "preact/hooks";
import type { CountedName, Relay, Stats, StatsRow } from "../api/wire.ts";
import { countedTypes, type Range, rangeOf, sumOf, upTo, withEvents } from "../counting.ts";
import { formatClock, formatCount, formatDuration, formatNumber, formatShort } from "../format.ts";
import { type Loaded, useEvents, useLoaded, useReloadOnReturn, useVisible } from "../loading.ts";
import { Chart, type Line } from "../parts/chart.tsx";
import { Switch } from "../parts/fields.tsx";
import { Page, Panel } from "../parts/page.tsx";
import { Empty, Loadable } from "../parts/states.tsx";
import { useNow } from "../parts/time.tsx";
import { linkTo } from "../routing.ts";
import { useSession } from "../session.ts";
import { RelayCards } from "./relays.tsx";

const shownNames = ["accepted", "sent", "deferred", "bounced"] as const satisfies readonly CountedName[];
type ShownName = (typeof shownNames)[number];

const looks: Readonly<Record<ShownName, { words: string; unit: string }>> = {
  accepted: { words: "Accepted", unit: "messages" },
  sent: { words: "Sent", unit: "recipients" },
  deferred: { words: "Deferred", unit: "recipients" },
  bounced: { words: "Bounced", unit: "recipients" },
};

const relaysEveryMs = 5_000;

export function Overview() {
  const { client, may } = useSession();
  const [range, setRange] = useState<Range>("hour");
  const relays = useLoaded<{ data: Relay[] } | undefined>(
    async (signal) => (may("operator") ? client.get("relays", {}, signal) : { ok: true, data: undefined }),
    ["relays"],
  );
  const visible = useVisible();
  useEffect(() => {
    if (!visible || !may("operator")) return;
    const timer = setInterval(relays.reload, relaysEveryMs);
    return () => clearInterval(timer);
  }, [visible, may, relays.reload]);
  return (
    <Page title="Overview">
      <Flow range={range} onRange={setRange} relays={relays.data?.data} key={range} />
      {may("operator") && (
        <Loadable loaded={relays as Loaded<{ data: Relay[] }>} what="relays">
          {({ data }) => <RelayCards relays={data} onChanged={relays.reload} />}
        </Loadable>
      )}
    </Page>
  );
}

function Flow({ range, onRange, relays }: { range: Range; onRange: (range: Range) => void; relays: readonly Relay[] | undefined }) {
  const { client } = useSession();
  const { step, stepMs, lengthMs } = rangeOf[range];
  const loaded = useLoaded<Stats>(
    // One step more than is shown: the first one is not whole.
    (signal) => client.get("stats", { step, since: new Date(Date.now() - lengthMs).toISOString() }, signal),
    [range],
  );
  useReloadOnReturn(loaded.reload);
  const [counted, setCounted] = useState<{ of: Stats; rows: StatsRow[] }>();
  const state = useEvents(
    loaded.data?.counted_to,
    (events) =>
      setCounted((before) => {
        const of = loaded.data;
        return of && { of, rows: withEvents(before?.of === of ? before.rows : of.data, stepMs, events) };
      }),
    countedTypes,
  );
  const now = useNow(1_000);
  return (
    <Panel
      title="Mail"
      actions={
        <div class="panel-actions">
          <span class={`live live-${state}`} role="status">
            {state === "live" ? "Live" : state === "away" ? "Reconnecting…" : "Connecting…"}
          </span>
          <Switch
            label="Range"
            value={range}
            choices={[
              ["hour", "Last hour"],
              ["day", "Last 24 hours"],
            ]}
            onValue={onRange}
          />
        </div>
      }
    >
      <Loadable loaded={loaded} what="counts" rows={6}>
        {(stats) => {
          const rows = upTo(counted?.of === stats ? counted.rows : stats.data, stepMs, lengthMs, now);
          return <Figures rows={rows} range={range} relays={relays} now={now} />;
        }}
      </Loadable>
    </Panel>
  );
}

type FiguresProps = { rows: readonly StatsRow[]; range: Range; relays: readonly Relay[] | undefined; now: number };

function Figures({ rows, range, relays, now }: FiguresProps) {
  const lines = shownNames.map((name): Line => ({ name: looks[name].words, look: name, values: rows.map((row) => row[name]) }));
  const per = range === "hour" ? "minute" : "quarter of an hour";
  const totals = shownNames.map((name) => `${looks[name].words.toLowerCase()} ${formatNumber(sumOf(rows, name))}`).join(", ");
  return (
    <>
      <ul class="tiles">
        {shownNames.map((name) => (
          <li key={name}>
            <Total name={name} count={sumOf(rows, name)} />
          </li>
        ))}
        {relays && <Waiting relays={relays} now={now} />}
      </ul>
      <Chart label={`Chart of mail per ${per}: ${totals} in all`} times={rows.map(({ at }) => Date.parse(at))} lines={lines} />
      <details class="as-table">
        <summary>As a table, per {per}</summary>
        <CountTable rows={rows} range={range} />
      </details>
    </>
  );
}

function Total({ name, count }: { name: ShownName; count: number }) {
  const { words, unit } = looks[name];
  const content = (
    <>
      <span class="tile-name">
        <svg class={`swatch chart-line chart-${name}`} viewBox="0 0 20 4" aria-hidden="true" focusable="false">
          <path class="chart-way" d="M0 2h20" />
        </svg>
        {words}
      </span>
      <span class="tile-value" title={formatNumber(count)}>
        {formatCount(count)}
      </span>
      <span class="tile-unit">{unit}</span>
    </>
  );
  if (name === "accepted") return <div class="tile">{content}</div>;
  return (
    <a class="tile" href={linkTo(["messages"], { status: name })}>
      {content}
    </a>
  );
}

function Waiting({ relays, now }: { relays: readonly Relay[]; now: number }) {
  const depth = relays.reduce((sum, { queue }) => sum + queue.waiting + queue.active, 0);
  const delayed = relays.reduce((sum, { queue }) => sum + queue.delayed, 0);
  const oldest = relays.flatMap(({ oldest_waiting_at: at }) => (at ? [Date.parse(at)] : [])).sort((left, right) => left - right)[0];
  return (
    <>
      <li class="tile">
        <span class="tile-name">In the queue</span>
        <span class="tile-value">{formatCount(depth)}</span>
        <span class="tile-unit">{delayed > 0 ? `and ${formatCount(delayed)} for later` : "of all tenants"}</span>
      </li>
      <li class="tile">
        <span class="tile-name">Oldest waiting</span>
        <span class="tile-value">{oldest === undefined ? "–" : formatDuration(now - oldest)}</span>
        <span class="tile-unit">{oldest === undefined ? "nothing waits" : "in the queue"}</span>
      </li>
    </>
  );
}

function CountTable({ rows, range }: { rows: readonly StatsRow[]; range: Range }) {
  const busy = rows.filter((row) => shownNames.some((name) => row[name] > 0));
  if (busy.length === 0) return <Empty title="No mail in this time" />;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {shownNames.map((name) => (
              <th scope="col" class="number" key={name}>
                {looks[name].words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {busy.toReversed().map((row) => (
            <tr key={row.at}>
              <th scope="row">{range === "hour" ? formatClock(row.at) : formatShort(row.at)}</th>
              {shownNames.map((name) => (
                <td class="number" key={name}>
                  {formatNumber(row[name])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
