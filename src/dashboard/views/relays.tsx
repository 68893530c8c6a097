// The relays as cards: whether each works, how busy it is, what waits for it, and a hand on the tap.
import { useState } from "preact/hooks";
import type { Relay } from "../api/wire.ts";
import { formatCount, formatDuration, formatNumber } from "../format.ts";
import { ActionButton, useAction } from "../parts/action.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { Icon } from "../parts/icon.tsx";
import { useNotice } from "../parts/notices.tsx";
import { Empty, Failure } from "../parts/states.tsx";
import { Status } from "../parts/status.tsx";
import { Time, useNow } from "../parts/time.tsx";
import { useSession } from "../session.ts";

export function RelayCards({ relays, onChanged }: { relays: readonly Relay[]; onChanged: () => void }) {
  return (
    <section aria-labelledby="relays-heading">
      <h2 id="relays-heading" class="section-heading">
        Relays
      </h2>
      {relays.length === 0 && <Empty title="No relays are configured" />}
      <ul class="cards">
        {relays.map((relay) => (
          <li key={relay.name}>
            <RelayCard relay={relay} onChanged={onChanged} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The tightest of its rates, as attempts a minute; undefined: there is no limit. */
function allowedPerMinute({ rates, slowed_to_per_second: slowed }: Relay): number | undefined {
  const all = [...rates.map(({ messages, per_ms }) => (messages * 60_000) / per_ms), ...(slowed === null ? [] : [slowed * 60])];
  return all.length > 0 ? Math.min(...all) : undefined;
}

function RelayCard({ relay, onChanged }: { relay: Relay; onChanged: () => void }) {
  const { name, state, queue, connections, last_error: error } = relay;
  const now = useNow(1_000);
  const allowed = allowedPerMinute(relay);
  return (
    <article class="panel relay" aria-label={`Relay ${name}`}>
      <header>
        <div>
          <h3>{name}</h3>
          <span class="muted">
            {relay.host}:{relay.port}
          </span>
        </div>
        <Status of={state} />
      </header>
      {state === "suspended" && (
        <p class="relay-note">
          It could not be talked to; its mail goes elsewhere.{" "}
          {relay.suspended_until && (
            <>
              Tried again <Time at={relay.suspended_until} />.
            </>
          )}
        </p>
      )}
      {state === "paused" && (
        <p class="relay-note">An operator paused it {relay.paused_at && <Time at={relay.paused_at} />}; it takes no mail.</p>
      )}
      <Meter words="Connections" used={connections.held} allowed={connections.allowed} />
      <Meter words="Rate" used={relay.attempts_last_minute} allowed={allowed} unit="/min" />
      {relay.slowed_to_per_second !== null && <p class="relay-note">Slowed down at its own request, to {relay.slowed_to_per_second}/s.</p>}
      <dl class="facts">
        <dt>Waiting</dt>
        <dd>
          {formatCount(queue.waiting + queue.active)}
          {queue.delayed > 0 && <span class="muted"> + {formatCount(queue.delayed)} later</span>}
        </dd>
        <dt>Oldest</dt>
        <dd>{relay.oldest_waiting_at ? formatDuration(now - Date.parse(relay.oldest_waiting_at)) : "–"}</dd>
        <dt>TLS</dt>
        <dd>{relay.tls}</dd>
      </dl>
      {error && (
        <p class="last-error">
          <span class="muted">
            Last error, <Time at={error.at} />, at {error.phase}:
          </span>{" "}
          <q>{error.text}</q>
        </p>
      )}
      <footer>
        <PauseResume relay={relay} onChanged={onChanged} />
      </footer>
    </article>
  );
}

function Meter({ words, used, allowed, unit = "" }: { words: string; used: number; allowed: number | undefined; unit?: string }) {
  const limit = allowed === undefined ? "no limit" : `${formatNumber(Math.round(allowed * 10) / 10)}${unit}`;
  return (
    <div class="meter-row">
      <span>{words}</span>
      <span class="meter-text">
        {formatNumber(used)}
        {allowed === undefined && unit} <span class="muted">{allowed === undefined ? limit : `of ${limit}`}</span>
      </span>
      {allowed !== undefined && (
        <meter
          aria-label={`${words} of ${limit}`}
          min={0}
          max={Math.max(allowed, 1)}
          high={allowed * 0.9}
          value={Math.min(used, allowed)}
        />
      )}
    </div>
  );
}

function PauseResume({ relay: { name, state }, onChanged }: { relay: Relay; onChanged: () => void }) {
  const { client } = useSession();
  const say = useNotice();
  const [asking, setAsking] = useState(false);
  const path = `relays/${encodeURIComponent(name)}`;
  const resume = useAction(
    () => client.ask("POST", `${path}/resume`),
    () => {
      say(`Relay ${name} takes mail again.`);
      onChanged();
    },
  );
  const pause = useAction(
    () => client.ask("POST", `${path}/pause`),
    () => {
      setAsking(false);
      say(`Relay ${name} is paused.`);
      onChanged();
    },
  );
  if (state === "paused") {
    return (
      <>
        {resume.problem && <Failure problem={resume.problem} />}
        <ActionButton action={resume}>
          <Icon name="play" />
          <span>
            Resume<span class="visually-hidden"> {name}</span>
          </span>
        </ActionButton>
      </>
    );
  }
  return (
    <>
      <button type="button" onClick={() => setAsking(true)}>
        <Icon name="pause" />
        <span>
          Pause<span class="visually-hidden"> {name}</span>
        </span>
      </button>
      {asking && (
        <Confirm title={`Pause ${name}?`} action={pause} verb="Pause" onClose={() => setAsking(false)}>
          <p>It takes no more mail until it is resumed. What waits for it goes to the next relay of its route, or waits.</p>
        </Confirm>
      )}
    </>
  );
}
