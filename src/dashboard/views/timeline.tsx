// What happened to each recipient, step by step, with the relay's own words, our category, and what to do about it.
import { Fragment } from "preact";
import type { Event, Message, Recipient, Reply } from "../api/wire.ts";
import { formatShort, formatWhole, inWords } from "../format.ts";
import { Status, toneOf } from "../parts/status.tsx";
import { Time } from "../parts/time.tsx";

export function RecipientTimelines({ message, events }: { message: Message; events: readonly Event[] }) {
  return (
    <ul class="recipients">
      {message.recipients.map((recipient) => (
        <li class="panel" key={`${recipient.kind} ${recipient.address}`}>
          <Heading recipient={recipient} />
          <Explanation recipient={recipient} />
          <Timeline events={events.filter(({ data }) => data.recipient === null || data.recipient === recipient.address)} />
        </li>
      ))}
    </ul>
  );
}

function Heading({ recipient: { address, kind, status, next_attempt_at: next, relay } }: { recipient: Recipient }) {
  return (
    <header>
      <h2 class="address">
        {address}
        {kind !== "to" && <span class="muted"> {kind}</span>}
      </h2>
      <span class="heading-state">
        {relay && <span class="muted">by {relay}</span>}
        <Status of={status} />
        {next && (
          <span class="muted">
            next try <Time at={next} />
          </span>
        )}
      </span>
    </header>
  );
}

/** Why it stands as it does. Where all went well there is nothing to explain. */
function Explanation({
  recipient: { status, category, advice, hard_bounce: hard, suppression, possible_duplicate: doubled },
}: {
  recipient: Recipient;
}) {
  if (!category && !advice && !suppression && !doubled) return null;
  return (
    <div class={`explanation tone-${toneOf(status)}`}>
      {category && (
        <strong>
          {inWords(category)}
          {hard && " · hard bounce"}
        </strong>
      )}
      {suppression && !category && <strong>{inWords(suppression.reason)}</strong>}
      {advice && <p>{advice}</p>}
      {doubled && <p>A relay may have taken more than one copy.</p>}
    </div>
  );
}

function Timeline({ events }: { events: readonly Event[] }) {
  return (
    <ol class="timeline">
      {events.map((event) => (
        <li key={event.id} class={`tone-${toneOf(event.type.replace("message.", ""))}`}>
          <span class="timeline-what">
            <strong>{inWords(event.type.replace("message.", ""))}</strong>
            {event.data.relay && <span class="muted"> by {event.data.relay}</span>}
            {event.data.attempt !== null && event.data.attempt > 0 && <span class="muted">, attempt {event.data.attempt}</span>}
          </span>
          <time dateTime={event.timestamp} title={formatWhole(event.timestamp)}>
            {formatShort(event.timestamp)}
          </time>
          {event.data.reply && <ReplyLine reply={event.data.reply} />}
        </li>
      ))}
    </ol>
  );
}

/** A relay's own words. */
export function ReplyLine({ reply: { code, enhanced, text } }: { reply: { [Name in keyof Reply]?: Reply[Name] | undefined } }) {
  return (
    <span class="reply">
      {[code, enhanced].map((it, index) =>
        it ? (
          <Fragment key={String(index)}>
            <b>{it}</b>{" "}
          </Fragment>
        ) : null,
      )}
      {text}
    </span>
  );
}
