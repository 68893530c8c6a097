// What a message says before it is composed.
import type { Mailbox } from "../domain/address.ts";

export type ContentAttachment = {
  filename: string;
  content: Buffer;
  contentType?: string | undefined;
  contentId?: string | undefined;
};

/** What a message says, each part checked by the rules of `domain/address.ts` and `domain/header.ts`. Bcc is no part of it. */
export type Content = {
  from: Mailbox;
  to: readonly Mailbox[];
  cc: readonly Mailbox[];
  replyTo: readonly Mailbox[];
  subject: string;
  text?: string | undefined;
  html?: string | undefined;
  headers: Readonly<Record<string, string>>;
  attachments: readonly ContentAttachment[];
  /** With its angle brackets. */
  messageId: string;
  date: Date;
};
