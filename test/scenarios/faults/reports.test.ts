// Bad days of the reports: who reads them dies, and senders send too much, too slowly, and too often.
import assert from "node:assert/strict";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { faultRow } from "../../support/faultRow.ts";
import { freePort } from "../../support/freePort.ts";
import { installationOf } from "../../support/installation.ts";
import { allEvents, allSettled, inParallel, sendEach, testMessage } from "../../support/mailing.ts";
import { memoryOf } from "../../support/memory.ts";
import { sharedRedis } from "../../support/redis.ts";
import { dsn } from "../../support/reportMail.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { smtpSend, smtpTalk } from "../../support/smtpTalk.ts";
import { waitFor } from "../../support/waitFor.ts";

const redis = await sharedRedis();
const addressOf = (index: number) => `user${index}@example.net`;

/** An API and a worker, and as many messages that a relay has taken; with the return path of each, in their order. */
async function openSent(t: Parameters<typeof atEndOf>[0], count: number) {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const bouncePorts = [await freePort(), await freePort()];
  let workers = 0;
  const start = installationOf(atEnd, {
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url, RETURN_PATH_DOMAIN: "bounces.test" },
    config: "timeouts: { owner_lease: 2s }",
  });
  const startWorker = () => start("worker", { BOUNCE_PORT: String(bouncePorts[workers++ % 2]) });
  const api = await start("api");
  const worker = await startWorker();
  const messages = Array.from({ length: count }, (_, index) => testMessage(`m${index}`, addressOf(index)));
  const ids = (await sendEach(api, messages)).map(({ id }) => id);
  await allSettled(api, ids);
  const returnPaths = new Map(relay.accepted.map(({ from, to }) => [to[0] ?? "", from]));
  return { api, worker, ids, startWorker, bouncePorts, returnPathOf: (index: number) => returnPaths.get(addressOf(index)) ?? "" };
}

faultRow(
  {
    row: "33",
    fault:
      "the listener for reports is SIGKILLed while they come in; two others take over, and senders repeat what was not acknowledged, and what was",
    invariant: "each report that was acknowledged becomes one event",
  },
  async (t, measured) => {
    const count = 150;
    const { api, worker, ids, startWorker, bouncePorts, returnPathOf } = await openSent(t, count);
    let taken = 0;
    let isKilled = false;
    let atTheKill = "";
    /** As a mail server does: again and again until it is taken, at whichever listener there is. */
    const deliver = async (index: number) => {
      const mail = { to: returnPathOf(index), raw: dsn({ recipient: addressOf(index) }) };
      const tryOnce = async () => {
        const answer = await smtpSend(bouncePorts[isKilled ? 1 : 0] ?? 0, mail).catch(() => "");
        return answer.startsWith("250");
      };
      await waitFor(tryOnce, { what: `the report on ${addressOf(index)} to be taken`, timeoutMs: 60_000, everyMs: 100 });
      if (++taken === count / 2) {
        isKilled = true;
        worker.kill("SIGKILL");
        await worker.exited;
        const bounced = (await allEvents(api)).filter(({ type }) => type === "message.bounced").length;
        atTheKill = `${taken} reports were acknowledged at the kill, ${bounced} of them had been read`;
        await Promise.all([startWorker(), startWorker()]);
      }
    };
    await inParallel(count, 16, deliver);
    // A sender that did not hear the answer sends its report again.
    await inParallel(count, 16, deliver);

    const bouncesTold = async () => (await allEvents(api)).filter(({ type }) => type === "message.bounced");
    // What the dead one had begun to read belongs to it until its lease ends.
    const told = await waitFor(async () => (await bouncesTold()).length >= count && bouncesTold(), {
      what: "all reports to be read",
      timeoutMs: 100_000,
      everyMs: 200,
    });
    assert.deepEqual(told.map(({ data }) => data.recipient).toSorted(), ids.map((_, index) => addressOf(index)).toSorted());
    const statuses = await Promise.all(ids.map(async (id) => (await api.get<MessageView>(`/v1/messages/${id}`)).body.status));
    assert.deepEqual(new Set(statuses), new Set(["bounced"]));
    measured(`${count} reports, each told once; ${atTheKill}`);
  },
);

faultRow(
  {
    row: "34",
    fault: "reports of 50 MB and more, of thousands of recipients, and from senders that never get on",
    invariant: "they hold up no other report, and cost little memory",
  },
  async (t, measured) => {
    const { api, worker, ids, bouncePorts, returnPathOf } = await openSent(t, 4);
    const [port = 0] = bouncePorts;
    const bounced = (index: number) =>
      waitFor(async () => (await api.get<MessageView>(`/v1/messages/${ids[index]}`)).body.status === "bounced", {
        what: `${addressOf(index)} to be bounced`,
        timeoutMs: 30_000,
      });
    const before = memoryOf(worker.pid);

    // Each says something now and then, and never ends.
    const slow = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const talk = await smtpTalk(port);
        for (const line of ["EHLO slow.example", "MAIL FROM:<>", `RCPT TO:<${returnPathOf(3)}>`, "DATA"]) await talk.say(line);
        talk.write("Subject: I am sl");
        return talk;
      }),
    );
    const whole = Buffer.from(dsn({ recipient: addressOf(0) }).replace(/--b--\r\n$/, ""));
    const large = Buffer.concat([whole, Buffer.alloc(50_000_000 - whole.length, `${"a".repeat(74)}\r\n`)]);
    let memoryMax = 0;
    const watch = setInterval(() => {
      memoryMax = Math.max(memoryMax, memoryOf(worker.pid));
    }, 20);
    try {
      const answers = await Promise.all([0, 0, 0].map(() => smtpSend(port, { to: returnPathOf(0), raw: large })));
      for (const answer of answers) assert.match(answer, /^250/);
    } finally {
      clearInterval(watch);
    }
    await bounced(0);
    measured(`3 reports of 50 MB at once: ${Math.round((memoryMax - before) / 1024 ** 2)} MiB more`);
    assert.ok(memoryMax - before < 150 * 1024 ** 2, `${memoryMax - before} bytes more`);
    assert.match(await smtpSend(port, { to: returnPathOf(0), raw: Buffer.concat([large, large]) }), /^552 5\.3\.4/);

    const others = Array.from({ length: 5_000 }, (_, index) => `Final-Recipient: rfc822; other${index}@example.org\r\nAction: failed\r\n`);
    const many = dsn({ recipient: addressOf(1) }).replace(/(Diagnostic-Code: .*\r\n)/, `$1\r\n${others.join("\r\n")}`);
    assert.match(await smtpSend(port, { to: returnPathOf(1), raw: many }), /^250/);
    await bounced(1);
    assert.match(await smtpSend(port, { to: returnPathOf(2), raw: dsn({ recipient: addressOf(2) }) }), /^250/);
    await bounced(2);
    for (const talk of slow) talk.destroy();
    const told = (await allEvents(api)).filter(({ type }) => type === "message.bounced").map(({ data }) => data.recipient);
    assert.deepEqual(told, [0, 1, 2].map(addressOf));
  },
);
