// What we refuse without asking the relay, because its own EHLO says that it would have to.
import { needsSmtpUtf8 } from "../domain/address.ts";
import type { SendOutcome } from "../domain/relay.ts";
import type { Features } from "./features.ts";

/** Line ends and controls would end the command, angle brackets the path (RFC 5321, section 4.1.2). */
const smuggling = /[\p{Cc}<>\u2028\u2029]|^\s|\s$/u;

/**
 * Decides for each recipient whether it must be refused at once. The reply is one as a server would give it, and its text says that it is ours.
 * @returns for each recipient its outcome, or undefined if it may be sent to; undefined altogether if all may
 */
export function ownRefusals(input: {
  from: string;
  to: readonly string[];
  byteCount: number;
  /** What the configuration says that it takes at most. */
  messageBytesMax: number | undefined;
  eightBit: boolean;
  smtputf8: boolean;
  features: Features;
  host: string;
}): (SendOutcome | undefined)[] | undefined {
  const { to, features } = input;
  const ofAll = refusalOfAll(input);
  if (ofAll) return to.map(() => ofAll);
  let refusals: (SendOutcome | undefined)[] | undefined;
  for (const [index, address] of to.entries()) {
    const refusal = refusalOfRecipient(address, features, input.host);
    if (!refusal) continue;
    refusals ??= to.map(() => undefined);
    refusals[index] = refusal;
  }
  return refusals;
}

function refusalOfAll(input: Parameters<typeof ownRefusals>[0]): SendOutcome | undefined {
  const { from, byteCount, messageBytesMax, eightBit, smtputf8, features, host } = input;
  if (from !== "" && smuggling.test(from)) return refused(553, "5.1.7", "the sender is no address that can be written in an SMTP command");
  if (features.sizeMax !== undefined && byteCount > features.sizeMax) {
    return refused(552, "5.3.4", `the message has ${byteCount} bytes, and ${host} takes at most ${features.sizeMax} (its SIZE)`);
  }
  if (messageBytesMax !== undefined && byteCount > messageBytesMax) {
    const limit = `${host} takes at most ${messageBytesMax} (max_message_size)`;
    return refused(552, "5.3.4", `the message has ${byteCount} bytes, and ${limit}`);
  }
  if ((smtputf8 || needsSmtpUtf8(from)) && !features.smtpUtf8) {
    const what = needsSmtpUtf8(from) ? "the sender" : "a header field";
    return refused(553, "5.6.7", `${what} needs SMTPUTF8, which ${host} does not offer`);
  }
  if ((eightBit || smtputf8) && !features.eightBitMime) {
    return refused(554, "5.6.3", `the message has 8-bit content, and ${host} does not offer 8BITMIME`);
  }
  return undefined;
}

function refusalOfRecipient(address: string, features: Features, host: string): SendOutcome | undefined {
  if (address === "" || smuggling.test(address))
    return refused(553, "5.1.3", "the recipient is no address that can be written in an SMTP command");
  if (needsSmtpUtf8(address) && !features.smtpUtf8)
    return refused(553, "5.6.7", `the address needs SMTPUTF8, which ${host} does not offer`);
  return undefined;
}

function refused(code: number, enhanced: string, reason: string): SendOutcome {
  return {
    kind: "refused",
    phase: "mail",
    ours: true,
    reply: { code, enhanced, text: `Not sent by Postern: ${reason}. The relay was not asked.` },
  };
}
