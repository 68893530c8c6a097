// The door for providers' notifications: verified, told apart, and each event stored as a report before the provider gets its answer.
import type { InboundConfig, NotificationProvider } from "../../domain/notification.ts";
import type { Intake } from "../intake.ts";
import { type Lenient, textOf } from "./lenientJson.ts";
import { isIgnoredByMailgun } from "./mailgun.ts";
import { isIgnoredByPostmark, trimPostmark } from "./postmark.ts";
import { isIgnoredBySendgrid } from "./sendgrid.ts";
import { isIgnoredBySes } from "./ses.ts";
import type { NotificationRequest, Verified } from "./verification.ts";
import { createVerifiers, type Verifier, type VerifierOptions } from "./verifiers.ts";

/** What came of a request. `taken`: how many events were stored, were stored before, or say nothing that matters here. */
export type NotificationAnswer =
  | { kind: "taken"; stored: number; known: number; ignored: number }
  | { kind: "full" | "too_many" }
  | Exclude<Verified, { kind: "events" }>;

export type NotificationOutcome = "stored" | "known" | "ignored" | Exclude<NotificationAnswer["kind"], "taken">;

export type NotificationOptions = VerifierOptions & {
  inbound: InboundConfig;
  store: Intake["store"];
  observe(provider: NotificationProvider, outcome: NotificationOutcome, count: number): void;
};

/** No provider sends as many at a time: SendGrid's 768 KiB hold some 2,000. */
const eventsMax = 5_000;
const atOnce = 100;

const isIgnored: Readonly<Record<NotificationProvider, (event: Lenient) => boolean>> = {
  ses: isIgnoredBySes,
  sendgrid: isIgnoredBySendgrid,
  postmark: isIgnoredByPostmark,
  mailgun: isIgnoredByMailgun,
};

/** The bytes of an event that are stored. What cannot be written alone is kept with all that came with it, and read by nobody. */
function contentOf(provider: NotificationProvider, event: Lenient, body: Buffer): Buffer {
  const text = textOf(provider === "postmark" ? trimPostmark(event) : event);
  return text === undefined ? body : Buffer.from(text);
}

export type Notifications = ReturnType<typeof createNotifications>;

/** Makes the door. It takes only what the configured providers send. */
export function createNotifications(options: NotificationOptions) {
  const { inbound, store, observe } = options;
  const verifiers = createVerifiers(inbound, options);

  async function storeAll(provider: NotificationProvider, events: readonly Lenient[], body: Buffer): Promise<NotificationAnswer> {
    const telling = events.filter((event) => !isIgnored[provider](event));
    const counts = { stored: 0, known: 0, ignored: events.length - telling.length };
    for (let from = 0; from < telling.length; from += atOnce) {
      const results = await Promise.all(
        telling.slice(from, from + atOnce).map((event) => {
          const content = contentOf(provider, event, body);
          // Whose it is shows when it is read.
          return store({ tenant: "default", source: provider, size: content.length }, content);
        }),
      );
      for (const { kind } of results) if (kind !== "full") counts[kind] += 1;
      // The provider comes again with all of them; those that were stored are known then.
      if (results.some(({ kind }) => kind === "full")) return { kind: "full" };
    }
    return { kind: "taken", ...counts };
  }

  async function answerTo(provider: NotificationProvider, verifier: Verifier, request: NotificationRequest): Promise<NotificationAnswer> {
    const verified = await verifier.verify(request);
    if (verified.kind !== "events") return verified;
    if (verified.events.length > eventsMax) return { kind: "too_many" };
    return storeAll(provider, verified.events, request.body);
  }

  return {
    isConfigured: (provider: NotificationProvider): boolean => verifiers[provider] !== undefined,

    /** Why a request is refused before its body is read; undefined: it may go on. */
    turnedAway(provider: NotificationProvider, header: NotificationRequest["header"]): string | undefined {
      const reason = verifiers[provider]?.turnedAway(header);
      if (reason !== undefined) observe(provider, "refused", 1);
      return reason;
    },

    /** Takes a request in. Rejects while Redis is away, and for a provider that is not configured. */
    async receive(provider: NotificationProvider, request: NotificationRequest): Promise<NotificationAnswer> {
      const verifier = verifiers[provider];
      if (!verifier) throw new Error(`notifications of ${provider} are not configured`);
      const answer = await answerTo(provider, verifier, request);
      if (answer.kind !== "taken") observe(provider, answer.kind, 1);
      else for (const outcome of ["stored", "known", "ignored"] as const) observe(provider, outcome, answer[outcome]);
      return answer;
    },
  };
}
