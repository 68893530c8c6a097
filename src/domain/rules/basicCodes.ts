// What a basic reply code alone means (RFC 5321, section 4.2; RFC 1870; RFC 7504): the last resort. The last row matches everything.
import type { ReplyRule } from "../replyRule.ts";

export const basicCodeRules: readonly ReplyRule[] = [
  {
    id: "basic.greeting-refused",
    when: { phase: ["greeting", "ehlo"], code: [550, 551, 552, 553, 554, 571] },
    category: "reputation",
    advice: "The server refuses to talk to your IP address: let its operators allow it, or look the address up at the block lists.",
    example: "554 mx.example.com",
    examplePhase: "greeting",
  },
  { id: "basic.421", when: { code: [421] }, category: "system", example: "421 Closing transmission channel" },
  { id: "basic.451", when: { code: [451] }, category: "system", example: "451 Requested action aborted" },
  { id: "basic.452", when: { code: [452] }, category: "system", example: "452 Sorry" },
  { id: "basic.protocol", when: { code: [455, 500, 501, 502, 503, 504, 555] }, category: "protocol", example: "502 Sorry" },
  {
    id: "basic.521",
    when: { code: [521, 556] },
    category: "bad_domain",
    hard: true,
    advice: "The recipient's domain or host takes no mail at all (RFC 7504): look for a typing error in the address.",
    example: "556 Sorry",
  },
  {
    id: "basic.sender",
    when: { phase: ["mail"], code: [550, 553, 554] },
    category: "sender_rejected",
    example: "550 Sorry",
    examplePhase: "mail",
  },
  {
    id: "basic.551",
    when: { code: [551] },
    category: "invalid_recipient",
    hard: true,
    advice: "The mailbox is not on this server any more: ask the recipient for the new address.",
    example: "551 Sorry",
  },
  {
    id: "basic.552-size",
    when: { code: [552], phase: ["mail"] },
    category: "message_too_large",
    example: "552 Sorry",
    examplePhase: "mail",
  },
  { id: "basic.552", when: { code: [552] }, category: "mailbox_full", example: "552 Sorry" },
  { id: "basic.553", when: { code: [553] }, category: "invalid_recipient", hard: true, example: "553 Sorry" },
  { id: "basic.unknown", when: {}, category: "unknown", example: "550 Sorry" },
];
