// The addresses of the sandbox: what the capture relay does with a recipient, by the local part of its address.

/** How an address behaves. `reply` is what RCPT is answered with; the others are accepted there and act on the final dot. */
export type SandboxBehaviour =
  | { kind: "accept" }
  /** Accepted, and then a report comes back. */
  | { kind: "report"; report: "bounce" | "complaint" }
  | { kind: "refuse"; reply: { code: number; text: string } }
  /** Refused until it has been tried this often. */
  | { kind: "refuse_until"; tries: number; reply: { code: number; text: string } }
  /** The answer to the final dot is late. */
  | { kind: "answer_late" }
  /** The connection is cut after the final dot, and the mail is not kept. */
  | { kind: "cut" };

const behaviours: Readonly<Record<string, SandboxBehaviour>> = {
  delivered: { kind: "accept" },
  hardbounce: { kind: "refuse", reply: { code: 550, text: "5.1.1 Recipient address rejected: User unknown" } },
  softbounce: { kind: "refuse_until", tries: 3, reply: { code: 450, text: "4.2.0 Greylisted, please try again later" } },
  mailboxfull: { kind: "refuse", reply: { code: 452, text: "4.2.2 The recipient's mailbox is full" } },
  slow: { kind: "answer_late" },
  drop: { kind: "cut" },
  latebounce: { kind: "report", report: "bounce" },
  complaint: { kind: "report", report: "complaint" },
};

/**
 * What the capture relay does with a recipient. Case does not matter, and a tag (`hardbounce+signup@…`) is passed over.
 * @param address an envelope address
 * @param domain the sandbox's domain, in lower case; an address of any other domain is accepted
 */
export function behaviourOf(address: string, domain: string): SandboxBehaviour {
  const at = address.lastIndexOf("@");
  if (address.slice(at + 1).toLowerCase() !== domain) return { kind: "accept" };
  const [name = ""] = address.slice(0, at).toLowerCase().split("+");
  return Object.hasOwn(behaviours, name) ? (behaviours[name] ?? { kind: "accept" }) : { kind: "accept" };
}
