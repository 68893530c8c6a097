// Fault 14: somebody may sit between us and the relay. STARTTLS is missing, or the certificate is bad, expired or another's.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { selfSignedCertificate } from "../../support/certificate.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { waitFor } from "../../support/waitFor.ts";
import { relayForEachDomain, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const auth = { user: "app", pass: "geheim-1234" };

/** What the API says of each fault: the reply's text, and the advice. */
const said: Record<string, [text: RegExp, advice: RegExp]> = {
  stripped: [/not offered/, /something in between may strip STARTTLS/],
  untrusted: [/is not trusted \(self-signed certificate/, /certificate is self-signed: name its authority/],
  expired: [/is not trusted \(certificate has expired/, /has expired or is not valid yet/],
  othername: [/is not trusted .*other\.test/, /is for another name/],
  implicit: [/is not trusted \(certificate has expired/, /has expired or is not valid yet/],
};

faultRow(
  {
    row: "14",
    fault: "STARTTLS is stripped, the certificate is self-signed, expired or for another name, on STARTTLS and on implicit TLS",
    invariant: "no login and no mail leaves; the mail is deferred and says what is wrong; it goes once the relay is trustworthy",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const [good, untrusted, expired, otherName] = await Promise.all([
      selfSignedCertificate(),
      selfSignedCertificate(),
      selfSignedCertificate({ expired: true }),
      selfSignedCertificate({ name: "other.test" }),
    ]);
    const folder = await temporaryFolder({ name: "trusted" });
    const trusted = join(folder.path, "trusted.pem");
    await writeFile(trusted, good.cert + expired.cert + otherName.cert);
    for (const { remove } of [good, untrusted, expired, otherName, folder]) atEnd(remove);

    const withCertificate = async (name: string, certificate: typeof good, how: { starttls: true } | { implicitTls: true }) => {
      // The relay shows what is in here now.
      const shown = { ...certificate };
      const relay = await startScriptedRelay({ ...how, auth, certificate: shown });
      atEnd(relay.stop);
      return { name, relay, tls: "starttls" in how ? "required" : "implicit", mend: async () => void Object.assign(shown, good) };
    };
    // An attacker's proxy overwrites the offer in place, as some firewalls do.
    const stripped = await startScriptedRelay({ extensions: ["8BITMIME", "XXXXXXXX"], auth });
    atEnd(stripped.stop);
    const relays = [
      { name: "stripped", relay: stripped, tls: "required", mend: async () => undefined },
      await withCertificate("untrusted", untrusted, { starttls: true }),
      await withCertificate("expired", expired, { starttls: true }),
      await withCertificate("othername", otherName, { starttls: true }),
      await withCertificate("implicit", expired, { implicitTls: true }),
    ];
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), NODE_EXTRA_CA_CERTS: trusted },
      config: {
        ...relayForEachDomain(
          Object.fromEntries(relays.map(({ name, relay, tls }) => [name, { port: relay.port, host: "localhost", tls, ...auth }])),
        ),
        retry: { schedule: ["500ms"] },
      },
    });
    const messages = relays.flatMap(({ name }) => [1, 2].map((index) => testMessage(`${name}-${index}`, `a${index}@${name}.test`)));
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);

    const deferred = async () => {
      const { body } = await gateway.get<{ data: MessageView[] }>("/v1/messages?status=deferred");
      const found = new Map(
        body.data.map(({ recipients: [recipient] }) => [recipient?.address.replace(/^.*@(.*)\.test$/, "$1"), recipient]),
      );
      return found.size === relays.length && found;
    };
    const waiting = await waitFor(deferred, { what: "mail to wait for every relay", timeoutMs: 30_000 });
    for (const [name, recipient] of waiting) {
      const [text, advice] = said[name ?? ""] ?? [];
      assert.ok(text && advice);
      assert.match(recipient?.reply?.text ?? "", text);
      assert.match(recipient?.advice ?? "", advice);
      assert.equal(recipient?.hard_bounce, false);
    }
    for (const { name, relay } of relays) {
      const heard = relay.connections.flatMap(({ commands }) => commands);
      assert.ok(relay.connections.length > 0, `${name} was never connected to`);
      assert.ok(
        heard.every((line) => /^(EHLO|HELO|STARTTLS|QUIT)/.test(line)),
        `${name} heard ${heard.join(", ")}`,
      );
      assert.ok(relay.connections.every(({ user }) => user === undefined));
    }
    const connectionsBefore = relays.reduce((sum, { relay }) => sum + relay.connections.length, 0);

    for (const { mend } of relays) await mend();
    await stripped.stop();
    const restored = await startScriptedRelay({ starttls: true, auth, certificate: good, port: stripped.port });
    atEnd(restored.stop);
    const mails = () => [...relays.map(({ relay }) => relay), restored].flatMap(({ accepted }) => accepted);
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    assert.ok(accounts.recipients.every(({ status, copies, flagged }) => status === "sent" && copies === 1 && !flagged));
    assert.ok(!gateway.logs().join("\n").includes(auth.pass));
    measured(`${accounts.inWords}; ${connectionsBefore} untrusted connections, 0 logins on them`);
  },
);
