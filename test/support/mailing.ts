// What scenarios do again and again: send many messages that can be told apart at the far end, and see all of them settled.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { EventView } from "../../src/domain/eventView.ts";
import type { MessageView } from "../../src/domain/messageView.ts";
import { isOpen } from "../../src/domain/states.ts";
import type { Answer, Gateway } from "./gateway.ts";
import { waitFor } from "./waitFor.ts";

type Page<Item> = { data: Item[]; has_more: boolean; next_cursor: string | null };

/** A send request that `reconcile` finds again: `testId` goes with it as X-Test-Id. `more` adds fields, or replaces some. */
export function testMessage(testId: string, to: string | string[], more: Record<string, unknown> = {}) {
  return {
    from: "app@example.com",
    to,
    subject: `Test ${testId}`,
    text: `This is ${testId}.\n`,
    headers: { "X-Test-Id": testId },
    ...more,
  };
}

export type TestMessage = ReturnType<typeof testMessage>;

/** What a run of messages asks for, for `reconcile`: each X-Test-Id with its recipients. */
export function expectedOf(messages: readonly TestMessage[]): Map<string, string[]> {
  return new Map(messages.map(({ headers, to }) => [headers["X-Test-Id"], [to].flat()]));
}

/** Runs the task for 0 … count - 1, so many at a time, and returns what each gave, in order. */
export async function inParallel<Value>(count: number, atOnce: number, task: (index: number) => Promise<Value>): Promise<Value[]> {
  const values: Value[] = [];
  let next = 0;
  const run = async () => {
    for (let index = next++; index < count; index = next++) values[index] = await task(index);
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  return values;
}

/** Asks as a good caller does: what is answered 503 (or 409, while the first try is still under way) again, a few times. */
async function patiently<Body>(ask: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  for (let tries = 1; ; tries++) {
    const answer = await ask();
    if (![409, 503].includes(answer.status) || tries === 10) return answer;
    await sleep(200);
  }
}

/** Posts with an Idempotency-Key of its own, and asks again while the gateway cannot take it. */
export function postPatiently<Body>(gateway: Gateway, path: string, body: unknown): Promise<Answer<Body>> {
  const key = { "idempotency-key": randomUUID() };
  return patiently(() => gateway.post<Body>(path, body, key));
}

/**
 * Sends each in a request of its own, 16 at a time.
 * @returns the answers in the same order
 * @throws Error for an answer other than 202
 */
export function sendEach(gateway: Gateway, messages: readonly TestMessage[]): Promise<MessageView[]> {
  return inParallel(messages.length, 16, async (index) => {
    const { status, body } = await postPatiently<MessageView>(gateway, "/v1/messages", messages[index]);
    if (status !== 202) throw new Error(`message ${index} was answered ${status}: ${JSON.stringify(body)}`);
    return body;
  });
}

/**
 * Sends them in batches, which queues a thousand within a second.
 * @returns their ids in the same order
 * @throws Error when one is refused
 */
export async function sendBatches(gateway: Gateway, messages: readonly TestMessage[]): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < messages.length; start += 250) {
    const batch = { messages: messages.slice(start, start + 250) };
    const { status, body } = await postPatiently<{ data: { id?: string }[] }>(gateway, "/v1/messages/batch", batch);
    if (status !== 200) throw new Error(`a batch was answered ${status}: ${JSON.stringify(body)}`);
    for (const { id, ...rest } of body.data) {
      if (id === undefined) throw new Error(`a message of a batch was refused: ${JSON.stringify(rest)}`);
      ids.push(id);
    }
  }
  return ids;
}

/**
 * Waits until no recipient of these messages is open.
 * @returns the messages as they are then, in the same order
 * @throws Error that names some that are still open when the time is over
 */
export async function allSettled(gateway: Gateway, ids: readonly string[], timeoutMs = 30_000): Promise<MessageView[]> {
  const settled = new Map<string, MessageView>();
  const look = async () => {
    const open: string[] = [];
    await inParallel(ids.length, 8, async (index) => {
      const id = ids[index] as string;
      // Once a few are open, the rest need not be asked for in this round.
      if (settled.has(id) || open.length >= 8) return;
      const { status, body } = await gateway.get<MessageView>(`/v1/messages/${id}`);
      if (status !== 200) throw new Error(`GET ${id} answered ${status}: ${JSON.stringify(body)}`);
      const still = body.recipients.filter((recipient) => isOpen(recipient.status));
      if (still.length === 0) settled.set(id, body);
      else
        open.push(`${id}: ${still.map(({ address, status, reply }) => `${address} ${status} ${reply?.text ?? ""}`.trimEnd()).join(", ")}`);
    });
    if (open.length > 0) throw new Error(`still open: ${open.join("; ")}`);
    return true;
  };
  await waitFor(look, { what: `${ids.length} messages to be settled`, timeoutMs, everyMs: 50 });
  return ids.map((id) => settled.get(id) as MessageView);
}

/** The whole event log, page by page. */
export function allEvents(gateway: Gateway): Promise<EventView[]> {
  return everyPage(gateway, "/v1/events");
}

/** The history of one message. */
export function eventsOf(gateway: Gateway, id: string): Promise<EventView[]> {
  return everyPage(gateway, `/v1/messages/${id}/events`);
}

/**
 * A whole list, page by page; what is answered 503 is asked for again.
 * @throws Error for an answer other than 200
 */
export async function everyPage<Item>(gateway: Gateway, path: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let after = ""; ; ) {
    const { status, body } = await patiently(() => gateway.get<Page<Item>>(`${path}?limit=100${after}`));
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
    items.push(...body.data);
    if (!body.has_more) return items;
    after = `&after=${body.next_cursor}`;
  }
}
