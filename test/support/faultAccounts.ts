// The accounts after a fault: every recipient in the API's ledger against the mails at the relay, against the event log, and every event of
// the log against the webhook receiver's. What must hold after any fault is asserted here, once for all rows of the fault matrix; what one
// row promises beyond that ("0 duplicates", "at most so many in doubt") it asserts of the accounts that it gets back.
import assert from "node:assert/strict";
import type { EventView } from "../../src/domain/eventView.ts";
import type { MessageView } from "../../src/domain/messageView.ts";
import { settledStatuses } from "../../src/domain/states.ts";
import type { Gateway } from "./gateway.ts";
import { headerOf } from "./mailHeader.ts";
import { allEvents, allSettled, everyPage } from "./mailing.ts";
import { waitFor } from "./waitFor.ts";
import { type ReceivedRequest, verifyRequest, type WebhookReceiver } from "./webhookReceiver.ts";

/** One recipient from both ends. `copies`: mails at the relay; `flagged`: the API says `possible_duplicate`. */
export type RecipientAccount = {
  messageId: string;
  subject: string;
  address: string;
  status: string;
  attempts: number;
  flagged: boolean;
  copies: number;
};

export type FaultAccounts = {
  /** The whole ledger of the tenant, newest first. */
  messages: MessageView[];
  recipients: RecipientAccount[];
  /** Those of which the relay has more than one copy. */
  doubled: RecipientAccount[];
  flagged: RecipientAccount[];
  events: EventView[];
  /** Requests at the webhook, and how many of them brought an event again. */
  webhook: { requests: number; repeated: number };
  /** The figures as a row's measured result says them. */
  inWords: string;
};

/** A webhook that was there from the start, for all events. */
export type Subscribed = { receiver: WebhookReceiver; secret: string };

/** Makes a webhook for all events; before the load, so that every event is due there. The gateway must allow private webhooks. */
export async function subscribeToAll(gateway: Gateway, receiver: WebhookReceiver): Promise<Subscribed> {
  const { status, body } = await gateway.post<{ secret: string }>("/v1/webhooks", { url: receiver.url, events: ["*"] });
  assert.equal(status, 201, JSON.stringify(body));
  return { receiver, secret: body.secret };
}

/**
 * Waits until every recipient in the ledger is settled, draws up the accounts and asserts what holds after any fault:
 * every receipt is in the ledger; nobody got mail but recipients in the ledger; whoever is `sent` has it, whoever is not and is not flagged
 * has none; more than one copy, three at most and the same bytes, only where the API says `possible_duplicate`; each recipient's last
 * event, and the only one of its kind, says what the ledger says; every event reached the webhook, signed, always with the same id and body.
 * @param options.gateway an API with the bootstrap key, alive by now; all its tenant's messages are taken in
 * @param options.receipts ids of the messages that were answered 202
 * @param options.mails what the relay took, asked for once all is settled
 * @param options.webhook made by `subscribeToAll`
 * @param options.timeoutMs for all to be settled, and again for the events to arrive; default 60 s, as deliveries in a dead worker's hands
 *   are free again after two of its time-outs
 */
export async function settleAccounts(options: {
  gateway: Gateway;
  receipts: Iterable<string>;
  mails: () => RelayMails | Promise<RelayMails>;
  webhook?: Subscribed;
  timeoutMs?: number;
}): Promise<FaultAccounts> {
  const { gateway, receipts, webhook, timeoutMs = 60_000 } = options;
  const ids = await waitFor(() => ledgerIds(gateway), { what: "the API to read its ledger", timeoutMs: 15_000, everyMs: 100 });
  const stored = new Set(ids);
  for (const id of receipts) assert.ok(stored.has(id), `${id} was answered 202, and is not in the ledger`);
  const messages = await allSettled(gateway, ids, timeoutMs);

  const copies = countCopies(await options.mails());
  const recipients = messages.flatMap((message) =>
    message.recipients.map(({ address, status, attempts, possible_duplicate: flagged }): RecipientAccount => {
      const key = copyKey(message.internet_message_id, address);
      const count = copies.get(key) ?? 0;
      copies.delete(key);
      return { messageId: message.id, subject: message.subject, address, status, attempts, flagged, copies: count };
    }),
  );
  assert.deepEqual([...copies.keys()], [], "mail that nobody asked for");
  for (const account of recipients) assertHonest(account);

  const events = await allEvents(gateway);
  assertTold(messages, recipients, events);
  const told = webhook ? await assertDelivered(webhook, events, timeoutMs) : { requests: 0, repeated: 0 };
  assert.deepEqual(new Set(await ledgerIds(gateway)), stored, "the ledger holds a message that was not there before all was settled");

  const doubled = recipients.filter((account) => account.copies > 1);
  const flagged = recipients.filter((account) => account.flagged);
  const figures = [`${recipients.length} recipients`, "0 lost", `${doubled.length} doubled`, `${flagged.length} flagged`];
  if (webhook) figures.push(`${events.length} events at the webhook, ${told.repeated} repeated`);
  return { messages, recipients, doubled, flagged, events, webhook: told, inWords: figures.join(", ") };
}

type RelayMails = readonly { to: readonly string[]; raw: Buffer }[];

/** The ids of all messages of the tenant, newest first. */
async function ledgerIds(gateway: Gateway): Promise<string[]> {
  return (await everyPage<{ id: string }>(gateway, "/v1/messages")).map(({ id }) => id);
}

const copyKey = (messageId: string, address: string) => `${messageId} ${address}`;

/** How many copies each recipient got of each Message-ID. Two copies must be the same bytes: a receiver can then tell a double. */
function countCopies(mails: RelayMails): Map<string, number> {
  const copies = new Map<string, number>();
  const bytes = new Map<string, Buffer>();
  for (const { to, raw } of mails) {
    const messageId = headerOf(raw, "message-id") ?? "";
    assert.ok((bytes.get(messageId) ?? raw).equals(raw), `two copies of ${messageId} differ`);
    bytes.set(messageId, raw);
    for (const address of to) copies.set(copyKey(messageId, address), (copies.get(copyKey(messageId, address)) ?? 0) + 1);
  }
  return copies;
}

const hasArrived = new Set(["sent", "delivered", "complained"]);

function assertHonest(account: RecipientAccount): void {
  const { status, flagged, copies } = account;
  const told = JSON.stringify(account);
  if (hasArrived.has(status)) assert.ok(copies >= 1, `lost: ${told}`);
  else assert.ok(flagged || copies === 0, `the relay has it: ${told}`);
  assert.ok(copies <= 1 || flagged, `doubled, and not flagged: ${told}`);
  assert.ok(copies <= 3, `more than three copies: ${told}`);
  if (status === "unknown") assert.ok(flagged, `unknown, and not flagged: ${told}`);
}

const settlingTypes = new Set<string>(settledStatuses.map((status) => `message.${status}`));

/** The log says of each recipient what the ledger says, each settling fact once, in one sequence with an id for each event. */
function assertTold(messages: readonly MessageView[], recipients: readonly RecipientAccount[], events: readonly EventView[]): void {
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length, "two events have one id");
  const accepted = events.filter(({ type }) => type === "message.accepted").map(({ data }) => data.message_id);
  assert.deepEqual(accepted.toSorted(), messages.map(({ id }) => id).toSorted(), "each message is accepted once");
  const byRecipient = new Map<string, EventView[]>();
  for (const event of events) {
    const key = copyKey(event.data.message_id ?? "", event.data.recipient ?? "");
    byRecipient.set(key, [...(byRecipient.get(key) ?? []), event]);
  }
  for (const account of recipients) {
    const own = byRecipient.get(copyKey(account.messageId, account.address)) ?? [];
    const last = own.at(-1);
    const said = { status: last?.data.status, flagged: last?.data.possible_duplicate };
    assert.deepEqual(said, { status: account.status, flagged: account.flagged }, `the last event of ${JSON.stringify(account)}`);
    const ends = own.flatMap(({ type, data }) => (settlingTypes.has(type) ? [`${type} at attempt ${data.attempt}`] : []));
    assert.equal(new Set(ends).size, ends.length, `told twice: ${ends.join(", ")} of ${JSON.stringify(account)}`);
  }
}

/** Every event of the log arrived, genuine at every try, and nothing else did. */
async function assertDelivered({ receiver, secret }: Subscribed, events: readonly EventView[], timeoutMs: number) {
  const eventIdOf = ({ headers }: ReceivedRequest) => String(headers["webhook-id"]);
  const log = new Map(events.map((event) => [event.id, event]));
  const missing = () => {
    const arrived = new Set(receiver.requests.map(eventIdOf));
    return [...log.keys()].filter((id) => !arrived.has(id));
  };
  const allCame = () => {
    const ids = missing();
    if (ids.length > 0) throw new Error(`${ids.length} are missing, such as ${ids[0]} (${log.get(ids[0] ?? "")?.type})`);
    return true;
  };
  await waitFor(allCame, { what: `${events.length} events at the webhook`, timeoutMs, everyMs: 50 });
  for (const request of receiver.requests) {
    const event = log.get(eventIdOf(request));
    assert.ok(event, `the webhook got ${eventIdOf(request)}, which is not in the log`);
    const { id: _id, ...body } = event;
    assert.deepEqual(verifyRequest(request, secret), body);
  }
  return { requests: receiver.requests.length, repeated: receiver.requests.length - events.length };
}
