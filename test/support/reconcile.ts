// The accounts of a scenario: every recipient of every message that was accepted, against every mail that arrived.
import { headerOf } from "./mailHeader.ts";

export type Discrepancies = {
  /** Expected, and never arrived. */
  lost: { id: string; recipient: string }[];
  /** Expected once, and arrived `copies` times. */
  doubled: { id: string; recipient: string; copies: number }[];
  /** Arrived, and was not expected; `id` is undefined for a mail that bears none. */
  unexpected: { id: string | undefined; recipient: string }[];
};

/**
 * Compares recipient by recipient.
 * @param options.expected for each message its recipients; the id is its `X-Test-Id` header or its Message-ID without angle brackets
 * @param options.mails what arrived, one entry a transaction
 * @returns empty lists when every recipient got exactly one copy, and nobody else got anything
 */
export function reconcile(options: {
  expected: ReadonlyMap<string, readonly string[]> | Record<string, readonly string[]>;
  mails: readonly { to: readonly string[]; raw: Buffer }[];
}): Discrepancies {
  const { expected, mails } = options;
  const wanted = expected instanceof Map ? [...expected] : Object.entries(expected);
  const copies = new Map<string, { id: string; recipient: string; count: number }>();
  for (const [id, recipients] of wanted) {
    for (const recipient of recipients) copies.set(keyOf(id, recipient), { id: bare(id), recipient, count: 0 });
  }
  const unexpected: Discrepancies["unexpected"] = [];
  for (const { to, raw } of mails) {
    const named = headerOf(raw, "x-test-id") ?? headerOf(raw, "message-id");
    for (const recipient of to) {
      const entry = named === undefined ? undefined : copies.get(keyOf(named, recipient));
      if (entry) entry.count += 1;
      else unexpected.push({ id: named === undefined ? undefined : bare(named), recipient });
    }
  }
  const entries = [...copies.values()];
  return {
    lost: entries.filter(({ count }) => count === 0).map(({ id, recipient }) => ({ id, recipient })),
    doubled: entries.filter(({ count }) => count > 1).map(({ id, recipient, count }) => ({ id, recipient, copies: count })),
    unexpected,
  };
}

function bare(id: string): string {
  return id.replace(/^<(.*)>$/, "$1");
}

function keyOf(id: string, recipient: string): string {
  return `${bare(id)}\n${recipient}`;
}
