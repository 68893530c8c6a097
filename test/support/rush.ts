// Load as callers make it: several clients that post as fast as they are answered, and books on what they were told.
import assert from "node:assert/strict";
import type { MessageView } from "../../src/domain/messageView.ts";
import type { Answer, Gateway } from "./gateway.ts";
import { type TestMessage, testMessage } from "./mailing.ts";
import { waitFor } from "./waitFor.ts";

/** What callers asked for, by X-Test-Id, and what they were told. */
export type Books = {
  /** All that left, answered or not. */
  readonly asked: Set<string>;
  /** Those that were answered 202, with the message's id. */
  readonly receipts: Map<string, string>;
  /** Those that were answered 503. */
  readonly refused: Set<string>;
  /** The longest that an answer took, in milliseconds. */
  slowestMs: number;
};

/** New, empty books. */
export function openBooks(): Books {
  return { asked: new Set(), receipts: new Map(), refused: new Set(), slowestMs: 0 };
}

/**
 * Posts one message and notes it.
 * @throws Error when the connection breaks; an AssertionError for an answer that is neither 202 nor 503 with Retry-After
 */
export async function postOne(
  gateway: Gateway,
  books: Books,
  message: TestMessage,
  headers: Record<string, string> = {},
): Promise<Answer<MessageView>> {
  const testId = message.headers["X-Test-Id"];
  books.asked.add(testId);
  const startedAt = performance.now();
  const answer = await gateway.post<MessageView>("/v1/messages", message, headers);
  books.slowestMs = Math.max(books.slowestMs, performance.now() - startedAt);
  if (answer.status === 202) {
    books.receipts.set(testId, answer.body.id);
    return answer;
  }
  assert.equal(answer.status, 503, JSON.stringify(answer.body));
  assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
  books.refused.add(testId);
  return answer;
}

export type Rush = {
  /** Waits until so many receipts have been given since this rush began. */
  untilReceipts(count: number, timeoutMs?: number): Promise<void>;
  /** No client begins another request; resolves when the last has its answer. Rejects with what one of them was told wrongly. */
  stop(): Promise<void>;
};

/**
 * Starts the clients. A client whose connection breaks gives up: its gateway is gone.
 * @param options.name first part of every X-Test-Id, so that rushes of one test can be told apart
 * @param options.messageOf makes the message of an X-Test-Id; default one recipient of that name
 */
export function startRush(options: {
  gateway: Gateway;
  books: Books;
  name: string;
  clients?: number;
  messageOf?: (testId: string) => TestMessage;
}): Rush {
  const { gateway, books, name, clients = 8, messageOf = (testId) => testMessage(testId, `${testId}@example.net`) } = options;
  const before = books.receipts.size;
  let goesOn = true;
  const post = async (client: number) => {
    for (let number = 1; goesOn; number++) {
      const answer = await postOne(gateway, books, messageOf(`${name}-${client}-${number}`)).catch((fault: Error) => {
        if (fault instanceof assert.AssertionError) throw fault;
      });
      if (!answer) return;
      // A refused caller waits a moment; a shorter one than it was asked to.
      if (answer.status === 503) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const ended = Promise.all(Array.from({ length: clients }, (_, client) => post(client)));
  // Told when the rush is stopped; until then it is nobody's fault.
  ended.catch(() => undefined);
  return {
    async untilReceipts(count, timeoutMs = 30_000) {
      const what = `${count} receipts of ${name}`;
      await Promise.race([waitFor(() => books.receipts.size >= before + count, { what, timeoutMs, everyMs: 1 }), neverEnds(ended, what)]);
    },
    async stop() {
      goesOn = false;
      await ended;
    },
  };
}

/** Rejects when the clients end although they should not, with what ended them. */
async function neverEnds(ended: Promise<unknown>, what: string): Promise<never> {
  await ended;
  throw new Error(`every client has given up before there were ${what}`);
}
