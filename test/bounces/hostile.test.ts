// Proves that no report of up to 1 MiB holds the parser up, however it is made.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReport } from "../../src/bounces/parseReport.ts";

/** For one report of up to 1 MiB, on one core. */
const cpuMsMax = 50;

/** The processor time that parsing took: the best of three, as a busy machine is not the parser's fault. */
function cpuMs(raw: Buffer): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 && best > cpuMsMax; i++) {
    const before = process.cpuUsage();
    parseReport(raw);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}

const mebibyte = 1_048_576;
const head = "From: MAILER-DAEMON@example.net\nSubject: failure notice\n";
const status = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n";

/** A report of 1 MiB: a beginning, then one piece over and over. */
function filled(beginning: string, piece: string): Buffer {
  const count = Math.ceil((mebibyte - beginning.length) / Buffer.byteLength(piece, "latin1"));
  return Buffer.from(beginning + piece.repeat(count), "latin1").subarray(0, mebibyte);
}

/** Openings that reach every reader, and pieces that make each of them work hard. */
const beginnings: Readonly<Record<string, string>> = {
  nothing: "",
  header: head,
  folded: `${head}X-Long: a\n`,
  text: `${head}\n`,
  qmail: `${head}\nHi. This is the qmail-send program at mail.example.net.\n`,
  exim: `${head}\nThis message was created automatically by mail delivery software.\n\nThe following address(es) failed:\n\n`,
  sendmail: `${head}\n   ----- Transcript of session follows -----\n`,
  exchange: `${head}\nDiagnostic information for administrators:\n`,
  domino: `${head}\nwas not delivered to:\n\nbecause:\n`,
  status: `${head}${status}`,
  original: `${head}\n----- Original message -----\n\n`,
  feedback: `${head}Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n`,
  html: `${head}Content-Type: text/html\n\n`,
  base64: `${head}Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n`,
  quoted: `${head}Content-Type: text/plain; charset=shift_jis\nContent-Transfer-Encoding: quoted-printable\n\n`,
  json: `${head}\n{"notificationType":"Bounce","x":`,
  multipart: `${head}Content-Type: multipart/mixed; boundary=b\n\n`,
};
const pieces: readonly string[] = [
  "a",
  " ",
  "\n",
  "\r",
  "\t",
  "<",
  "@",
  "a@",
  "a@b",
  "a@b.example ",
  "<a@b.example>:\n",
  "  a@b.example\n",
  "a@b.example\n550 5.1.1 x\n",
  "550 ",
  "said: 550 ",
  ">>> DATA\n<<< 550-x\n",
  "=",
  "=?utf-8?b?",
  "=?utf-8?q?a?= ",
  "--b\n",
  "--b\nContent-Type: multipart/mixed; boundary=b\n\n",
  "Content-Type: multipart/mixed; boundary=b\n",
  "X: y\n",
  "X:\n y\n",
  " x\n",
  "Final-Recipient: rfc822; a@b.example\n",
  "Final-Recipient: rfc822; a@b.example\n\n",
  "Diagnostic-Code: smtp; 550 user unknown\n\n",
  "<p>",
  "<style>",
  "&#1;",
  "-",
  "-----",
  "Received: from a\n",
  "Received: from a\n b\n",
  "RCPT TO: ",
  "[[[",
  '{"a":',
  "[",
  "\u001b$B",
  "\u00e9",
  "user mailbox is not ",
  "multiple recipients: ",
];

for (const [name, beginning] of Object.entries(beginnings)) {
  test(`1 MiB made to hurt takes less than ${cpuMsMax} ms of one core (${name})`, () => {
    const slow = pieces.map((piece) => ({ piece, ms: cpuMs(filled(beginning, piece)) })).filter(({ ms }) => ms > cpuMsMax);
    assert.deepEqual(slow, []);
  });
}

test("a thousand different recipients in a delivery status are all reported, in time", () => {
  const fields = Array.from({ length: 1_000 }, (_, i) => `Final-Recipient: rfc822; user${i}@example.com\nAction: failed\nStatus: 5.1.1\n`);
  const raw = Buffer.from(`${head}${status}${fields.join("\n")}`);
  assert.equal(parseReport(raw).reports.length, 1_000);
  assert.ok(cpuMs(raw) < cpuMsMax * 4, `${cpuMs(raw)} ms`);
});

test("multiparts nested a thousand deep are read without end of the stack", () => {
  let mail = `${head}`;
  for (let i = 0; i < 1_000; i++) mail += `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`;
  assert.equal(parseReport(Buffer.from(`${mail}\nuser@example.com: 550 no\n`)).kind, "none");
});
