// `postern send`: sends one message through the API and follows each of its recipients to the end.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { EventView } from "../domain/eventView.ts";
import type { MessageView } from "../domain/messageView.ts";
import { isOpen } from "../domain/states.ts";
import { parseDuration } from "../domain/units.ts";
import type { Answered, Remote } from "./remote.ts";
import { type SendOptions as RequestOptions, sendRequest } from "./sendRequest.ts";
import { type Terminal, tableOf } from "./terminal.ts";

export type SendOptions = RequestOptions & { follow: boolean; timeout?: string; idempotencyKey?: string; json?: boolean };

type Events = { data: EventView[]; has_more: boolean; next_cursor: string | null };

const lookEveryMs = 250;
/** Who waits for a retry need not ask every moment. */
const lookEveryMsMax = 2_000;
const timeoutDefault = "1h";
const triesMax = 5;
/** Seconds without an answer while a message is followed. */
const missesMax = 30;

/** The states that `send` is content with. */
const wellEnded: readonly string[] = ["sent", "delivered"];

/** 0 if every recipient was sent to (or the message was accepted, where it is not followed), 1 if not, 2 for wrong options. */
export async function send(terminal: Terminal, remote: Remote, options: SendOptions): Promise<number> {
  const timeoutMs = parseDuration(options.timeout ?? timeoutDefault);
  const built = await sendRequest(options, process.stdin.isTTY ? undefined : readInput);
  const faults = [...("faults" in built ? built.faults : []), ...(timeoutMs ? [] : ["--timeout: must be a duration like 30s, 10m or 2h"])];
  if ("faults" in built || !timeoutMs) {
    for (const fault of faults) terminal.err(fault);
    return 2;
  }
  const accepted = await post(remote, built.request, options.idempotencyKey ?? randomUUID());
  if (!accepted.ok) {
    for (const line of accepted.lines) terminal.err(line);
    return accepted.status === 422 || accepted.status === 400 ? 2 : 1;
  }
  const message = accepted.body;
  const isLater = message.status === "scheduled" && options.timeout === undefined;
  if (!options.follow || isLater) {
    terminal.out(
      options.json ? JSON.stringify(message) : `${message.id} ${isLater ? `is scheduled for ${message.send_at}` : "was accepted"}`,
    );
    return 0;
  }
  if (!options.json) terminal.out(`${message.id} was accepted`);
  return follow({ terminal, remote, message, timeoutMs, isJson: options.json === true });
}

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Posts it, and again while the gateway cannot take it: under one key it is accepted once. */
async function post(remote: Remote, request: object, key: string): Promise<Answered<MessageView>> {
  const headers = { "content-type": "application/json", "idempotency-key": key };
  for (let tries = 1; ; tries++) {
    const answered = await remote.ask<MessageView>("POST", "/v1/messages", { body: JSON.stringify(request), headers });
    const isForLater = !answered.ok && (answered.status === 503 || answered.status === 429);
    if (!isForLater || tries === triesMax) return answered;
    await sleep(Math.min(answered.retryAfterMs ?? 1_000, 30_000));
  }
}

type Followed = { terminal: Terminal; remote: Remote; message: MessageView; timeoutMs: number; isJson: boolean };

async function follow({ terminal, remote, message, timeoutMs, isJson }: Followed): Promise<number> {
  const screen = terminal.isLive && !isJson ? terminal.screen() : undefined;
  const told = new Map<string, string>();
  let last = message;
  const end = await watch({ remote, id: message.id, timeoutMs }, (now, events) => {
    last = now;
    if (isJson) for (const event of events) terminal.out(JSON.stringify(event));
    else if (screen) screen.draw(tableOf(now.recipients.map(rowOf)));
    else for (const line of news(now, told)) terminal.out(line);
  });
  // Whole, where the last frame was cut to the width of the terminal.
  screen?.end(tableOf(last.recipients.map(rowOf)));
  if (end.kind === "refused") {
    for (const line of end.lines) terminal.err(line);
    terminal.err(`${message.id} was accepted, but what became of it is not known.`);
  } else if (end.kind === "open") {
    const status = last.status.replace("_", " ");
    terminal.err(`${message.id} is still ${status}: GET /v1/messages/${message.id} says later what became of it.`);
  }
  return last.recipients.every(({ status }) => wellEnded.includes(status)) ? 0 : 1;
}

/** Looks at a message until all its recipients are settled, the time is over, or the gateway does not say. */
async function watch(
  { remote, id, timeoutMs }: { remote: Remote; id: string; timeoutMs: number },
  onLook: (now: MessageView, events: EventView[]) => void,
): Promise<{ kind: "settled" } | { kind: "open" } | { kind: "refused"; lines: string[] }> {
  const endsAt = performance.now() + timeoutMs;
  let [seen, waitMs, misses] = ["", lookEveryMs, 0];
  for (;;) {
    // In this order: what ended before the events were asked for is among them.
    const now = await remote.ask<MessageView>("GET", `/v1/messages/${id}`);
    const query = `limit=100${seen === "" ? "" : `&after=${seen}`}`;
    const events = now.ok ? await remote.ask<Events>("GET", `/v1/messages/${id}/events?${query}`) : now;
    if (!events.ok || !now.ok) {
      const { status, lines } = events.ok ? { status: undefined, lines: [] } : events;
      // A gateway that is being restarted comes back; what it refuses, it will refuse again.
      const isPassing = status === undefined || status >= 500 || status === 429;
      if (!isPassing || ++misses >= missesMax) return { kind: "refused", lines };
      await sleep(1_000);
      continue;
    }
    misses = 0;
    onLook(now.body, events.body.data);
    seen = events.body.data.at(-1)?.id ?? seen;
    if (events.body.has_more) continue;
    if (now.body.recipients.every(({ status }) => !isOpen(status))) return { kind: "settled" };
    if (performance.now() >= endsAt) return { kind: "open" };
    waitMs = events.body.data.length > 0 ? lookEveryMs : Math.min(waitMs * 1.5, lookEveryMsMax);
    await sleep(Math.min(waitMs, endsAt - performance.now()));
  }
}

type Recipient = MessageView["recipients"][number];

/** Each recipient's line, where it says something new. */
function news({ recipients }: MessageView, told: Map<string, string>): string[] {
  return recipients.flatMap((recipient) => {
    const line = rowOf(recipient).join("  ").trimEnd();
    if (told.get(recipient.address) === line) return [];
    told.set(recipient.address, line);
    return [line];
  });
}

function rowOf({ address, status, relay, reply, advice, next_attempt_at, attempts }: Recipient): string[] {
  const said = reply ? [reply.code, reply.enhanced, reply.text].filter((part) => part !== null).join(" ") : "";
  const next = status === "deferred" && next_attempt_at !== null ? `attempt ${attempts + 1} at ${next_attempt_at.slice(11, 19)} UTC` : "";
  const why = wellEnded.includes(status) || advice === null ? "" : ` (${advice})`;
  return [address, status, relay ?? "", [said, next].filter((part) => part !== "").join("; ") + why];
}
