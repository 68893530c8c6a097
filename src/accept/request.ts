// What a caller may ask for: the one source of the send request's validation, types and documentation.
import { z } from "zod";
import { checkMailbox, type Mailbox, parseMailbox } from "../domain/address.ts";
import { contentIdFault, contentTypeFault, filenameFault, headersFaults, subjectFault } from "../domain/header.ts";
import { lanes, tagPattern } from "../domain/message.ts";
import { listPattern } from "../domain/suppression.ts";
import { parseDuration } from "../domain/units.ts";
import { decodeBase64 } from "./base64.ts";

export const recipientsMax = 50;
const nameWords = "`a@example.com`, `Name <a@example.com>` or `{ address, name }`";

const mailboxParts = z.strictObject({ address: z.string(), name: z.string().optional() });

/** One mailbox; what comes out is canonical (IDN domains as A-labels, names plain). */
export const mailbox = z
  .union([z.string(), mailboxParts])
  .transform((value, context): Mailbox => {
    const checked = typeof value === "string" ? parseMailbox(value) : checkMailbox(value);
    if (!("fault" in checked)) return checked;
    context.addIssue({ code: "custom", message: checked.fault, params: { code: "invalid_address" } });
    return z.NEVER;
  })
  .meta({ id: "Mailbox", description: `A mailbox: ${nameWords}.` });

/** Lists come first: telling one from a mailbox is cheap, and a mailbox that is none costs as much as all else of a request's check. */
const mailboxes = z
  .union([z.array(mailbox).max(recipientsMax), mailbox])
  .transform((value): Mailbox[] => (Array.isArray(value) ? value : [value]));

/** A string that a checker of the domain may refuse with a sentence. */
function checked(fault: (text: string) => string | undefined, code: string) {
  return z.string().superRefine((text, context) => {
    const message = fault(text);
    if (message !== undefined) context.addIssue({ code: "custom", message, params: { code } });
  });
}

/**
 * Base64 (RFC 4648 section 4) with or without line breaks; what comes out is the octets. Whoever reads a body may have decoded it already: that
 * of a large file need never become a string.
 */
const base64 = z.unknown().transform((value, context): Buffer => {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value !== "string") {
    context.addIssue({ code: "invalid_type", expected: "string", input: value });
    return z.NEVER;
  }
  const octets = decodeBase64(value);
  if (octets) return octets;
  context.addIssue({
    code: "custom",
    message: "is not base64; use the standard alphabet (A-Z a-z 0-9 + /) with = padding",
    params: { code: "invalid_base64" },
  });
  return z.NEVER;
});

const headers = z
  .record(z.string(), z.string())
  .superRefine((value, context) => {
    for (const { name, fault } of headersFaults(value)) {
      context.addIssue({ code: "custom", message: fault, path: name === undefined ? [] : [name], params: { code: "invalid_header" } });
    }
  })
  .meta({ description: "Further headers. Those that Postern writes itself are refused; `List-*`, `X-*`, `References` and the like pass." });

const attachment = z.strictObject({
  filename: checked(filenameFault, "invalid_filename"),
  content: base64.meta({ type: "string", description: "The file, base64." }),
  content_type: checked(contentTypeFault, "invalid_content_type").optional(),
  content_id: checked(contentIdFault, "invalid_content_id")
    .optional()
    .meta({ description: "For inline images: `cid:` and this in the HTML." }),
});

const metadataBytesMax = 4096;
const metadata = z
  .record(z.string().min(1).max(256), z.string())
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= metadataBytesMax, {
    message: `is larger than ${metadataBytesMax} bytes of JSON; keep a reference instead`,
    params: { code: "too_large" },
  });

const lifeMsMin = 1_000;
const lifeMsMax = 30 * 24 * 3_600_000;
const life = z
  .string()
  .transform((text, context): number => {
    const lifeMs = parseDuration(text);
    if (lifeMs !== undefined && lifeMs >= lifeMsMin && lifeMs <= lifeMsMax) return lifeMs;
    context.addIssue({
      code: "custom",
      message: "is no duration between 1s and 30d; write it like 10m, 72h or 7d",
      params: { code: "invalid_duration" },
    });
    return z.NEVER;
  })
  .meta({ description: "How long Postern tries, like `10m` or `72h`, counted from `send_at` or acceptance.", examples: ["72h"] });

/** RFC 3339; what comes out is milliseconds since the epoch. */
export const time = z.iso
  .datetime({ offset: true, message: "is no RFC 3339 time; write it like 2030-01-31T09:00:00Z" })
  .transform((text) => Date.parse(text));

/** A mailing list's name; what comes out is lower case. */
export const listName = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine((name) => listPattern.test(name), {
    message: "is no name of a list; use 1 to 64 of A-Z a-z 0-9 _ . : -",
    params: { code: "invalid_list" },
  });

/** The fields that every way of sending has. */
const options = {
  tags: z.array(z.string().regex(tagPattern, "is no tag; use 1 to 64 of A-Z a-z 0-9 _ . : -")).max(10).optional(),
  metadata: metadata.optional().meta({ description: "Strings of your own, at most 4 kB of JSON; returned with every event." }),
  send_at: time.optional().meta({ description: "Not before this time, at most 30 days ahead." }),
  expires_after: life.optional(),
  lane: z.enum(lanes).optional().meta({ description: "A broadcast never delays a transactional message." }),
  relay: z.string().optional().meta({ description: "Send by this relay, for keys that list it, and operators." }),
  on_doubt: z
    .enum(["resend", "hold"])
    .optional()
    .meta({ description: "When nobody knows whether a relay took the mail: send again, or stop as `unknown`." }),
  unsubscribe: z.strictObject({ list: listName }).optional().meta({
    description: "Adds a one-click unsubscribe link (RFC 8058) for this mailing list, and skips who has left it. Needs one recipient.",
  }),
  bypass_suppressions: z
    .boolean()
    .optional()
    .meta({ description: "Send although the recipient is suppressed, for keys with the scope `manage`." }),
};

/** `POST /v1/messages`, and each message of a batch. */
export const sendRequest = z
  .strictObject({
    from: mailbox,
    to: mailboxes,
    cc: mailboxes.optional(),
    bcc: mailboxes.optional(),
    reply_to: mailboxes.optional(),
    subject: checked(subjectFault, "invalid_subject").optional(),
    text: z.string().optional(),
    html: z.string().optional(),
    headers: headers.optional(),
    attachments: z.array(attachment).max(100).optional(),
    ...options,
  })
  .refine((request) => request.text !== undefined || request.html !== undefined || (request.attachments?.length ?? 0) > 0, {
    message: "has nothing to send; give text, html or an attachment",
    params: { code: "no_content" },
  })
  .meta({
    id: "SendRequest",
    examples: [{ from: "Shop <orders@example.com>", to: "ada@example.net", subject: "Your order", text: "Thank you, it is on its way." }],
  });

export type SendRequest = z.output<typeof sendRequest>;

const envelope = z.strictObject({ from: mailbox, to: mailboxes });

/** `POST /v1/messages/raw`: an envelope and a whole message. */
export const rawRequest = z
  .strictObject({ envelope, raw: base64.meta({ type: "string", description: "The whole RFC 5322 message, base64." }), ...options })
  .meta({ id: "RawRequest" });

export type RawRequest = z.output<typeof rawRequest>;
