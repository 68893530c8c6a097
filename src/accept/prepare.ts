// The first half of acceptance: what a caller asks for becomes an envelope, finished bytes and a plan, or a refusal. Nothing is stored yet.

import { domainOf, type Mailbox, senderDomainAllowed } from "../domain/address.ts";
import { idOf } from "../domain/ids.ts";
import type { Caller } from "../domain/keys.ts";
import type { DispatchState, MessageRecord, RecipientKind, RecipientState } from "../domain/message.ts";
import { type InputFault, isRefusal, type Refusal } from "../domain/refusals.ts";
import { type MakeReturnPath, type ReturnPathFacts, returnPathHeader } from "../domain/returnPath.ts";
import type { RoutedMessage } from "../domain/routes.ts";
import { formatSize } from "../domain/units.ts";
import type { Composer } from "./composer.ts";
import { dispatchesOf, type RoutedRecipient, type RoutingSettings, routedMessage, routeRecipients } from "./plan.ts";
import { type RawRequest, recipientsMax, type SendRequest } from "./request.ts";
import { bypassRefusal, unsubscribeHeaders } from "./suppressing.ts";
import type { UnsubscribeLinks } from "./unsubscribeLinks.ts";

export type PrepareSettings = RoutingSettings & {
  expireAfterMs: number;
  maxMessageSizeBytes: number;
  /** Redis time, ms. */
  now(): number;
  /** 16 bytes of a new UUID version 7. */
  newUuid(): Uint8Array;
  unsubscribeLinks: Pick<UnsubscribeLinks, "link">;
  composer: Pick<Composer, "compose" | "finishRaw">;
  /** Makes our own envelope sender of a message; absent where there is no domain for it. */
  returnPath?: MakeReturnPath;
};

/** A message that is ready to be stored. */
export type Draft = {
  record: MessageRecord;
  recipients: RecipientState[];
  dispatches: DispatchState[];
  expiresAt: number;
  sendAt?: number;
  bytes: Buffer;
  returnPath?: ReturnPathFacts;
  /** For each recipient, in their order. */
  routing: RoutedRecipient[];
};

type Options = Omit<RawRequest, "envelope" | "raw">;
type EnvelopeRecipient = { address: string; kind: RecipientKind };

const sendAheadMsMax = 30 * 24 * 3_600_000;
/** A caller's clock may be this far behind before its `send_at` counts as past. */
const clockToleranceMs = 5_000;

/** Prepares a message from its parts (`POST /v1/messages`). */
export async function prepare(settings: PrepareSettings, caller: Caller, request: SendRequest): Promise<Draft | Refusal> {
  const recipients = envelopeOf(request);
  const messageId = newMessageId(settings);
  const message = routedMessage(caller, request, { id: messageId, from: request.from.address });
  const plan = makePlan(settings, caller, request, { message, senders: [{ address: request.from.address, pointer: "/from" }], recipients });
  if (isRefusal(plan)) return plan;
  const internetMessageId = `<${messageId}@${domainOf(request.from.address)}>`;
  const about = { tenant: caller.tenant, messageId, recipients, ...(request.headers && { headers: request.headers }) };
  const unsubscribing = await unsubscribeHeaders(settings.unsubscribeLinks, about, request);
  if (isRefusal(unsubscribing)) return unsubscribing;
  const returnPath = returnPathOf(settings, { message, recipients, plan });
  const { bytes, smtputf8 } = await settings.composer.compose({
    from: request.from,
    to: request.to,
    cc: request.cc ?? [],
    replyTo: request.reply_to ?? [],
    subject: request.subject ?? "",
    text: request.text,
    html: request.html,
    // Not on a message that came whole: its bytes are the caller's, and may be signed.
    headers: { ...request.headers, ...unsubscribing, ...(returnPath && { [returnPathHeader]: returnPath.address }) },
    attachments: (request.attachments ?? []).map((it) => ({
      filename: it.filename,
      content: it.content,
      contentType: it.content_type,
      contentId: it.content_id,
    })),
    messageId: internetMessageId,
    date: new Date(plan.now),
  });
  const facts = { subject: request.subject ?? "", internetMessageId, smtputf8, eightBit: false };
  return finish(settings, request, { message, envelopeFrom: request.from.address, recipients, plan, facts, bytes, returnPath });
}

/** Prepares a message that came whole (`POST /v1/messages/raw`). */
export async function prepareRaw(settings: PrepareSettings, caller: Caller, request: RawRequest): Promise<Draft | Refusal> {
  const messageId = newMessageId(settings);
  const { envelope } = request;
  const recipients = distinct(envelope.to.map(({ address }) => ({ address, kind: "to" as const })));
  const unsubscribing = await unsubscribeHeaders(settings.unsubscribeLinks, { tenant: caller.tenant, messageId, recipients }, request);
  if (isRefusal(unsubscribing)) return unsubscribing;
  const finished = await settings.composer.finishRaw(request.raw, {
    messageId: `<${messageId}@${domainOf(envelope.from.address)}>`,
    date: new Date(settings.now()),
    further: unsubscribing,
  });
  if ("faults" in finished) {
    return invalid(finished.faults.map((fault) => ({ pointer: "/raw", code: fault.code, message: fault.message })));
  }
  const senders = [
    { address: envelope.from.address, pointer: "/envelope/from" },
    ...[...finished.from, ...(finished.sender === undefined ? [] : [finished.sender])].map((address) => ({ address, pointer: "/raw" })),
  ];
  const message = routedMessage(caller, request, { id: messageId, from: finished.from[0] ?? envelope.from.address });
  const plan = makePlan(settings, caller, request, { message, senders, recipients });
  if (isRefusal(plan)) return plan;
  const facts = {
    subject: finished.subject,
    internetMessageId: finished.messageId,
    smtputf8: finished.smtputf8,
    eightBit: finished.eightBit,
  };
  return finish(settings, request, {
    message,
    envelopeFrom: envelope.from.address,
    recipients,
    plan,
    facts,
    bytes: finished.bytes,
    returnPath: returnPathOf(settings, { message, recipients, plan }),
  });
}

/** A 422 with these faults. */
export function invalid(errors: InputFault[]): Refusal {
  return { refused: "invalid_request", detail: "The request breaks the rules named in errors; nothing was stored.", errors };
}

function newMessageId(settings: PrepareSettings): string {
  return idOf("msg", settings.newUuid());
}

function envelopeOf(request: SendRequest): EnvelopeRecipient[] {
  const of = (kind: RecipientKind, list: Mailbox[] | undefined) => (list ?? []).map(({ address }) => ({ address, kind }));
  return distinct([...of("to", request.to), ...of("cc", request.cc), ...of("bcc", request.bcc)]);
}

/** An address that is named twice gets one copy, as it is named first. */
function distinct(recipients: EnvelopeRecipient[]): EnvelopeRecipient[] {
  const first = new Map<string, EnvelopeRecipient>();
  for (const recipient of recipients) if (!first.has(recipient.address)) first.set(recipient.address, recipient);
  return [...first.values()];
}

/** `now`: the one time that acceptance goes by. */
type Plan = { now: number; sendAt?: number; expiresAt: number; routing: RoutedRecipient[] };

/** Checks what has nothing to do with the content: senders, number of recipients, times, routes. */
function makePlan(
  settings: PrepareSettings,
  caller: Caller,
  options: Options,
  parts: { message: RoutedMessage; senders: { address: string; pointer: string }[]; recipients: EnvelopeRecipient[] },
): Plan | Refusal {
  const { message, senders, recipients } = parts;
  const { domains } = caller;
  const foreign = domains && senders.find((sender) => !senderDomainAllowed(sender.address, domains));
  if (foreign) {
    const message = `is outside the sender domains of this key (${domains.join(", ")})`;
    return {
      refused: "sender_not_allowed",
      detail: `The sender's domain ${domainOf(foreign.address)} ${message}.`,
      errors: [{ pointer: foreign.pointer, code: "sender_not_allowed", message }],
    };
  }
  if (recipients.length === 0)
    return invalid([{ pointer: "/to", code: "no_recipients", message: "names nobody; give at least one recipient" }]);
  if (recipients.length > recipientsMax) {
    const message = `makes ${recipients.length} recipients with cc and bcc; ${recipientsMax} are allowed in all`;
    return invalid([{ pointer: "/to", code: "too_many_recipients", message }]);
  }
  const bypass = bypassRefusal(caller, options);
  if (bypass) return bypass;
  const times = timesOf(settings, options);
  if (isRefusal(times)) return times;
  const forbidden = refuseRelay(settings, caller, options.relay);
  if (forbidden) return forbidden;
  const routing = routeRecipients(
    settings,
    message,
    recipients.map(({ address }) => address),
  );
  return isRefusal(routing) ? routing : { ...times, routing };
}

function timesOf(settings: PrepareSettings, options: Options): Omit<Plan, "routing"> | Refusal {
  const now = settings.now();
  const sendAt = options.send_at === undefined || options.send_at <= now ? undefined : options.send_at;
  const fault = options.send_at === undefined ? undefined : sendAtFault(options.send_at, now);
  if (fault) return invalid([{ pointer: "/send_at", code: "invalid_send_at", message: fault }]);
  const expiresAt = (sendAt ?? now) + (options.expires_after ?? settings.expireAfterMs);
  return { now, expiresAt, ...(sendAt !== undefined && { sendAt }) };
}

/** Why a time to send at is refused, or undefined. */
export function sendAtFault(sendAt: number, now: number): string | undefined {
  if (sendAt < now - clockToleranceMs) return "is past; leave it out to send at once";
  if (sendAt > now + sendAheadMsMax) return "is more than 30 days ahead";
  return undefined;
}

/** Why the caller may not name this relay, if it may not. */
function refuseRelay(settings: PrepareSettings, caller: Caller, relay: string | undefined): Refusal | undefined {
  if (relay === undefined) return undefined;
  const allowed = caller.scopes.includes("operator") || (caller.relays?.includes(relay) ?? false);
  if (!allowed) {
    return {
      refused: "forbidden",
      detail: "This key may not choose a relay; leave relay out, or use a key that lists it.",
      errors: [{ pointer: "/relay", code: "forbidden", message: "is not among the relays of this key" }],
    };
  }
  if (settings.relays.includes(relay)) return undefined;
  return invalid([{ pointer: "/relay", code: "unknown_relay", message: "is no relay of this installation" }]);
}

function returnPathOf(
  { returnPath }: PrepareSettings,
  { message: { id, tenant }, recipients, plan: { expiresAt } }: Pick<Parts, "message" | "recipients" | "plan">,
): ReturnPathFacts | undefined {
  return returnPath?.({ id, tenant, recipients: recipients.map(({ address }) => address), expiresAt });
}

type Parts = {
  message: RoutedMessage;
  envelopeFrom: string;
  recipients: EnvelopeRecipient[];
  plan: Plan;
  facts: { subject: string; internetMessageId: string; smtputf8: boolean; eightBit: boolean };
  bytes: Buffer;
  returnPath: ReturnPathFacts | undefined;
};

function finish(settings: PrepareSettings, options: Options, parts: Parts): Draft | Refusal {
  const { message, plan, facts, bytes, recipients } = parts;
  if (bytes.length > settings.maxMessageSizeBytes) {
    const limit = formatSize(settings.maxMessageSizeBytes);
    return { refused: "message_too_large", detail: `The finished message has ${bytes.length} bytes; ${limit} are allowed.` };
  }
  const dispatches = dispatchesOf(settings, plan.routing, bytes.length);
  if (isRefusal(dispatches)) return dispatches;
  const { now, sendAt } = plan;
  // Member by member: this is done for every message, and spreading what may be absent costs as much as all the rest of it.
  const record: MessageRecord = {
    id: message.id,
    tenant: message.tenant,
    key_id: message.key_id,
    from: message.from,
    lane: message.lane,
    tags: message.tags,
    created_at: now,
    envelope_from: parts.envelopeFrom,
    subject: facts.subject,
    internet_message_id: facts.internetMessageId,
    size: bytes.length,
    on_doubt: options.on_doubt ?? "resend",
    metadata: options.metadata ?? {},
    recipients,
  };
  if (message.key_name !== undefined) record.key_name = message.key_name;
  if (message.relay !== undefined) record.relay = message.relay;
  if (parts.returnPath) record.return_path = parts.returnPath.address;
  if (facts.smtputf8) record.smtputf8 = true;
  if (facts.eightBit) record.eight_bit = true;
  if (options.unsubscribe) record.list = options.unsubscribe.list;
  if (options.bypass_suppressions) record.bypass_suppressions = true;
  const draft: Draft = {
    record,
    recipients: recipients.map((_, index) => ({
      status: sendAt === undefined ? "queued" : "scheduled",
      dispatch: dispatches.findIndex((dispatch) => dispatch.recipients.includes(index)),
      attempts: 0,
      updated_at: now,
    })),
    dispatches: dispatches.map(({ relay }) => ({ relay, generation: 1, next_at: sendAt ?? now, tries: 0, faults: 0 })),
    expiresAt: plan.expiresAt,
    bytes,
    routing: plan.routing,
  };
  if (sendAt !== undefined) draft.sendAt = sendAt;
  if (parts.returnPath) draft.returnPath = parts.returnPath;
  return draft;
}
