// The mail that is sent: every contender gets the same content, each in the form that it takes.
import { createTransport } from "nodemailer";

export const recipeNames = ["plain", "short", "fifty", "attachment", "huge", "batch", "shortBatch"] as const;
export type RecipeName = (typeof recipeNames)[number];

/** The fields that our API and nodemailer share, but for how an attachment's octets are given. */
type Content = { from: string; to: string[]; subject: string; text: string; html?: string; attachment?: Buffer };

export type Recipe = {
  content: Content;
  /** How many of these one request carries; more than one goes to the batch endpoint. */
  batch: number;
};

const sentence = "Thank you for your order. It has left our house and will be with you soon.";
const paragraph = `<p>${sentence}</p>\n`;

const plain: Content = {
  from: "Example Shop <billing@shop.example.com>",
  to: ["ann.lee@example.org"],
  subject: "Your order 4711 is on its way",
  text: `${sentence}\n`.repeat(Math.round(2_048 / (sentence.length + 1))),
  html: `<html><body>\n${paragraph.repeat(Math.round(3_072 / paragraph.length))}</body></html>\n`,
};

/** Octets that no compression or shortcut makes smaller. */
function octets(count: number): Buffer {
  let state = 1;
  return Buffer.from(
    Uint8Array.from({ length: count }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    }),
  );
}

/** @returns one that is made anew at each call: only what is asked for takes room */
export function recipeOf(name: RecipeName): Recipe {
  const short: Content = { from: plain.from, to: plain.to, subject: plain.subject, text: `${sentence}\n` };
  switch (name) {
    case "plain":
      return { content: plain, batch: 1 };
    case "short":
      return { content: short, batch: 1 };
    case "fifty":
      return { content: { ...plain, to: Array.from({ length: 50 }, (_, index) => `reader${index}@example.org`) }, batch: 1 };
    case "attachment":
      return { content: { ...plain, attachment: octets(1024 ** 2) }, batch: 1 };
    case "huge":
      // In base64, and with a line end after each 76 letters, just under 25 MB.
      return { content: { ...plain, attachment: octets(18_200_000) }, batch: 1 };
    case "batch":
      return { content: plain, batch: 50 };
    case "shortBatch":
      return { content: short, batch: 250 };
  }
}

/** The request that our API takes. */
export function requestOf({ content, batch }: Recipe): { path: string; body: string } {
  const { attachment, ...fields } = content;
  const message = {
    ...fields,
    ...(attachment && { attachments: [{ filename: "terms.pdf", content: attachment.toString("base64") }] }),
  };
  if (batch === 1) return { path: "/v1/messages", body: JSON.stringify(message) };
  return { path: "/v1/messages/batch", body: JSON.stringify({ messages: Array.from({ length: batch }, () => message) }) };
}

/** What nodemailer's `sendMail` takes. */
export function nodemailerMail({ content }: Recipe) {
  const { attachment, ...fields } = content;
  return { ...fields, ...(attachment && { attachments: [{ filename: "terms.pdf", content: attachment }] }) };
}

/** The finished message as a file for smtp-source(1) `-F`: lines end with LF. */
export async function fileOf(recipe: Recipe): Promise<Buffer> {
  const composed = await createTransport({ streamTransport: true, buffer: true, newline: "unix" }).sendMail(nodemailerMail(recipe));
  return composed.message as Buffer;
}
