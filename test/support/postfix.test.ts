import assert from "node:assert/strict";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { canConnect } from "./freePort.ts";
import { headerOf } from "./mailHeader.ts";
import { asRoot, startPostfix } from "./postfix.ts";
import { untilGone } from "./process.ts";
import { startSink } from "./sink.ts";
import { waitFor } from "./waitFor.ts";

const raw =
  "Message-ID: <1@one.test>\r\nFrom: a@one.test\r\nDate: Mon, 23 Nov 2026 07:00:00 +0000\r\nSubject: x\r\n\r\n.dot\r\nh\u00e4\r\n";
const envelope = { from: "a@one.test", to: ["b@two.test", "c@three.test"] };

test("a mail goes through Postfix into the sink, body untouched, and stop ends it", asRoot, async (t) => {
  const sink = await startSink();
  t.after(sink.stop);
  const postfix = await startPostfix({ deliverTo: sink });
  t.after(postfix.stop);
  await createTransport(postfix.url).sendMail({ envelope, raw });
  const [mail] = await waitFor(async () => (await sink.received()).length > 0 && sink.received(), { what: "the mail" });
  assert.ok(mail);
  assert.deepEqual({ from: mail.from, to: mail.to.toSorted() }, envelope);
  assert.equal(headerOf(mail.raw, "message-id"), "<1@one.test>");
  assert.ok(mail.raw.toString().endsWith("\r\n\r\n.dot\r\nh\u00e4\r\n"));
  assert.match(await postfix.log(), /status=sent \(250 2\.0\.0 Ok\)/);
  await postfix.stop();
  await untilGone(postfix.pid);
  assert.equal(await canConnect(postfix.port), false);
});

test("mail is taken over STARTTLS after a login by PLAIN or LOGIN, and not without", asRoot, async (t) => {
  const sink = await startSink();
  t.after(sink.stop);
  const auth = { user: "gateway", pass: "secret \u00e4" };
  const postfix = await startPostfix({ deliverTo: sink, starttls: true, auth });
  t.after(postfix.stop);
  const base = { host: "localhost", port: postfix.port, requireTLS: true, tls: { ca: postfix.certificate?.cert as string } };
  for (const authMethod of ["PLAIN", "LOGIN"]) await createTransport({ ...base, auth, authMethod }).sendMail({ envelope, raw });
  await assert.rejects(createTransport(base).sendMail({ envelope, raw }), /554 5\.7\.1|530/);
  await assert.rejects(createTransport({ ...base, auth: { ...auth, pass: "wrong" } }).sendMail({ envelope, raw }), /535/);
  await waitFor(async () => (await sink.received()).length === 2, { what: "two mails" });
  assert.match(await postfix.log(), /TLS connection established from .*TLSv1\.3/);
});

test("more settings may be given, and those that it does not start with are told", asRoot, async (t) => {
  const [usual, other] = await Promise.all([startSink(), startSink()]);
  t.after(() => Promise.all([usual.stop(), other.stop()]));
  const transport = `inline:{ { three.test = smtp:[127.0.0.1]:${other.port} } }`;
  const postfix = await startPostfix({ deliverTo: usual, settings: { transport_maps: transport } });
  t.after(postfix.stop);
  await createTransport(postfix.url).sendMail({ envelope, raw });
  const arrived = async () => Promise.all([usual, other].map(async (sink) => (await sink.received()).flatMap(({ to }) => to)));
  await waitFor(async () => (await arrived()).flat().length === 2, { what: "both mails" });
  assert.deepEqual(await arrived(), [["b@two.test"], ["c@three.test"]]);
  await assert.rejects(
    startPostfix({ deliverTo: usual, settings: { setgid_group: "nobody-here" } }),
    /Postfix did not start.*setgid_group = nobody-here/s,
  );
});
