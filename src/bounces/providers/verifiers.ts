// How each provider's notifications are verified, and the events in them told apart. Nothing is stored here.
import { createPublicKey } from "node:crypto";
import type { InboundConfig, NotificationProvider } from "../../domain/notification.ts";
import type { MailgunTokens } from "../../store/mailgunTokens.ts";
import type { Log } from "../../telemetry/logger.ts";
import { objectIn, parseLenient, stringIn, textOf, wordIn } from "./lenientJson.ts";
import { isLogin, isSignedByMailgun, isSignedBySendgrid, sendgridSignatureHeader, sendgridTimestampHeader } from "./signatures.ts";
import { confirmationUrl, createSnsVerifier, type FetchFromSns, type SnsMessage } from "./snsSignature.ts";
import { isTimely, type NotificationRequest, signatureLifeMs, untimely, type Verified } from "./verification.ts";

export type VerifierOptions = {
  fetchFromSns: FetchFromSns;
  mailgunTokens: MailgunTokens;
  /** Milliseconds since the epoch, Redis time. */
  now(): number;
  log: Pick<Log, "info" | "warn">;
};

/** `turnedAway`: why a request is refused before its body is read; undefined: it may go on. */
export type Verifier = {
  turnedAway(header: NotificationRequest["header"]): string | undefined;
  verify(request: NotificationRequest): Promise<Verified>;
};

type Settings<P extends NotificationProvider> = NonNullable<InboundConfig[P]>;

const rawDelivery = "Raw message delivery takes the signature away: turn it off for this subscription.";

function sesVerifier({ topics }: Settings<"ses">, { fetchFromSns, now, log }: VerifierOptions): Verifier {
  const verifySns = createSnsVerifier({ topics, fetchFromSns, now });

  async function confirm(message: SnsMessage): Promise<Verified> {
    const { arn, host } = message.topic;
    const url = confirmationUrl(message);
    if (!url) return { kind: "refused", detail: `The SubscribeURL does not confirm this topic at https://${host}.` };
    const status = await fetchFromSns(url).then(
      (answer) => answer.status,
      () => undefined,
    );
    if (status !== 200) return { kind: "later", detail: `https://${host} did not confirm the subscription; it will be tried again.` };
    log.info({ topic: arn }, "a subscription to a topic was confirmed");
    return { kind: "confirmed" };
  }

  return {
    turnedAway: (header) => (header("x-amz-sns-rawdelivery") === "true" ? rawDelivery : undefined),
    async verify({ body }) {
      const verified = await verifySns(body);
      if (verified.kind !== "verified") return verified;
      const { message } = verified;
      if (message.type === "SubscriptionConfirmation") return confirm(message);
      if (message.type === "UnsubscribeConfirmation") {
        log.warn({ topic: message.topic.arn }, "the subscription to a topic has ended: its notifications do not come any more");
        return { kind: "confirmed" };
      }
      const text = message.fields.Message ?? "";
      // What is no JSON is kept as the text that it is.
      return { kind: "events", events: [parseLenient(text) ?? text] };
    },
  };
}

function sendgridVerifier({ publicKeys }: Settings<"sendgrid">, { now }: VerifierOptions): Verifier {
  const keys = publicKeys.map((pem) => createPublicKey(pem));
  const turnedAway: Verifier["turnedAway"] = (header) => {
    const timestamp = header(sendgridTimestampHeader) ?? "";
    if (!header(sendgridSignatureHeader) || !/^\d{1,12}$/.test(timestamp)) {
      return "There is no signature: turn on the signed Event Webhook at SendGrid.";
    }
    return isTimely(Number(timestamp) * 1_000, now()) ? undefined : untimely;
  };
  return {
    turnedAway,
    async verify({ header, body }) {
      const signed = { signature: header(sendgridSignatureHeader) ?? "", timestamp: header(sendgridTimestampHeader) ?? "", body };
      if (!isSignedBySendgrid(keys, signed)) return { kind: "refused", detail: "The signature is by none of the configured keys." };
      const parsed = parseLenient(body.toString());
      return { kind: "events", events: Array.isArray(parsed) ? parsed : [parsed] };
    },
  };
}

function postmarkVerifier(login: Settings<"postmark">): Verifier {
  return {
    turnedAway: (header) =>
      isLogin(header("authorization"), login)
        ? undefined
        : "The user name or password is missing or wrong: put inbound.postmark's into the webhook's URL or its basic authentication.",
    verify: async ({ body }) => ({ kind: "events", events: [parseLenient(body.toString())] }),
  };
}

function mailgunVerifier({ signingKey }: Settings<"mailgun">, { mailgunTokens, now }: VerifierOptions): Verifier {
  return {
    turnedAway: () => undefined,
    async verify({ body }) {
      const fields = objectIn(parseLenient(body.toString()));
      if (!fields) return { kind: "malformed", detail: "The body is no JSON object, as Mailgun sends." };
      const signature = objectIn(fields.signature);
      const signed = {
        timestamp: wordIn(signature?.timestamp) ?? "",
        token: stringIn(signature?.token) ?? "",
        signature: stringIn(signature?.signature) ?? "",
      };
      if (!isSignedByMailgun(signingKey, signed)) return { kind: "refused", detail: "The signature is not by the configured signing key." };
      if (!isTimely(Number(signed.timestamp) * 1_000, now())) return { kind: "refused", detail: untimely };
      const event = fields["event-data"];
      if (!(await mailgunTokens.bind(signed.token, Buffer.from(textOf(event) ?? body), signatureLifeMs))) {
        return { kind: "refused", detail: "The signature's token came with another event before." };
      }
      return { kind: "events", events: [event] };
    },
  };
}

/** The verifiers of the providers that are configured. */
export function createVerifiers(inbound: InboundConfig, options: VerifierOptions): Partial<Record<NotificationProvider, Verifier>> {
  const { ses, sendgrid, postmark, mailgun } = inbound;
  return {
    ...(ses && { ses: sesVerifier(ses, options) }),
    ...(sendgrid && { sendgrid: sendgridVerifier(sendgrid, options) }),
    ...(postmark && { postmark: postmarkVerifier(postmark) }),
    ...(mailgun && { mailgun: mailgunVerifier(mailgun, options) }),
  };
}
