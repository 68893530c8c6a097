// A message as one string in the store, of two lines or three. The first is JSON that the scripts read and write: the state, and what they go by
// of the record. The second is the rest of the record, which no script reads. The third is the newest attempt, see history.ts.
import type { DispatchState, Message, MessageRecord, MessageState, RecipientKind } from "../domain/message.ts";

/** What stands in the first line beside the state. Nothing of the record stands twice. */
type ForScripts = Pick<MessageRecord, "tenant" | "key_id" | "created_at" | "list" | "bypass_suppressions" | "chunks"> & {
  addresses: string[];
  hold?: true;
};

/**
 * The rest of the record: what is as usual is left out, what every message has is named by a letter, and all else is there as it is. `e`: the
 * envelope's sender, where that is not the header's; `k`: the recipients' kinds, a letter each, where not all are `to`.
 */
type Rest = Omit<
  MessageRecord,
  | keyof ForScripts
  | ("id" | "on_doubt" | "recipients" | "from" | "envelope_from" | "return_path" | "subject")
  | ("internet_message_id" | "size" | "lane" | "tags" | "metadata")
> & {
  f: string;
  e?: string;
  p?: string;
  s: string;
  i: string;
  z: number;
  l?: "broadcast";
  t?: string[];
  m?: Record<string, string>;
  k?: string;
};

/** As JSON.stringify takes it: a member that is undefined is not written. */
type Loose<Shape> = { [Name in keyof Shape]: Shape[Name] | undefined };

const letters: Record<RecipientKind, string> = { to: "t", cc: "c", bcc: "b" };
const kinds: Record<string, RecipientKind> = { t: "to", c: "cc", b: "bcc" };

/** The first line, but for its events and job: accept.lua adds these. */
export function firstLineOf(record: MessageRecord, state: Omit<MessageState, "events" | "job">): string {
  const { tenant, key_id, created_at, list, bypass_suppressions, chunks, on_doubt, recipients } = record;
  // Members that are undefined are left out. Here and below they are named one by one: spreading costs more than all the writing.
  return JSON.stringify({
    tenant,
    key_id,
    created_at,
    addresses: recipients.map(({ address }) => address),
    hold: on_doubt === "hold" || undefined,
    list,
    bypass_suppressions: bypass_suppressions || undefined,
    chunks,
    ...state,
    dispatches: state.dispatches.map(withoutZeros),
  } satisfies Loose<ForScripts> & Omit<MessageState, "events" | "job" | "dispatches"> & { dispatches: StoredDispatch[] });
}

/** The second line. */
export function secondLineOf(record: MessageRecord): string {
  const { from, envelope_from, subject, internet_message_id, size, lane, tags, metadata, recipients } = record;
  const isAllTo = recipients.every(({ kind }) => kind === "to");
  return JSON.stringify({
    f: from,
    e: envelope_from === from ? undefined : envelope_from,
    p: record.return_path,
    s: subject,
    i: internet_message_id,
    z: size,
    l: lane === "broadcast" ? lane : undefined,
    t: tags.length > 0 ? tags : undefined,
    m: Object.keys(metadata).length > 0 ? metadata : undefined,
    k: isAllTo ? undefined : recipients.map(({ kind }) => letters[kind]).join(""),
    key_name: record.key_name,
    relay: record.relay,
    smtputf8: record.smtputf8,
    eight_bit: record.eight_bit,
    traceparent: record.traceparent,
    tracestate: record.tracestate,
  } satisfies Loose<Required<Rest>>);
}

/** What a dispatch has not counted yet does not stand there. */
type StoredDispatch = Omit<DispatchState, "tries" | "faults"> & Partial<Pick<DispatchState, "tries" | "faults">>;

function withoutZeros({ tries, faults, ...it }: DispatchState): StoredDispatch {
  return { ...it, ...(tries > 0 && { tries }), ...(faults > 0 && { faults }) };
}

type FirstLine = ForScripts & Omit<MessageState, "dispatches"> & { dispatches: StoredDispatch[] };

function stateIn({ expires_at, send_at, attempts, recipients, dispatches, job, events }: FirstLine): MessageState {
  const state: MessageState = {
    expires_at,
    attempts,
    recipients,
    dispatches: dispatches.map((it) => Object.assign(it, { tries: it.tries ?? 0, faults: it.faults ?? 0 })),
    events,
  };
  if (send_at !== undefined) state.send_at = send_at;
  if (job !== undefined) state.job = job;
  return state;
}

/** The state, out of what scripts return: the first line alone. */
export function stateOf(firstLine: string): MessageState {
  return stateIn(JSON.parse(firstLine));
}

/** Reads a message of that id. Its newest attempt, if there is one, is left as it lies. */
export function readDocument(id: string, text: string): Message & { attempt?: string } {
  const [line = "", second = "", attempt] = text.split("\n");
  const first: FirstLine = JSON.parse(line);
  const rest: Rest = JSON.parse(second);
  const record: MessageRecord = {
    id,
    tenant: first.tenant,
    key_id: first.key_id,
    created_at: first.created_at,
    from: rest.f,
    envelope_from: rest.e ?? rest.f,
    subject: rest.s,
    internet_message_id: rest.i,
    size: rest.z,
    lane: rest.l ?? "transactional",
    tags: rest.t ?? [],
    metadata: rest.m ?? {},
    on_doubt: first.hold ? "hold" : "resend",
    recipients: first.addresses.map((address, index) => ({ address, kind: kinds[rest.k?.[index] ?? "t"] ?? "to" })),
  };
  if (rest.p !== undefined) record.return_path = rest.p;
  if (first.list !== undefined) record.list = first.list;
  if (first.bypass_suppressions) record.bypass_suppressions = true;
  if (first.chunks !== undefined) record.chunks = first.chunks;
  if (rest.key_name !== undefined) record.key_name = rest.key_name;
  if (rest.relay !== undefined) record.relay = rest.relay;
  if (rest.smtputf8 !== undefined) record.smtputf8 = rest.smtputf8;
  if (rest.eight_bit !== undefined) record.eight_bit = rest.eight_bit;
  if (rest.traceparent !== undefined) record.traceparent = rest.traceparent;
  if (rest.tracestate !== undefined) record.tracestate = rest.tracestate;
  const message: Message & { attempt?: string } = { record, state: stateIn(first) };
  if (attempt !== undefined) message.attempt = attempt;
  return message;
}
