// Mail: sending it, and what became of it.
import type { Attempt, DryRun, Message, RawRequest, SendRequest } from "./api.ts";
import { listOf } from "./list.ts";
import type { Answer, Body, CallOperation, Query } from "./operations.ts";
import type { CallOptions } from "./request.ts";

/** The same key and body again are the same message, for 24 hours; without a key, each call makes one for its own tries. */
export type SendOptions = CallOptions & { idempotencyKey?: string | undefined };

type Attachment = NonNullable<SendRequest["attachments"]>[number];
/** A send request whose attachments may be bytes as well as base64. */
export type Mail = Omit<SendRequest, "attachments"> & {
  attachments?: readonly (Omit<Attachment, "content"> & { content: string | Uint8Array })[] | undefined;
};
/** A whole RFC 5322 message, as bytes or base64. */
export type RawMail = Omit<RawRequest, "raw"> & { raw: string | Uint8Array };
/** What became of one message of a batch: its id, or why it was refused. */
export type BatchResult = Answer<"createBatch">["data"][number];

export function messagesOf(call: CallOperation) {
  return {
    /** Hands a message over: from then on it is Postern's. */
    send: async (mail: Mail, { idempotencyKey, ...options }: SendOptions = {}): Promise<Message> =>
      (await call("createMessage", { body: mail, idempotencyKey }, options)) as Message,
    /** A message that is already composed. */
    sendRaw: async (mail: RawMail, { idempotencyKey, ...options }: SendOptions = {}): Promise<Message> =>
      (await call("createRawMessage", { body: mail, idempotencyKey }, options)) as Message,
    /** Up to 500 messages; each is accepted or refused alone, in the order of the results. */
    sendBatch: async (messages: readonly Mail[], { idempotencyKey, ...options }: SendOptions = {}): Promise<BatchResult[]> =>
      (await call("createBatch", { body: { messages }, idempotencyKey }, options)).data,
    /** What would be sent, and by which relay; nothing is. */
    dryRun: async (mail: Mail, options?: CallOptions): Promise<DryRun> =>
      (await call("createMessage", { body: mail, query: { dry_run: true } }, options)) as DryRun,
    /** Newest first. */
    list: (query?: Query<"listMessages">, options?: CallOptions) => listOf(call, "listMessages", { query, options }),
    get: (id: string, options?: CallOptions) => call("getMessage", { path: { id } }, options),
    /** Sets another time, while it is scheduled. */
    update: (id: string, change: Body<"updateMessage">, options?: CallOptions) =>
      call("updateMessage", { path: { id }, body: change }, options),
    /** Whoever was not sent to yet is not sent to. */
    cancel: (id: string, options?: CallOptions) => call("cancelMessage", { path: { id } }, options),
    /** Sends again to recipients who were not reached, while the content is kept. */
    retry: (id: string, options?: CallOptions) => call("retryMessage", { path: { id } }, options),
    /** Its history, oldest first. */
    events: (id: string, query?: Query<"listMessageEvents">, options?: CallOptions) =>
      listOf(call, "listMessageEvents", { path: { id }, query, options }),
    /** Each SMTP dialogue. */
    attempts: async (id: string, options?: CallOptions): Promise<Attempt[]> =>
      (await call("listMessageAttempts", { path: { id } }, options)).data,
    /** The message as it is sent, in bytes, while it is kept. */
    content: (id: string, options?: CallOptions): Promise<Uint8Array> => call("getMessageContent", { path: { id } }, options, readBytes),
  };
}

async function readBytes(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}
