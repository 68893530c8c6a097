// Every SMTP transaction with what was said in it.
import type { Attempt } from "../api/wire.ts";
import { formatDuration, formatWhole } from "../format.ts";
import { Empty } from "../parts/states.tsx";
import { Status } from "../parts/status.tsx";
import { ReplyLine } from "./timeline.tsx";

export function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  if (attempts.length === 0) return <Empty title="No attempt yet">What is said to a relay stands here as soon as there was one.</Empty>;
  return (
    <ol class="attempts">
      {attempts.toReversed().map((attempt, index) => (
        <li class="panel" key={`${attempt.attempt} ${attempt.started_at}`}>
          <OneAttempt attempt={attempt} open={index === 0} />
        </li>
      ))}
    </ol>
  );
}

function OneAttempt({ attempt, open }: { attempt: Attempt; open: boolean }) {
  const { tls, remote_address: remote, connection_reused: reused } = attempt;
  const about = [
    remote,
    tls ? `${tls.version} ${tls.cipher}` : remote && "no TLS",
    reused === null ? "" : reused ? "a connection in use" : "a new connection",
  ].filter(Boolean);
  return (
    <>
      <header>
        <h2>
          Attempt {attempt.attempt} <span class="muted">by {attempt.relay}</span>
        </h2>
        <span class="muted">
          <time dateTime={attempt.started_at}>{formatWhole(attempt.started_at)}</time>, took {formatDuration(attempt.duration_ms)}
        </span>
      </header>
      <p class="muted">{about.join(" · ")}</p>
      <ul class="outcomes">
        {attempt.recipients.map((recipient, index) => (
          <li key={recipient.address ?? String(index)}>
            <Status of={recipient.outcome} />
            <span class="address">{recipient.address}</span>
            {recipient.reply && <ReplyLine reply={recipient.reply} />}
            {recipient.fault && (
              <span class="reply">
                {recipient.fault.phase}: {recipient.fault.text}
              </span>
            )}
          </li>
        ))}
      </ul>
      {attempt.transcript.length > 0 && (
        <details open={open}>
          <summary>Transcript</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard (WCAG 2.1.1). */}
          <ol class="transcript" tabIndex={0} aria-label={`Transcript of attempt ${attempt.attempt}`}>
            {attempt.transcript.map(({ from, at_ms: at, line }, index) => (
              <li class={`from-${from}`} key={String(index)}>
                <span class="transcript-time">{Math.round(at)} ms</span>
                <span class="transcript-from">{from === "client" ? "Postern" : "relay"}</span>
                <code>{line}</code>
              </li>
            ))}
          </ol>
        </details>
      )}
    </>
  );
}
