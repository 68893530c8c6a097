// Whether a webhook came from Postern, and recently (Standard Webhooks, "Verifying webhook authenticity"), by Web Crypto alone.
import type { Event } from "./api.ts";
import { fromBase64 } from "./bytes.ts";

/** What a webhook brings: an event, whose id stands in its data. */
export type WebhookEvent = Omit<Event, "id">;

export type ReceivedWebhook = {
  /** As it came, before anything parsed it. */
  body: string | Uint8Array;
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `whsec_…`; several while one takes the other's place. */
  secret: string | readonly string[];
  /** How far off its time may be; default five minutes. */
  toleranceMs?: number | undefined;
};

/** `code`: `missing_header`, `malformed_header`, `too_old`, `too_new`, `wrong_signature` or `malformed_body`. Answer 400. */
export class WebhookError extends Error {
  override readonly name = "WebhookError";
  readonly code: WebhookFault;
  constructor(message: string, { code, ...options }: ErrorOptions & { code: WebhookFault }) {
    super(message, options);
    this.code = code;
  }
}

export type WebhookFault = "missing_header" | "malformed_header" | "too_old" | "too_new" | "wrong_signature" | "malformed_body";

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const toleranceMsDefault = 5 * 60_000;
/** More than a sender has reason to give; each costs an HMAC. */
const signaturesMax = 10;

/**
 * Returns the event that a webhook's request brings.
 * @throws WebhookError when it is not Postern's, or old; TypeError for a secret that is none
 */
export async function verifyWebhook({ body, headers, secret, toleranceMs = toleranceMsDefault }: ReceivedWebhook): Promise<WebhookEvent> {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => headerOf(headers, name));
  if (!id || !timestamp || !signatures) {
    throw new WebhookError("webhook-id, webhook-timestamp or webhook-signature is missing: it is no webhook of Postern's", {
      code: "missing_header",
    });
  }
  checkTime(timestamp, toleranceMs);
  const secrets = [secret].flat();
  // No secret at all must not pass for a wrong one.
  const keys = await Promise.all((secrets.length > 0 ? secrets : [""]).map(keyOf));
  const encoder = new TextEncoder();
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const signed = joined(encoder.encode(`${id}.${timestamp}.`), bytes);
  if (!(await isSigned(signed, signatures, keys))) {
    throw new WebhookError("no signature matches: the secret is another webhook's, or the body is not as it came", {
      code: "wrong_signature",
    });
  }
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as WebhookEvent;
  } catch (cause) {
    throw new WebhookError("the body is signed, and no JSON", { code: "malformed_body", cause });
  }
}

function headerOf(headers: ReceivedWebhook["headers"], name: string): string | undefined {
  if (isHeaders(headers)) return headers.get(name) ?? undefined;
  const [, value] = Object.entries(headers).find(([key]) => key.toLowerCase() === name) ?? [];
  // Of a doubled header nobody can say which one counts.
  return typeof value === "string" ? value : value?.length === 1 ? value[0] : undefined;
}

/** By its method: another realm's, or a library's, is as good. */
function isHeaders(headers: ReceivedWebhook["headers"]): headers is Headers {
  return typeof headers.get === "function";
}

function checkTime(timestamp: string, toleranceMs: number): void {
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookError("webhook-timestamp is no time in seconds", { code: "malformed_header" });
  const aheadMs = Number(timestamp) * 1_000 - Date.now();
  if (aheadMs < -toleranceMs)
    throw new WebhookError("webhook-timestamp is too long ago: a copy sent again, or a clock that is off", { code: "too_old" });
  if (aheadMs > toleranceMs) throw new WebhookError("webhook-timestamp is in the future: a clock is off", { code: "too_new" });
}

async function keyOf(secret: string): Promise<Key> {
  const bytes = fromBase64(String(secret).replace(/^whsec_/, ""));
  if (!bytes || bytes.length === 0) throw new TypeError("secret: must be whsec_ and base64, as the answer to POST /v1/webhooks gave it");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

/** Web Crypto compares in constant time. */
async function isSigned(signed: Uint8Array<ArrayBuffer>, signatures: string, keys: readonly Key[]): Promise<boolean> {
  for (const versioned of signatures.split(" ").slice(0, signaturesMax)) {
    const signature = versioned.startsWith("v1,") ? fromBase64(versioned.slice(3)) : undefined;
    if (!signature) continue;
    for (const key of keys) if (await crypto.subtle.verify("HMAC", key, signature, signed)) return true;
  }
  return false;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
