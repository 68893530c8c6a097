// What the providers' notifications have in common: how a recipient's end is judged, and where the message that is meant is found.
import type { Category } from "../../domain/reply.ts";
import { parseReply } from "../../domain/replyParse.ts";
import { tidyAddress } from "../addresses.ts";
import type { Header, OriginalMessage, RecipientReport } from "../parsedReport.ts";
import { reportOnRecipient } from "../recipientReports.ts";
import { type Lenient, stringIn } from "./lenientJson.ts";

/**
 * What a provider's own word for a failure means, where it passes on no server's reply, or one that says nothing. `status`: as
 * RFC 3463 has it, for the one classifier. `lasting: false`: the provider says that the address may be good.
 */
export type Cause = { status?: string; category?: Category; lasting?: false };

export type Notice = {
  recipient: string;
  action: "failed" | "delayed";
  /** The server's reply as the provider passes it on. */
  diagnostic?: string | undefined;
  /** RFC 3463, from a field of its own. */
  status?: string | undefined;
  cause?: Cause | undefined;
};

const textMax = 2_000;

/** The report on a recipient that failed or waits: by the server's reply if it says anything, else by the provider's own word. */
export function judgeNotice({ recipient, action, diagnostic = "", status = "", cause }: Notice): RecipientReport {
  const line = diagnostic.slice(0, textMax).replace(/^\s{0,10}(?:smtp|x-[\w-]{1,40})\s{0,10};\s{0,10}/i, "");
  const facts = { recipient, action, candidates: line.trim() === "" ? [] : [{ line }] };
  const code = /^[245]\.\d{1,3}\.\d{1,3}$/.exec(status)?.[0];
  const told = reportOnRecipient({ ...facts, status: code, otherwise: cause?.category });
  // The reply stays the server's own: what the provider makes of it only explains it.
  const explained = told.category === "unknown" && cause?.status ? reportOnRecipient({ ...facts, status: cause.status }) : undefined;
  const judged: RecipientReport = explained ? { ...explained, reply: told.reply } : told;
  return { ...judged, hardBounce: judged.hardBounce && cause?.lasting !== false };
}

/** The report on a recipient to whom nothing went wrong. `response`: the server's reply, if there is one. */
export function fineFor(recipient: string, response = ""): RecipientReport {
  return { recipient, action: "delivered", hardBounce: false, reply: parseReply(response.slice(0, textMax)) };
}

/** An address in a field; undefined where it is none. */
export function addressIn(value: Lenient): string | undefined {
  const text = (stringIn(value) ?? "").slice(0, 1_000).trim().replace(/^<|>$/g, "");
  return text.includes("@") ? tidyAddress(text) : undefined;
}

/** The message that is meant, as far as it is known. `sender`: of its envelope, which may be a return path of ours. */
export function meantMessage(known: {
  messageId?: string | undefined;
  sender?: string | undefined;
  to?: readonly string[];
  subject?: string | undefined;
  headers?: readonly Header[];
}): OriginalMessage {
  const { messageId, sender, to = [], subject, headers = [] } = known;
  return {
    ...(messageId && { messageId: messageId.trim().replace(/^<|>$/g, "") }),
    to,
    ...(subject && { subject }),
    headers: sender === undefined ? headers : [...headers, { name: "return-path", value: sender }],
  };
}
