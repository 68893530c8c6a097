// Notifications of Amazon SNS: whose they are. The certificate comes from the topic's own endpoint alone, whatever the message says.
import { createVerify, type KeyObject, X509Certificate } from "node:crypto";
import type { SnsTopic } from "../../domain/notification.ts";
import { objectIn, parseLenient, rowOf, stringIn } from "./lenientJson.ts";
import { isTimely, untimely } from "./verification.ts";

/** Fetches from an SNS endpoint, by https, without following redirects. Rejects where it cannot. */
export type FetchFromSns = (url: URL) => Promise<{ status: number; body: string }>;

/** A verified message. `fields`: its members that are text. */
export type SnsMessage = { type: string; topic: SnsTopic; fields: Readonly<Record<string, string>> };

export type VerifySns = (
  body: Buffer,
) => Promise<{ kind: "verified"; message: SnsMessage } | { kind: "refused" | "malformed" | "later"; detail: string }>;

export type SnsOptions = {
  topics: readonly SnsTopic[];
  fetchFromSns: FetchFromSns;
  /** Milliseconds since the epoch. */
  now(): number;
};

/** What is signed, in this order (Amazon SNS developer guide, "Verifying the signatures of Amazon SNS messages"). */
const confirmation = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
const signedMembers: Readonly<Record<string, readonly string[]>> = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: confirmation,
  UnsubscribeConfirmation: confirmation,
};

const digests: Readonly<Record<string, string>> = { "1": "RSA-SHA1", "2": "RSA-SHA256" };

/** AWS changes its certificates about once a year; one for each topic's region is enough, and while they change two. */
const certificatesMax = 32;
const certificateLifeMs = 24 * 3_600_000;
/** Anybody can name paths that are no certificates: so many are looked for at a time. */
const fetchesMax = 4;
const certificatePath = /^\/SimpleNotificationService-[0-9a-f]{16,64}\.pem$/;

/** The URL of a certificate, if it is the topic's endpoint's: https, that host, no port, no login, no query. */
export function certificateUrl(text: string, { host }: SnsTopic): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.href === `https://${host}${url?.pathname}` && certificatePath.test(url.pathname) ? url : undefined;
}

/** Makes the function that verifies messages; it keeps certificates, a bounded number of them for a bounded time. */
export function createSnsVerifier({ topics, fetchFromSns, now }: SnsOptions): VerifySns {
  const known = new Map(topics.map((topic) => [topic.arn, topic]));
  const kept = new Map<string, { until: number; certificate: X509Certificate }>();
  const underWay = new Map<string, Promise<X509Certificate | undefined>>();

  async function fetchCertificate(url: URL): Promise<X509Certificate | undefined> {
    try {
      const { status, body } = await fetchFromSns(url);
      if (status !== 200) return undefined;
      const certificate = new X509Certificate(body);
      // The oldest goes. Only what the endpoint itself has gets in here, so that nobody can push the good ones out.
      for (const [href] of kept) if (kept.size >= certificatesMax) kept.delete(href);
      kept.set(url.href, { until: now() + certificateLifeMs, certificate });
      return certificate;
    } catch {
      return undefined;
    } finally {
      underWay.delete(url.href);
    }
  }

  /** Of the URL, from memory where it is there; undefined where it cannot be had. */
  async function certificateAt(url: URL): Promise<X509Certificate | undefined> {
    const standing = kept.get(url.href);
    if (standing && standing.until > now()) return standing.certificate;
    kept.delete(url.href);
    const started = underWay.get(url.href);
    if (started || underWay.size >= fetchesMax) return started;
    const fetching = fetchCertificate(url);
    underWay.set(url.href, fetching);
    return fetching;
  }

  return async (body) => {
    const members = objectIn(parseLenient(body.toString()));
    if (!members) return { kind: "malformed", detail: "The body is no JSON object, as Amazon SNS sends." };
    const fields = Object.fromEntries(
      Object.entries(members).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
    );
    const { Type: type = "", TopicArn: arn = "", Signature: signature = "", SigningCertURL: certificateAddress = "" } = fields;
    const signed = rowOf(signedMembers, type);
    const digest = rowOf(digests, fields.SignatureVersion);
    if (!signed || !digest || signature === "") {
      return {
        kind: "refused",
        detail: "This is no signed message of Amazon SNS; if the subscription delivers raw messages, turn raw message delivery off.",
      };
    }
    const topic = known.get(arn);
    if (!topic) return { kind: "refused", detail: "The topic is none of those in the configuration: add its ARN to inbound.ses.topics." };
    if (!isTimely(Date.parse(fields.Timestamp ?? ""), now())) return { kind: "refused", detail: untimely };
    const url = certificateUrl(certificateAddress, topic);
    if (!url) return { kind: "refused", detail: `The certificate is not one of https://${topic.host}, which is this topic's endpoint.` };
    const certificate = await certificateAt(url);
    if (!certificate) return { kind: "later", detail: `The certificate at https://${topic.host} cannot be had at the moment.` };
    const key = keyOf(certificate, now());
    if (!key) return { kind: "refused", detail: "The certificate has run out, or holds no RSA key." };
    const text = signed.flatMap((name) => (fields[name] === undefined ? [] : [`${name}\n${fields[name]}\n`])).join("");
    const isGenuine = createVerify(digest).update(text).verify(key, Buffer.from(signature, "base64"));
    return isGenuine
      ? { kind: "verified", message: { type, topic, fields } }
      : { kind: "refused", detail: "The signature is not by this topic's endpoint." };
  };
}

/** The key of a certificate that is valid at that time. Who issued it was vouched for by the connection that it came over. */
function keyOf(certificate: X509Certificate, now: number): KeyObject | undefined {
  const isValid = Date.parse(certificate.validFrom) <= now && now < Date.parse(certificate.validTo);
  const key = certificate.publicKey;
  return isValid && key.asymmetricKeyType === "rsa" ? key : undefined;
}

/** The URL by which a subscription is confirmed, if it leads to the topic's endpoint and confirms that topic; else undefined. */
export function confirmationUrl({ topic, fields }: SnsMessage): URL | undefined {
  const text = stringIn(fields.SubscribeURL) ?? "";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.origin !== `https://${topic.host}` || url.pathname !== "/" || url.username !== "" || url.password !== "") return undefined;
  const isConfirmation = url.searchParams.get("Action") === "ConfirmSubscription" && url.searchParams.get("TopicArn") === topic.arn;
  return isConfirmation ? url : undefined;
}
