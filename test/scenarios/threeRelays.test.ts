// Three real relays, two of them Postfix, and four workers: each message takes its rule's way, signed and over TLS; the preferred relay
// dies under load, and comes back.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { dkimRecord, verifyByMailauth } from "../support/dkimVerifier.ts";
import { mostInWindow, mostOpen, startFleet } from "../support/fleet.ts";
import { allSettled, expectedOf, sendBatches, type TestMessage, testMessage } from "../support/mailing.ts";
import { asRoot, passedOn, startPostfix } from "../support/postfix.ts";
import { reconcile } from "../support/reconcile.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { type SinkMail, startSink } from "../support/sink.ts";
import { waitFor } from "../support/waitFor.ts";

type Attempts = { data: { relay: string; tls: { version: string } | null }[] };
type Relays = { data: { name: string; state: string }[] };

/** What Postfix itself passed on twice, as it was killed in between, is one mail: its trace has the same queue id. */
function once(mails: readonly SinkMail[]): SinkMail[] {
  return [...new Map(mails.map((mail) => [mail.raw.toString("latin1"), mail])).values()];
}

test(
  "two Postfix and a scripted relay: rules, shares, TLS, DKIM and rates; one is killed under load and restored, and nothing is lost or doubled",
  asRoot,
  async (t) => {
    const atEnd = atEndOf(t);
    const [behindMain, behindOffice] = [await startSink(), await startSink()];
    atEnd(behindMain.stop);
    atEnd(behindOffice.stop);
    const auth = { user: "postern", pass: "a password" };
    // Each mail takes it a second, so that there is a backlog when it is killed.
    const slow = { smtpd_end_of_data_restrictions: "sleep 1, permit" };
    const main = await startPostfix({ deliverTo: behindMain, starttls: true, auth, settings: slow });
    atEnd(main.stop);
    const office = await startPostfix({ deliverTo: behindOffice });
    atEnd(office.stop);
    const third = await startScriptedRelay();
    atEnd(third.stop);
    const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const yaml = (text: string) => JSON.stringify(text);
    const { api } = await startFleet(atEnd, {
      config: `
relays:
  main: { host: 127.0.0.1, port: ${main.port}, user: ${auth.user}, pass: ${yaml(auth.pass)}, tls: required, ca: ${yaml(main.certificate?.cert ?? "")}, connections: 12 }
  office: { host: 127.0.0.1, port: ${office.port}, tls: none, connections: 8 }
  third: { host: 127.0.0.1, port: ${third.port}, tls: none, connections: 3, rate: 20/s }
routes:
  - { to_domain: partner.test, relays: [third] }
  - { tag: newsletter, relays: { office: 1, third: 1 } }
  - { relays: [main, office] }
retry: { schedule: [2s] }
dkim:
  - { domain: example.com, selector: mail, key: ${yaml(key)} }
`,
    });

    // One message whose recipients part.
    const parted = await api.post<MessageView>("/v1/messages", testMessage("parted", ["a@partner.test", "b@world.test"]));
    assert.equal(parted.status, 202);
    const { recipients } = await api.messageSettled(parted.body.id);
    assert.deepEqual(
      recipients.map(({ address, relay, status }) => [address, relay, status]),
      [
        ["a@partner.test", "third", "sent"],
        ["b@world.test", "main", "sent"],
      ],
    );
    const attempts = (await api.get<Attempts>(`/v1/messages/${parted.body.id}/attempts`)).body.data;
    assert.deepEqual(attempts.map(({ relay, tls }) => `${relay} ${tls?.version ?? "plain"}`).sort(), ["main TLSv1.3", "third plain"]);

    // Under load the preferred relay dies.
    const messages = Array.from({ length: 400 }, (_, index) =>
      index % 4 === 0
        ? testMessage(`n${index}`, `n${index}@world.test`, { tags: ["newsletter"], lane: "broadcast" })
        : testMessage(`m${index}`, `m${index}@world.test`),
    );
    const ids = await sendBatches(api, messages);
    await waitFor(async () => (await behindMain.received()).length >= 12, { what: "mail through the preferred relay", timeoutMs: 30_000 });
    const tookOver = async () => (await behindOffice.received()).some(({ to }) => to[0]?.startsWith("m"));
    assert.equal(await tookOver(), false);
    const killedAt = Date.now();
    await main.kill();
    await waitFor(tookOver, { what: "the other relay to take over", timeoutMs: 10_000, everyMs: 5 });
    const switchedMs = Date.now() - killedAt;
    const settled = await allSettled(api, ids, 90_000);
    assert.ok(settled.every(({ status }) => status === "sent"));

    // Restored, it gets its mail again.
    const state = async () => (await api.get<Relays>("/v1/relays")).body.data.find(({ name }) => name === "main")?.state;
    assert.equal(await state(), "suspended");
    await main.restart();
    const restoredAt = Date.now();
    await waitFor(async () => (await state()) === "up", { what: "the relay to be up again", timeoutMs: 40_000 });
    const upMs = Date.now() - restoredAt;
    const after: TestMessage[] = [];
    const goesToMain = async () => {
      const message = testMessage(`after${after.length}`, "after@world.test");
      after.push(message);
      const [id] = await sendBatches(api, [message]);
      return (await api.messageSettled(id ?? "")).recipients[0]?.relay === "main";
    };
    await waitFor(goesToMain, { what: "new mail to go to the preferred relay again", timeoutMs: 20_000 });

    // The accounts: every recipient once, unless it was being handed over to the dying relay, which is flagged.
    const all = [...messages, ...after, testMessage("parted", ["a@partner.test", "b@world.test"])];
    const flagged = new Set(settled.flatMap(({ recipients: of }) => of.filter((it) => it.possible_duplicate).map((it) => it.address)));
    const arrived = async () => {
      const mails = [...once(await behindMain.received()), ...once(await behindOffice.received()), ...third.accepted];
      const found = reconcile({ expected: expectedOf(all), mails });
      return found.lost.length === 0 && found;
    };
    const { doubled, unexpected } = await waitFor(arrived, { what: "both Postfix to pass everything on", timeoutMs: 30_000, everyMs: 200 });
    assert.deepEqual(unexpected, []);
    assert.deepEqual(
      doubled.filter(({ recipient }) => !flagged.has(recipient)),
      [],
    );
    assert.ok(switchedMs < 2_000, `it took ${switchedMs} ms until the other relay had the first mail`);

    // Shares, limits and signatures.
    const newsletters = settled.flatMap(({ recipients: of }) => of.filter(({ address }) => address.startsWith("n")));
    const byThird = newsletters.filter(({ relay }) => relay === "third").length;
    assert.ok(byThird > 20 && byThird < 80, `${byThird} of ${newsletters.length} newsletters took one of two equal ways`);
    assert.ok(mostOpen(third.connections) <= 3);
    const busiest = mostInWindow(
      third.accepted.map(({ at }) => at),
      1_000,
    );
    assert.ok(busiest <= 23, `${busiest} mails in one second`);
    const dns = { "mail._domainkey.example.com": dkimRecord(key) };
    for (const { raw } of [(await passedOn(behindMain, 1))[0], (await passedOn(behindOffice, 1))[0], third.accepted[0]].filter(
      Boolean,
    ) as SinkMail[]) {
      assert.deepEqual(
        (await verifyByMailauth(raw, dns)).map(({ result }) => result),
        ["pass"],
      );
    }
    t.diagnostic(
      `switch-over ${switchedMs} ms, ${flagged.size} in doubt, ${doubled.length} of them doubled; up again ${upMs} ms after it was restored; ${byThird} of ${newsletters.length} newsletters by one of two equal shares; at most ${busiest} a second of 20/s`,
    );
  },
);
