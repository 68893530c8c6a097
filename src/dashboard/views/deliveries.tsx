// What was sent to a webhook: each delivery with its tries, the request, and the beginning of the answer.
import { useState } from "preact/hooks";
import type { Delivery, Event, Page } from "../api/wire.ts";
import { formatDuration, formatWhole } from "../format.ts";
import { useLoaded } from "../loading.ts";
import { ActionButton, useAction } from "../parts/action.tsx";
import { useNotice } from "../parts/notices.tsx";
import { Empty, Failure, Loadable } from "../parts/states.tsx";
import { Status } from "../parts/status.tsx";
import { TextBlock } from "../parts/text.tsx";
import { Time } from "../parts/time.tsx";
import { useSession } from "../session.ts";

export function Deliveries({ deliveries, path, onChanged }: { deliveries: readonly Delivery[]; path: string; onChanged: () => void }) {
  return (
    <ul class="deliveries">
      {deliveries.map((delivery) => (
        <li key={delivery.id}>
          <OneDelivery delivery={delivery} path={path} onChanged={onChanged} />
        </li>
      ))}
    </ul>
  );
}

function OneDelivery({ delivery, path, onChanged }: { delivery: Delivery; path: string; onChanged: () => void }) {
  const { client } = useSession();
  const say = useNotice();
  const [open, setOpen] = useState(false);
  const { status, type, event_at: at, attempts, tries, next_attempt_at: next, test } = delivery;
  const last = tries.at(-1);
  const replay = useAction(
    () => client.ask<Delivery>("POST", `${path}/deliveries/${encodeURIComponent(delivery.id)}/replay`),
    () => {
      say("It is sent again.");
      onChanged();
    },
  );
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Status of={status} />
        <span class="delivery-type">
          {type}
          {test && <span class="tag">test</span>}
        </span>
        <span class="muted">
          {last?.status ?? last?.error ?? ""} · {attempts} {attempts === 1 ? "try" : "tries"}
          {next && (
            <>
              , next <Time at={next} />
            </>
          )}
        </span>
        <Time at={at} />
      </summary>
      {open && (
        <div class="delivery">
          <h3>Request</h3>
          <Request delivery={delivery} />
          <h3>Answers</h3>
          {tries.length === 0 && <Empty title="Not tried yet" />}
          <ol class="tries">
            {tries.map(({ at: triedAt, status: answered, error, duration_ms: duration, response_snippet: snippet }) => (
              <li key={triedAt}>
                <strong>{answered === null ? "No answer" : `HTTP ${answered}`}</strong>
                <span class="muted">
                  {formatWhole(triedAt)}, {formatDuration(duration)}
                </span>
                {error && <p>{error}</p>}
                {snippet && <TextBlock text={snippet} label="Beginning of the answer" />}
              </li>
            ))}
          </ol>
          {replay.problem && <Failure problem={replay.problem} />}
          {!test && <ActionButton action={replay}>Replay</ActionButton>}
        </div>
      )}
    </details>
  );
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** The place before an event in the log: the id ends with its number, in base 32. */
function placeBefore(eventId: string): string {
  let sequence = 0;
  for (const digit of eventId.slice(-10)) sequence = sequence * 32 + alphabet.indexOf(digit);
  return String(Math.max(0, sequence - 1));
}

/** The request's body is the event, as the log has it. */
function Request({ delivery: { event_id: id, test } }: { delivery: Delivery }) {
  const { client, may } = useSession();
  const loaded = useLoaded<Event | null>(
    async (signal) => {
      if (test || !may("read")) return { ok: true, data: null };
      const answer = await client.get<Page<Event>>("events", { after: placeBefore(id), limit: 1 }, signal);
      return answer.ok ? { ok: true, data: answer.data.data.find((event) => event.id === id) ?? null } : answer;
    },
    [id],
  );
  return (
    <Loadable loaded={loaded} what="the event">
      {(event) => (
        <TextBlock
          label="Request"
          text={`webhook-id: ${id}${event ? `\n\n${JSON.stringify({ type: event.type, timestamp: event.timestamp, data: event.data }, null, 2)}` : "\n\n(The event is not, or no longer, in the log.)"}`}
        />
      )}
    </Loadable>
  );
}
