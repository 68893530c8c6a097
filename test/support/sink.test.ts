import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { startSink } from "./sink.ts";
import { waitFor } from "./waitFor.ts";

const raw = "Subject: x\r\nX-Test-Id: 1\r\n\r\n.dot\r\nFrom here\r\n\r\nh\u00e4\r\n\r\n";

test("a mail is listed with its envelope and exactly the bytes that were sent", async (t) => {
  const sink = await startSink();
  t.after(sink.stop);
  const transport = createTransport({ host: sink.host, port: sink.port, pool: true, maxConnections: 1 });
  t.after(() => transport.close());
  await transport.sendMail({ envelope: { from: "a@one.test", to: ["b@two.test", '"x y"@two.test'] }, raw });
  await transport.sendMail({ envelope: { from: "", to: ["c@two.test"] }, raw });
  const mails = await waitFor(async () => (await sink.received()).length === 2 && sink.received(), { what: "two mails" });
  assert.deepEqual(
    mails.map(({ from, to }) => ({ from, to })).sort((one, two) => one.from.localeCompare(two.from)),
    [
      { from: "", to: ["c@two.test"] },
      { from: "a@one.test", to: ["b@two.test", '"x y"@two.test'] },
    ],
  );
  for (const mail of mails) assert.equal(mail.raw.toString("utf8"), raw);
});

test("a fault flag decides the answer to the final dot, and the mail that got that far is listed", async (t) => {
  const sink = await startSink({ flags: ["-r", ".", "-b", "451 4.3.0 later"] });
  t.after(sink.stop);
  const transport = createTransport({ host: sink.host, port: sink.port });
  await assert.rejects(transport.sendMail({ envelope: { from: "a@one.test", to: ["b@two.test"] }, raw }), /451 4\.3\.0 later/);
  assert.equal((await sink.received()).length, 1);
});

test("a half-sent mail is never listed, not even while it is under way", async (t) => {
  const sink = await startSink();
  t.after(sink.stop);
  const socket = connect(sink.port, sink.host);
  t.after(() => socket.destroy());
  let replies = "";
  socket.on("data", (chunk) => {
    replies += chunk.toString();
  });
  socket.write("EHLO x\r\nMAIL FROM:<a@one.test>\r\nRCPT TO:<b@two.test>\r\nDATA\r\n");
  await waitFor(() => replies.includes("\r\n354 "), { what: "the sink to take data" });
  socket.write(`Subject: half\r\n\r\n${"line\r\n".repeat(20_000)}\r\n\r\n`);
  await waitFor(() => socket.bytesWritten > 120_000 && socket.writableLength === 0, { what: "the data to be sent" });
  assert.deepEqual(await sink.received(), []);
  socket.write(".\r\n");
  await waitFor(async () => (await sink.received()).length === 1, { what: "the whole mail" });
});

test("a wrong flag is told with the program's own words", async () => {
  await assert.rejects(startSink({ flags: ["-j"] }), /smtp-sink did not start: .*(invalid option|usage)/s);
});
