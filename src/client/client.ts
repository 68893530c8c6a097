// `postern/client`: the API as functions, for every JavaScript runtime that has fetch. It stands alone: it imports nothing of the server.
import { bouncesOf, classifyOf } from "./bounces.ts";
import { eventsOf } from "./events.ts";
import { messagesOf } from "./messages.ts";
import { capturedOf, keysOf, relaysOf, statsOf } from "./operating.ts";
import { createCallOperation } from "./operations.ts";
import { suppressionsOf } from "./suppressions.ts";
import { webhooksOf } from "./webhooks.ts";

export type * from "./api.ts";
export type { FollowOptions } from "./events.ts";
export type { List, Page } from "./list.ts";
export type { BatchResult, Mail, RawMail, SendOptions } from "./messages.ts";
// biome-ignore lint/performance/noBarrelFile: the one module that users of the package import
export { type InputFault, PosternError, type PosternErrorCode } from "./posternError.ts";
export type { CallOptions } from "./request.ts";
export {
  type ReceivedWebhook,
  verifyWebhook,
  WebhookError,
  type WebhookEvent,
  type WebhookFault,
} from "./verifyWebhook.ts";

export type ClientOptions = {
  /** Where the gateway is, like `https://postern.example.com`. */
  url: string;
  apiKey: string;
  /** For one try of a call; default 30,000. */
  timeoutMs?: number | undefined;
  /** How often at most a call is made again after 429, 503 or a fault of the network; default 3. */
  retries?: number | undefined;
  /** In place of the runtime's own. */
  fetch?: typeof fetch | undefined;
};

export type PosternClient = {
  messages: ReturnType<typeof messagesOf>;
  events: ReturnType<typeof eventsOf>;
  suppressions: ReturnType<typeof suppressionsOf>;
  webhooks: ReturnType<typeof webhooksOf>;
  bounces: ReturnType<typeof bouncesOf>;
  classify: ReturnType<typeof classifyOf>;
  keys: ReturnType<typeof keysOf>;
  relays: ReturnType<typeof relaysOf>;
  stats: ReturnType<typeof statsOf>;
  captured: ReturnType<typeof capturedOf>;
};

/**
 * A client of one gateway by one key. It holds nothing open.
 * @throws TypeError for options that cannot work. Every call rejects with a PosternError, or with what its signal was aborted with.
 */
export function createClient({ url, apiKey, timeoutMs = 30_000, retries = 3, fetch: own }: ClientOptions): PosternClient {
  checkOptions(url, apiKey);
  const call = createCallOperation({
    url: url.replace(/\/+$/, ""),
    apiKey,
    timeoutMs,
    retries,
    // Some runtimes refuse a fetch that is called as a method of something else.
    fetch: (...request) => (own ?? globalThis.fetch)(...request),
  });
  return {
    messages: messagesOf(call),
    events: eventsOf(call),
    suppressions: suppressionsOf(call),
    webhooks: webhooksOf(call),
    bounces: bouncesOf(call),
    classify: classifyOf(call),
    keys: keysOf(call),
    relays: relaysOf(call),
    stats: statsOf(call),
    captured: capturedOf(call),
  };
}

function checkOptions(url: unknown, apiKey: unknown): void {
  if (typeof url !== "string" || !/^https?:\/\/[^/?#]/.test(url) || /[?#]/.test(url) || !URL.canParse(url)) {
    throw new TypeError("url: must be where the gateway is, like https://postern.example.com");
  }
  if (typeof apiKey !== "string" || !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new TypeError("apiKey: must be a key of the gateway's (postern keys create makes one), without spaces or line breaks");
  }
}
