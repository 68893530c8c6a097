// Our dialogue beside nodemailer's, over the same relay: the same commands, the same bytes, and the same recipients who get the message.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import SMTPConnection, { type SMTPError } from "nodemailer/lib/smtp-connection";
import type { Mail } from "../../src/relay/transaction.ts";
import { type ScriptedRelay, startScriptedRelay } from "../support/scriptedRelay.ts";
import { openTestRelay, sendOnce } from "./openTestRelay.ts";

type Answers = { mail: string; rcpt: string[]; data: string; dot: string };
/** Who got the message, and what was said to the message as a whole. */
type End = { sentTo: string[]; refusedWith: number | undefined };

const reply = (...codes: string[]) => fc.constantFrom(...codes.map((code) => `${code} ${code[0]}.0.0 said`));
const answers = (recipients: number): fc.Arbitrary<Answers> =>
  fc.record({
    mail: fc.oneof({ weight: 6, arbitrary: reply("250") }, reply("250", "451", "550", "552")),
    rcpt: fc.array(fc.oneof({ weight: 3, arbitrary: reply("250", "251") }, reply("450", "550", "553")), {
      minLength: recipients,
      maxLength: recipients,
    }),
    data: fc.oneof({ weight: 6, arbitrary: reply("354") }, reply("451", "554")),
    dot: fc.oneof({ weight: 3, arbitrary: reply("250") }, reply("452", "554")),
  });
/** What line ends and dots can do to a message, and what is around them. */
const piece = fc.constantFrom(
  "\r\n",
  "\r\n",
  ".",
  "..",
  "\n",
  "\r",
  "\r\n.\r\n",
  "a",
  "word and word",
  "MAIL FROM:<evil@x.test>",
  "ü",
  "x".repeat(1_000),
);
const message = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(`Subject: x\r\n\r\n${pieces.join("")}`));

function start(t: TestContext, given: Answers, to: readonly string[], extensions: string[]): Promise<ScriptedRelay> {
  return startScriptedRelay({
    extensions,
    onCommand: ({ verb }) => {
      if (verb === "MAIL" && !given.mail.startsWith("2")) return given.mail;
      if (verb === "DATA" && !given.data.startsWith("3")) return given.data;
      return undefined;
    },
    onRcpt: ({ address }) => given.rcpt[to.indexOf(address)],
    onData: () => given.dot,
  }).then((server) => {
    t.after(server.stop);
    return server;
  });
}

async function byOurs(t: TestContext, port: number, mail: Mail): Promise<End> {
  const relay = openTestRelay(t, { port });
  const { outcomes } = await sendOnce(relay, mail);
  await relay.close(1_000);
  const whole = outcomes.find((outcome) => "phase" in outcome && outcome.phase !== "rcpt");
  return {
    sentTo: mail.to.filter((_, index) => outcomes[index]?.kind === "accepted"),
    refusedWith: whole && "reply" in whole ? whole.reply?.code : undefined,
  };
}

function byNodemailer(port: number, { from, to, bytes }: Mail): Promise<End> {
  const connection = new SMTPConnection({ host: "127.0.0.1", port, name: "postern.test", ignoreTLS: true });
  return new Promise((resolve, reject) => {
    connection.once("error", reject);
    connection.connect((fault?: SMTPError) => {
      if (fault) return reject(fault);
      connection.send({ from, to: [...to], size: bytes.length, use8BitMime: true }, bytes, (error, info) => {
        connection.quit();
        if (!error) return resolve({ sentTo: (info.accepted ?? []).map(String), refusedWith: undefined });
        resolve({ sentTo: [], refusedWith: (error as SMTPError & { rejected?: unknown }).rejected ? undefined : error.responseCode });
      });
    });
  });
}

/** What the relay was told of the mail, and what it got. */
const seenBy = ({ connections, accepted }: ScriptedRelay) => ({
  commands: connections.map(({ commands }) => commands.filter((line) => !/^(?:RSET|QUIT)/.test(line))),
  mail: accepted.map(({ from, to, raw }) => ({ from, to, raw: raw.toString("latin1") })),
});

for (const extensions of [["PIPELINING", "8BITMIME", "SIZE 1000000"], ["8BITMIME"]]) {
  test(`nodemailer's dialogue and ours come to the same, ${extensions[0] === "PIPELINING" ? "with" : "without"} PIPELINING`, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }).chain((count) => fc.tuple(answers(count), message)),
        async ([given, bytes]) => {
          const to = given.rcpt.map((_, index) => `r${index}@two.test`);
          const mail: Mail = { from: "app@one.test", to, bytes, eightBit: true };
          const [oneServer, otherServer] = [await start(t, given, to, extensions), await start(t, given, to, extensions)];
          const [ours, theirs] = await Promise.all([byOurs(t, oneServer.port, mail), byNodemailer(otherServer.port, mail)]);
          assert.deepEqual(ours, theirs);
          assert.deepEqual(seenBy(oneServer), seenBy(otherServer));
          await Promise.all([oneServer.stop(), otherServer.stop()]);
        },
      ),
      { numRuns: 100 },
    );
  });
}
