// What a message may ask about suppressions: to be sent in spite of them, and to carry a link by which its recipient leaves a list.
import type { Caller } from "../domain/keys.ts";
import type { Refusal } from "../domain/refusals.ts";
import type { SendRequest } from "./request.ts";
import type { UnsubscribeLinks } from "./unsubscribeLinks.ts";

type Options = Pick<SendRequest, "unsubscribe" | "bypass_suppressions">;

/** Refuses what only keys with the scope `manage` may ask for; undefined if nothing is. */
export function bypassRefusal(caller: Caller, options: Options): Refusal | undefined {
  if (!options.bypass_suppressions || caller.scopes.includes("manage")) return undefined;
  return {
    refused: "forbidden",
    detail: "This key may not bypass suppressions; leave bypass_suppressions out, or use a key with the scope `manage`.",
    errors: [{ pointer: "/bypass_suppressions", code: "forbidden", message: "needs a key with the scope `manage`" }],
  };
}

/**
 * The header fields of one-click unsubscribing (RFC 8058 section 3.1) for a message that asks for them, else none. The link is its
 * recipient's own, so that there may be only one; and it needs the public URL.
 */
export async function unsubscribeHeaders(
  links: Pick<UnsubscribeLinks, "link">,
  message: { tenant: string; messageId: string; recipients: readonly { address: string }[]; headers?: Readonly<Record<string, string>> },
  options: Options,
): Promise<Record<string, string> | Refusal> {
  if (!options.unsubscribe) return {};
  const { tenant, messageId, recipients, headers = {} } = message;
  const given = Object.keys(headers).find((name) => /^list-unsubscribe(-post)?$/i.test(name));
  if (given !== undefined) {
    const problem = "is what `unsubscribe` writes; give one of the two";
    const errors = [{ pointer: `/headers/${given}`, code: "invalid_header", message: problem }];
    return { refused: "invalid_request", detail: `The header ${given} ${problem}.`, errors };
  }
  const [recipient, another] = recipients;
  if (!recipient || another) {
    const problem = "needs exactly one recipient, whose own the link is; send a message to each (POST /v1/messages/batch takes 500)";
    return unsubscribeRefusal("one_recipient_needed", problem);
  }
  const link = await links.link({ tenant, list: options.unsubscribe.list, address: recipient.address, messageId });
  if (link === undefined)
    return unsubscribeRefusal("no_public_url", "needs the setting PUBLIC_URL, for the link to lead here; set it, or leave this out");
  return { "List-Unsubscribe": `<${link}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" };
}

function unsubscribeRefusal(code: string, message: string): Refusal {
  const errors = [{ pointer: "/unsubscribe", code, message }];
  return { refused: "invalid_request", detail: `The unsubscribe link ${message}.`, errors };
}
