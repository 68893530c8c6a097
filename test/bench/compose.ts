// What composing a message costs: CPU µs by our composer and by nodemailer's MailComposer, in turns on the same content.
// node --import tsx test/bench/compose.ts [ROUNDS]
import { compose } from "../../src/compose/compose.ts";
import type { Content } from "../../src/compose/content.ts";
import { composeByNodemailer } from "../compose/mailComposer.ts";

const rounds = Number(process.argv[2] ?? 7);
const roundMsMin = 150;
const say = (line: string) => void process.stdout.write(`${line}\n`);

const plain: Content = {
  from: { address: "billing@shop.example.com", name: "Example Shop" },
  to: [{ address: "ann.lee@example.org", name: "Ann Lee" }],
  cc: [],
  replyTo: [{ address: "support@shop.example.com" }],
  subject: "Your order 4711 is on its way",
  headers: { "X-Campaign": "orders", "List-Unsubscribe": "<https://shop.example.com/u?t=0123456789abcdef>" },
  attachments: [],
  messageId: "<msg_019a0b1c2d3e4f5061728394a5b6c7d8@shop.example.com>",
  date: new Date("2026-01-02T03:04:05Z"),
};

/** Text and html of 5 KiB together. */
function body(sentence: string): Pick<Content, "text" | "html"> {
  const octets = Buffer.byteLength(sentence);
  return {
    text: `${sentence}\n`.repeat(Math.round(2048 / octets)),
    html: `<html><body>\n${`<p>${sentence}</p>\n`.repeat(Math.round(3072 / (octets + 8)))}</body></html>\n`,
  };
}

const ascii = body("Thank you for your order. It has left our house and will be with you soon.");
const octets = Buffer.from(Array.from({ length: 1024 ** 2 }, (_, index) => (index * 7919) % 256));
const kinds: Record<string, Content> = {
  "text of 100 octets": {
    ...plain,
    text: "Hello Ann,\nyour order has left our house and will be with you tomorrow.\nYours, Example Shop\n",
  },
  "5 KiB text and html, ASCII": { ...plain, ...ascii },
  "5 KiB, ASCII, ended by CRLF": {
    ...plain,
    ...ascii,
    text: ascii.text?.replaceAll("\n", "\r\n"),
    html: ascii.html?.replaceAll("\n", "\r\n"),
  },
  "5 KiB, ASCII, html in one line": { ...plain, ...ascii, html: ascii.html?.replaceAll("\n", "") },
  "5 KiB, German": {
    ...plain,
    ...body("Vielen Dank für Ihre Bestellung. Sie verlässt gerade unser Haus und müsste übermorgen bei Ihnen sein."),
    from: { address: "billing@shop.example.com", name: "Müllers Lädchen" },
    subject: "Ihre Bestellung für übermorgen ist unterwegs",
  },
  "5 KiB, Russian": { ...plain, ...body("Спасибо за ваш заказ. Он уже в пути и скоро будет у вас."), subject: "Ваш заказ в пути" },
  "5 KiB, Japanese": {
    ...plain,
    ...body("ご注文ありがとうございます。商品はまもなくお手元に届きます。"),
    subject: "ご注文の商品を発送しました",
  },
  "5 KiB, ASCII, 50 recipients": {
    ...plain,
    ...ascii,
    to: Array.from({ length: 50 }, (_, index) => ({ address: `r${index}@example.org`, name: `Recipient ${index}` })),
  },
  "5 KiB and 100 KiB attached": { ...plain, ...ascii, attachments: [{ filename: "terms.pdf", content: octets.subarray(0, 102_400) }] },
  "5 KiB and 1 MiB attached": { ...plain, ...ascii, attachments: [{ filename: "terms.pdf", content: octets }] },
};

/** CPU µs for each call, in one round of at least 150 ms. */
async function cost(task: (content: Content) => Promise<unknown>, content: Content): Promise<number> {
  const begin = process.cpuUsage();
  const startedAt = performance.now();
  let calls = 0;
  while (performance.now() - startedAt < roundMsMin) {
    for (let i = 0; i < 5; i++) await task(content);
    calls += 5;
  }
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / calls;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

say(`CPU µs per message, median of ${rounds} rounds: ours, MailComposer's, times`);
for (const [kind, content] of Object.entries(kinds)) {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const [our, their] = [await cost(compose, content), await cost(composeByNodemailer, content)];
    // The first round warms up.
    if (round < 0) continue;
    ours.push(our);
    theirs.push(their);
  }
  const figures = [median(ours).toFixed(1), median(theirs).toFixed(1), (median(theirs) / median(ours)).toFixed(1)];
  say(`${kind.padEnd(32)}${figures.map((figure) => figure.padStart(10)).join("")}`);
}
