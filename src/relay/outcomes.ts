// What a transaction came to, for each recipient: from the relay's replies alone, and from whether the whole body was handed over.
import type { Phase, RelayFault, SendOutcome } from "../domain/relay.ts";
import { endsConnection, meaningOf, replyOf } from "./replies.ts";

/** How far a transaction got. */
export type Course = {
  /** Complete replies in the order of the commands MAIL, RCPT (one for each recipient), DATA, final dot; it may end anywhere. */
  replies: readonly string[];
  recipients: number;
  /** Whether the final dot may have reached the relay. A reply to the dot that came although it had not is an early one. */
  handedOver: boolean;
  /** Why the dialogue ended where it did, if not by a reply. */
  fault: string | undefined;
};

/** Replies that speak of our login, not of the mail (RFC 4954, section 6; 538 of RFC 2554). */
const loginCodes = new Set([530, 534, 535, 538]);

export type TransactionPhase = Extract<Phase, "mail" | "rcpt" | "data" | "body" | "after_dot">;

/** The phase whose reply is awaited next. */
export function phaseOf(course: Pick<Course, "replies" | "recipients" | "handedOver">): TransactionPhase {
  const { replies, recipients, handedOver } = course;
  if (handedOver) return "after_dot";
  if (replies.length === 0) return "mail";
  if (replies.length <= recipients) return "rcpt";
  return replies.length === recipients + 1 ? "data" : "body";
}

/**
 * Judges a transaction. A reply to MAIL, DATA or the final dot holds for all recipients that were not refused before it, and 421 for all
 * that are still undecided (RFC 5321, sections 3.3, 3.8 and 4.2.1).
 * @returns one outcome for each recipient, in their order
 */
export function judge(course: Course): SendOutcome[] {
  const { replies, recipients } = course;
  const [mail] = replies;
  if (mail === undefined || meaningOf(mail) !== "done") {
    return Array.from({ length: recipients }, () => unfinished(course, mail, "mail"));
  }
  const ownReplies = replies.slice(1, recipients + 1);
  const common = commonOutcome(course, ownReplies.find(endsConnection));
  return Array.from({ length: recipients }, (_, index) => {
    const own = ownReplies[index];
    return own === undefined || meaningOf(own) === "done" ? common : unfinished(course, own, "rcpt");
  });
}

/** What becomes of the recipients that were accepted, or not answered. */
function commonOutcome(course: Course, closing: string | undefined): SendOutcome {
  const { replies, recipients, handedOver } = course;
  if (closing !== undefined) return unfinished(course, closing, "rcpt");
  if (replies.length <= recipients) return unfinished(course, undefined, "rcpt");
  const data = replies[recipients + 1];
  if (data === undefined || meaningOf(data) !== "go_on") return unfinished(course, data, "data");
  const final = replies[recipients + 2];
  if (final !== undefined && meaningOf(final) === "done" && handedOver) return { kind: "accepted", reply: replyOf(final) };
  return unfinished(course, final, handedOver ? "after_dot" : "body");
}

/** Anything but acceptance: a refusal, a "later", or a fault that leaves the mail unsent or in doubt. */
function unfinished(course: Course, raw: string | undefined, phase: TransactionPhase): SendOutcome {
  const broken = (fault: RelayFault): SendOutcome => ({ kind: course.handedOver ? "in_doubt" : "not_sent", fault });
  if (raw === undefined) return broken({ phase, text: course.fault ?? "The dialogue ended without a reply." });
  const reply = replyOf(raw);
  if (loginCodes.has(reply.code) && !course.handedOver) {
    return broken({ phase, text: "The relay wants another login than ours: check the relay's user, password and TLS.", reply });
  }
  if (reply.code === 503 && phase === "mail") {
    return broken({ phase, text: "The relay takes no mail in this session: it may want a login, or TLS.", reply });
  }
  switch (meaningOf(raw)) {
    case "never":
      return { kind: "refused", reply, phase };
    case "later":
      return { kind: "try_later", reply, phase };
    default:
      return broken({ phase, text: course.fault ?? unexpected(phase), reply });
  }
}

/** The text of a protocol fault. */
export function unexpected(phase: TransactionPhase): string {
  if (phase === "body") return "The relay answered before the message was all there.";
  return "The relay's answer is none that SMTP knows at this point.";
}
