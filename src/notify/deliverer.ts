// Delivers what is due: claims a few deliveries, posts each, records what came of it. One loop a process, many requests at a time.
import { setTimeout as pause } from "node:timers/promises";
import type { TryOutcome, WebhookQueue } from "../store/webhookQueue.ts";
import type { Log } from "../telemetry/logger.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Claimed, createBodies } from "./bodies.ts";
import type { Post, PostResult } from "./post.ts";
import { nextTryInMs } from "./schedule.ts";
import { signatureHeaders } from "./signature.ts";
import { tracePost } from "./traced.ts";

export type DelivererOptions = {
  queue: WebhookQueue;
  bodies: ReturnType<typeof createBodies>;
  post: Post;
  /** Redis time (ms). */
  now(): number;
  schedule: readonly number[];
  /** Requests of this process at a time. */
  perProcess: number;
  /** How often it looks for what became due without its being told. */
  pollMs: number;
  observe(outcome: TryOutcome, durationMs: number): void;
  tracing?: Pick<Tracing, "begin"> | undefined;
  log: Log;
};

export type Deliverer = {
  /** Something has become due. */
  wake(): void;
  /** Claims nothing more, lets requests end for `graceMs`, cuts the rest off and gives them back. Idempotent. */
  stop(graceMs: number): Promise<void>;
};

/** Webhooks of one look. */
const lookStep = 50;
const recordPauseMs = 200;
/** How long what was cut off may take to be given back. */
const givingBackMs = 1_000;

export function startDeliverer(options: DelivererOptions): Deliverer {
  const { queue, bodies, post, now, schedule, perProcess, pollMs, observe, tracing, log } = options;
  const stopping = new AbortController();
  const cutting = new AbortController();
  const underWay = new Set<Promise<void>>();
  let failing = 0;
  let isWoken = false;
  let wakeUp = new AbortController();
  let isTroubled = false;

  const wake = () => {
    isWoken = true;
    wakeUp.abort();
  };

  /** Claims until nothing is due or no room is left. Webhooks that fail get half the room: endpoints that hang do not hold up the others. */
  async function claimAll(): Promise<void> {
    for (;;) {
      if (stopping.signal.aborted || underWay.size >= perProcess) return;
      const ids = await queue.claimable(lookStep);
      let claimed = 0;
      for (const id of ids) {
        const room = perProcess - underWay.size;
        if (stopping.signal.aborted || room <= 0) return;
        const claim = await queue.claim(id, room, Math.min(room, Math.ceil(perProcess / 2) - failing));
        if (!claim) continue;
        claimed += claim.deliveries.length;
        const isFailing = claim.webhook.failing_since !== undefined;
        const due = bodies(claim);
        for (const { eventId, row } of claim.deliveries) {
          start(deliver({ webhook: claim.webhook, leaseEnd: claim.leaseEnd, eventId, row }, due), isFailing, {
            webhook: claim.webhook.id,
            event: eventId,
          });
        }
      }
      if (claimed === 0) return;
    }
  }

  function start(delivery: Promise<void>, isFailing: boolean, about: { webhook: string; event: string }): void {
    if (isFailing) failing += 1;
    const tracked = delivery
      .catch((error) => log.error({ err: error, ...about }, "a webhook's delivery broke off; its lease will run out"))
      .finally(() => {
        underWay.delete(tracked);
        if (isFailing) failing -= 1;
        wake();
      });
    underWay.add(tracked);
  }

  async function deliver(claimed: Claimed, due: ReturnType<typeof bodies>): Promise<void> {
    const { webhook, eventId, row, leaseEnd } = claimed;
    const at = now();
    const found = (await due).get(eventId);
    if (!found) {
      await record(claimed, "lost", { at, duration_ms: 0, error: "The event is no longer kept." });
      return;
    }
    const { body, record: message } = found;
    const traced = tracing && tracePost(tracing, claimed, message);
    const headers = { ...signatureHeaders(eventId, body, webhook, at), ...traced?.headers };
    const result = await post({ url: webhook.url, headers, body, signal: cutting.signal });
    traced?.end(result);
    if (cutting.signal.aborted && result.status === undefined) {
      await queue.record({ webhookId: webhook.id, eventId, leaseEnd, outcome: "released" });
      return;
    }
    const outcome = judge(result);
    observe(outcome, result.durationMs);
    const retryInMs = row.test
      ? undefined
      : nextTryInMs({ tried: row.step + 1, schedule, retryAfter: result.retryAfter, now: now(), random: Math.random() });
    const { status, error, snippet } = result;
    const trial = {
      at,
      duration_ms: result.durationMs,
      ...(status !== undefined && { status }),
      ...(error !== undefined && { error }),
      ...(snippet !== undefined && { response_snippet: snippet }),
    };
    await record(claimed, outcome, trial, retryInMs);
  }

  /** Until Redis takes it, or another may have it. A record that was taken twice counts once. */
  async function record(
    { webhook, eventId, leaseEnd }: Claimed,
    outcome: TryOutcome,
    trial: Parameters<WebhookQueue["record"]>[0]["try"] & object,
    retryInMs?: number,
  ): Promise<void> {
    for (;;) {
      try {
        const recorded = await queue.record({ webhookId: webhook.id, eventId, leaseEnd, outcome, try: trial, retryInMs });
        if (recorded.disabled) log.warn({ webhook: webhook.id, tenant: webhook.tenant }, "webhook disabled: its endpoint fails or is gone");
        return;
      } catch (error) {
        if (now() >= leaseEnd || cutting.signal.aborted) throw error;
        await pause(recordPauseMs);
      }
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      isWoken = false;
      wakeUp = new AbortController();
      try {
        await claimAll();
        if (isTroubled) log.info({}, "webhooks: delivering again");
        isTroubled = false;
      } catch (error) {
        if (!isTroubled) log.warn({ err: error }, "webhooks: what is due cannot be claimed for the moment");
        isTroubled = true;
        isWoken = false;
        wakeUp = new AbortController();
      }
      if (!isWoken) await pause(pollMs, undefined, { signal: wakeUp.signal }).catch(() => undefined);
    }
  }

  const ended = run();
  let stopped: Promise<void> | undefined;
  async function stop(graceMs: number): Promise<void> {
    stopping.abort();
    wake();
    const drained = ended.then(() => Promise.all(underWay));
    await Promise.race([drained, pause(graceMs, undefined, { ref: false })]);
    cutting.abort();
    await Promise.race([drained, pause(givingBackMs, undefined, { ref: false })]);
  }

  return { wake, stop: (graceMs) => (stopped ??= stop(graceMs)) };
}

function judge({ status }: PostResult): TryOutcome {
  if (status === undefined) return "failed";
  if (status >= 200 && status < 300) return "succeeded";
  return status === 410 ? "refused" : "failed";
}
