// `postern listen --forward-to URL`: follows the event stream and posts each event to a local app, signed as webhooks are. Nothing has to be
// reachable from outside, and nothing is registered.
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import { readServerSentEvents } from "../client/serverSentEvents.ts";
import type { EventView } from "../domain/eventView.ts";
import { signatureHeaders } from "../notify/signature.ts";
import type { Refused, Remote } from "./remote.ts";
import type { Terminal } from "./terminal.ts";

export type ListenOptions = { forwardTo: string; events?: string[]; after?: string; secret?: string; json?: boolean };

/** As long as a webhook's receiver may take. */
const answerMsMax = 15_000;
/** Before each further try to hand over an event that the app gave no answer to: as long as one takes to start again. */
const triesAfterMs = [500, 1_000, 2_000];
/** What a proxy before the app says while that is not there. Every other status is the app's own answer. */
const awayStatuses = [502, 503, 504];
const comeBackMs = 1_000;
const comeBackMsMax = 15_000;

/** 0 when it is told to stop, 1 when the API does not let it listen, 2 for wrong options. */
export async function listen(terminal: Terminal, remote: Remote, options: ListenOptions, version: string): Promise<number> {
  const fault = faultOf(options);
  if (fault !== undefined) {
    terminal.err(fault);
    return 2;
  }
  const secret = options.secret ?? secretOf(remote.apiKey);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const agent = new Agent({ headersTimeout: answerMsMax, bodyTimeout: answerMsMax, connections: 1 });
  const place = { last: options.after };
  // With --json the secret goes beside the lines of standard output, which are events alone.
  (options.json ? terminal.err : terminal.out)(`Signing with ${secret}`);
  const handOver = { secret, agent, url: options.forwardTo, version, signal: stopping.signal };
  const post = (event: EventView) => forwardPatiently({ event, ...handOver }, (line) => terminal.err(line));
  try {
    for (let missed = 0; !stopping.signal.aborted; ) {
      const ended = await followOnce({ terminal, remote, options, place, post, signal: stopping.signal, onOpen: () => (missed = 0) });
      if (stopping.signal.aborted) break;
      if (ended && isForGood(ended)) {
        for (const line of ended.lines) terminal.err(line);
        return 1;
      }
      if (missed === 0) terminal.err(ended ? `${ended.lines[0]} Trying again.` : "The stream ended; coming back.");
      const waitMs = Math.max(ended?.retryAfterMs ?? 0, Math.min(comeBackMs * 2 ** missed, comeBackMsMax));
      missed = Math.min(missed + 1, 10);
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
    await agent.destroy();
  }
  if (place.last !== undefined) terminal.err(`To go on from here: --after ${place.last}`);
  return 0;
}

function faultOf({ forwardTo, secret }: ListenOptions): string | undefined {
  const isHttp = URL.canParse(forwardTo) && /^https?:$/.test(new URL(forwardTo).protocol);
  if (!isHttp) return "--forward-to: must be a URL like http://localhost:3000/hook";
  if (secret !== undefined && !/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(secret)) {
    return "--secret: must be whsec_ and 24 bytes or more in base64; leave it out to have one made";
  }
  return undefined;
}

/** The same secret for the same key, so that an app need be told only once; nobody can count back from it. */
function secretOf(apiKey: string): string {
  return `whsec_${createHmac("sha256", apiKey).update("postern listen").digest("base64")}`;
}

/** What will not change by waiting: a key that may not listen, an event type or a place that does not exist. */
function isForGood({ status }: Refused): boolean {
  return status !== undefined && status >= 400 && status < 500 && status !== 429;
}

type Following = {
  terminal: Terminal;
  remote: Remote;
  options: ListenOptions;
  /** The last event that was forwarded, or where the stream stood at the beginning. */
  place: { last: string | undefined };
  post(event: EventView): Promise<string>;
  signal: AbortSignal;
  onOpen(): void;
};

/** Opens the stream and forwards until it ends. Returns why it could not be opened; undefined if it was, and ended. */
async function followOnce({ terminal, remote, options, place, post, signal, onOpen }: Following): Promise<Refused | undefined> {
  const types = options.events?.flatMap((types) => types.split(",")).join(",");
  const headers = { ...(place.last !== undefined && { "last-event-id": place.last }) };
  try {
    const opened = await remote.open("GET", `/v1/events/stream${types ? `?type=${encodeURIComponent(types)}` : ""}`, { headers, signal });
    if (!opened.ok) return opened;
    onOpen();
    terminal.err(`Listening at ${remote.url}, forwarding to ${options.forwardTo}`);
    for await (const { id, data } of readServerSentEvents(opened.body)) {
      if (data === undefined) {
        place.last ??= id;
        continue;
      }
      const event = JSON.parse(data) as EventView;
      const result = await post(event);
      if (signal.aborted) return undefined;
      place.last = id;
      const { message_id, recipient } = event.data;
      if (options.json) terminal.out(JSON.stringify({ ...event, forwarded: result }));
      else
        terminal.out(
          [event.timestamp.slice(11, 23), event.type, message_id ?? "", recipient ?? "", "→", result].filter(Boolean).join("  "),
        );
    }
  } catch {
    // The connection broke off: it is made anew, behind the last event.
  }
  return undefined;
}

type Forwarded = { event: EventView; secret: string; agent: Agent; url: string; version: string; signal: AbortSignal };

/** Posts one event, a few times where the app is not there. Returns what came of the last time. */
async function forwardPatiently(forwarded: Forwarded, say: (line: string) => void): Promise<string> {
  const { signal, event } = forwarded;
  for (const [index, waitMs] of triesAfterMs.entries()) {
    const { result, isAway } = await forward(forwarded);
    if (!isAway || signal.aborted) return result;
    const next = `${index + 2} of ${triesAfterMs.length + 1}`;
    say(`${event.type}: ${result}. Trying again in ${waitMs / 1_000} s (${next}).`);
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return result;
  }
  return (await forward(forwarded)).result;
}

/** Posts one event. `result`: the answer's status, or in words why there was none; `isAway`: another try may find the app. */
async function forward({
  event: { id, ...event },
  secret,
  agent,
  url,
  version,
  signal,
}: Forwarded): Promise<{ result: string; isAway: boolean }> {
  const body = JSON.stringify(event);
  const began = performance.now();
  const elapsed = () => `${Math.round(performance.now() - began)} ms`;
  try {
    const headers = {
      ...signatureHeaders(id, body, { secret }, Date.now()),
      "content-type": "application/json",
      "user-agent": `Postern/${version}`,
    };
    const { statusCode, body: answer } = await request(url, { method: "POST", dispatcher: agent, headers, body, signal });
    await answer.dump();
    return { result: `${statusCode} in ${elapsed()}`, isAway: awayStatuses.includes(statusCode) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "UND_ERR_HEADERS_TIMEOUT") return { result: `no answer within ${answerMsMax / 1_000} s`, isAway: false };
    return { result: code === "ECONNREFUSED" ? "nobody listens there" : message || `failed (${code})`, isAway: true };
  }
}
