// Webhooks that are to lead into our own network: by every spelling of an address, and by a name that is somewhere else the next time.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { startDnsServer } from "../../support/dnsServer.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startGateway } from "../../support/gateway.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startWebhookReceiver } from "../../support/webhookReceiver.ts";

const redis = await sharedRedis();

/** Of IANA's global unicast space, and given to nobody: nothing answers there, and where there is no IPv6 nothing is sent. */
const publicAddress = "2d00::1";

const privateHosts = [
  ...["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.1", "017700000001", "127.0.0.1."],
  ...["１２７.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "%31%32%37.0.0.1", "0", "0.0.0.0", "localhost", "LOCALHOST.", "a.localhost"],
  ...[
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
  ],
  ...["10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "168.63.129.16", "224.0.0.1", "255.255.255.255"],
  ...["[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:0:7f00:1::1]", "[fec0::1]"],
  ...["[::ffff:0:127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:c0a8:1::]", "0300.0250.0.1", "0xc0a80001", "[fe80::1%25lo]", "127.0.0.1%00"],
];

type Problem = { code: string; errors?: { pointer?: string }[] };
type Delivery = { tries: { status: number | null; error: string | null }[] };

faultRow(
  {
    row: "22",
    fault: "webhook URLs that spell a private address in every way, names that resolve to one, and one whose DNS rebinds to one",
    invariant: "422 with a pointer to the URL, or a failed try that says why; not one connection to the private address",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const relay = await startScriptedRelay();
    atEnd(relay.stop);
    const receiver = await startWebhookReceiver();
    atEnd(receiver.stop);
    const dns = await startDnsServer();
    atEnd(dns.stop);
    const gateway = await startGateway({ env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url, ...dns.env } });
    atEnd(() => gateway.stop());
    const urlOf = (host: string) => `http://${host}:${receiver.port}/hook`;

    for (const host of privateHosts) {
      const { status, body } = await gateway.post<Problem>("/v1/webhooks", { url: urlOf(host), events: ["*"] });
      assert.deepEqual([status, body.errors?.[0]?.pointer], [422, "/url"], host);
    }
    assert.deepEqual((await gateway.get<{ data: unknown[] }>("/v1/webhooks")).body.data, [], "nothing is stored");

    // Each try asks once for both families. Asked a second time for one try, this name leads to us.
    let asked = 0;
    dns.set("rebinding.test", () => (asked++ < 2 ? { aaaa: [publicAddress] } : { a: ["127.0.0.1"] }));
    dns.set("private.test", { a: ["127.0.0.1"] });
    dns.set("mixed.test", { a: ["127.0.0.1"], aaaa: [publicAddress] });
    dns.set("mapped.test", { aaaa: ["::ffff:7f00:1"] });
    const names = ["rebinding.test", "private.test", "mixed.test", "mapped.test"];
    const ids = await Promise.all(
      names.map(async (name) => {
        const { status, body } = await gateway.post<{ id: string }>("/v1/webhooks", { url: urlOf(name), events: ["message.sent"] });
        assert.equal(status, 201, JSON.stringify(body));
        return body.id;
      }),
    );
    await sendEach(gateway, [testMessage("one", "a@example.net")]);
    const triesOf = async (id: string) =>
      (await gateway.get<{ data: Delivery[] }>(`/v1/webhooks/${id}/deliveries`)).body.data.flatMap((delivery) => delivery.tries);
    const notPublic = "The host name leads to an address that is not public.";
    const [rebinding = "", ...others] = ids;
    for (const [index, id] of others.entries()) {
      const tries = await waitFor(async () => (await triesOf(id)).length > 0 && triesOf(id), {
        what: names[index + 1] ?? "",
        timeoutMs: 10_000,
      });
      assert.deepEqual([tries[0]?.status, tries[0]?.error], [null, notPublic], names[index + 1]);
    }
    // The first try went to the address that was found to be public, and to no other; the second finds the private one.
    const two = await waitFor(async () => (await triesOf(rebinding)).length >= 2 && triesOf(rebinding), {
      what: "two tries",
      timeoutMs: 30_000,
    });
    const errors = two.map(({ error }) => error);
    assert.notEqual(errors[0], notPublic);
    assert.ok(errors[0]);
    assert.equal(errors[1], notPublic);
    assert.equal(dns.questions.filter((question) => question.endsWith("rebinding.test")).length, 4, "one question a family and try");
    assert.equal(receiver.requests.length, 0);
    measured(
      `${privateHosts.length} spellings refused, ${names.length} names, 0 connections to the private address; the rebinding name's first try: "${errors[0]}"`,
    );
  },
);
