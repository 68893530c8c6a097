// The other half of the story: a relay takes the mail (250), and what becomes of it there comes back as mail. The relay is a real Postfix,
// which writes the reports and brings them to our listener.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { EventView } from "../../src/domain/eventView.ts";
import type { MessageView } from "../../src/domain/messageView.ts";
import { returnPathKey, returnPathToken } from "../../src/domain/returnPath.ts";
import { atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { headerOf } from "../support/mailHeader.ts";
import { sendEach, testMessage } from "../support/mailing.ts";
import { asRoot, startPostfix } from "../support/postfix.ts";
import { sharedRedis } from "../support/redis.ts";
import { complaint } from "../support/reportMail.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { smtpSend } from "../support/smtpTalk.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver, verifyRequest } from "../support/webhookReceiver.ts";

const redis = await sharedRedis();
const returnPathDomain = "bounces.test";
const secret = "the return paths' secret of 32 characters";
const feedbackAddress = "fbl@example.com";

type Report = {
  id: string;
  status: string;
  kind: string;
  message_id: string;
  reporting_mta: string;
  recipients: { address: string; action: string; effect: string; category: string | null; suppressed: boolean }[];
};

/** What the world behind the smarthost says to an address. */
const refusals: Readonly<Record<string, string>> = {
  gone: "550 5.1.1 <gone@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
  full: "552 5.2.2 <full@example.net>: The mailbox is over quota",
};

/** A gateway whose relay is a Postfix that gives up after seconds, with a listener for what Postfix sends back. */
async function openInstallation(t: TestContext) {
  const atEnd = atEndOf(t);
  const world = await startScriptedRelay({ onRcpt: ({ address }) => refusals[address.split("@")[0] ?? ""] });
  atEnd(world.stop);
  const silent = await startScriptedRelay({ onConnect: () => ({ hang: true }) });
  atEnd(silent.stop);
  const bouncePort = await freePort();
  const postfix = await startPostfix({
    deliverTo: world,
    settings: {
      transport_maps: `inline:{ ${[
        `{ ${returnPathDomain} = smtp:[127.0.0.1]:${bouncePort} }`,
        `{ silent.test = smtp:[127.0.0.1]:${silent.port} }`,
        "{ mailbox.test = discard: }",
      ].join(" ")} }`,
      smtp_helo_timeout: "1s",
      // As for a client that wants to know of successes too (RFC 3461, section 4.1).
      smtpd_command_filter: "regexp:{ { /^(RCPT TO:.*)$$/ $$1 NOTIFY=SUCCESS,FAILURE,DELAY } }",
      minimal_backoff_time: "1s",
      maximal_backoff_time: "1s",
      queue_run_delay: "1s",
      delay_warning_time: "1s",
      maximal_queue_lifetime: "5s",
    },
  });
  atEnd(postfix.stop);
  const receiver = await startWebhookReceiver();
  atEnd(() => receiver.stop());
  const gateway = await startGateway({
    env: {
      REDIS_URL: redis.freshUrl(),
      SMTP_URL: postfix.url,
      RETURN_PATH_DOMAIN: returnPathDomain,
      RETURN_PATH_SECRETS: secret,
      BOUNCE_PORT: String(bouncePort),
    },
    config: `{ webhooks: { allow_private: true }, suppression: { mailbox_full: 7d }, reports: { addresses: [${feedbackAddress}] } }`,
  });
  atEnd(() => gateway.stop());
  const webhook = await gateway.post<{ secret: string }>("/v1/webhooks", {
    url: receiver.url,
    events: ["message.bounced", "message.delivered", "message.complained", "suppression.added"],
  });
  /** What the webhook has been told so far, each event once, oldest first. */
  const told = () => {
    const events = receiver.requests.map((request) => verifyRequest(request, webhook.body.secret) as Omit<EventView, "id">);
    const distinct = new Map(events.map((event) => [event.data.sequence, event]));
    return [...distinct.values()].sort((a, b) => a.data.sequence - b.data.sequence);
  };
  return { gateway, world, bouncePort, told };
}

function waitForStatus(gateway: Gateway, id: string, status: string): Promise<MessageView> {
  return waitFor(
    async () => {
      const { body } = await gateway.get<MessageView>(`/v1/messages/${id}`);
      if (body.status !== status) throw new Error(`it is ${body.status}`);
      return body;
    },
    { what: `${id} to be ${status}`, timeoutMs: 45_000 },
  );
}

async function reportsOn(gateway: Gateway, messageId: string): Promise<Report[]> {
  const { body } = await gateway.get<{ data: Report[] }>("/v1/bounces?limit=100");
  return body.data.filter(({ message_id }) => message_id === messageId).reverse();
}

test("an unknown user, a full mailbox and an expired queue come home from a real Postfix: 250, report, webhook, suppression, and the next mail stays here", {
  ...asRoot,
  timeout: 120_000,
}, async (t) => {
  const { gateway, told } = await openInstallation(t);
  const addresses = ["gone@example.net", "full@example.net", "late@silent.test", "fine@example.net"];
  const accepted = await sendEach(
    gateway,
    addresses.map((address) => testMessage(address, address)),
  );
  const [gone, full, late, fine] = await Promise.all(
    accepted.map(({ id }, index) => waitForStatus(gateway, id, index === 3 ? "sent" : "bounced")),
  );

  const facts = [gone, full, late].map((message) => {
    const recipient = message?.recipients[0];
    return [recipient?.status, recipient?.category, recipient?.hard_bounce, recipient?.reply?.code ?? undefined, recipient?.attempts];
  });
  assert.deepEqual(facts, [
    ["bounced", "invalid_recipient", true, 550, 1],
    ["bounced", "mailbox_full", false, 552, 1],
    ["bounced", "unreachable", false, undefined, 1],
  ]);
  for (const message of [gone, full, late]) {
    const { body } = await gateway.get<{ data: EventView[] }>(`/v1/messages/${message?.id}/events`);
    const types = body.data.map(({ type }) => type);
    assert.deepEqual(types, ["message.accepted", "message.sent", "message.bounced"], "Postfix's 250 came first");
  }

  // One that is late is told of twice: a warning, which changes nothing, and the end.
  const reports = (await reportsOn(gateway, late?.id ?? "")).map(({ kind, recipients: [one] }) => [kind, one?.action, one?.effect]);
  assert.deepEqual(reports, [
    ["delayed", "delayed", "unchanged"],
    ["bounce", "failed", "bounced"],
  ]);
  const [first] = await reportsOn(gateway, gone?.id ?? "");
  assert.deepEqual([first?.status, first?.kind, first?.reporting_mta], ["processed", "bounce", "postfix.test"]);

  const bouncesTold = await waitFor(() => told().length >= 5 && told(), { what: "the webhook to be told", timeoutMs: 45_000 });
  const lines = bouncesTold.map(({ type, data }) => `${type} ${data.recipient} ${data.category}`);
  assert.deepEqual(lines.toSorted(), [
    "message.bounced full@example.net mailbox_full",
    "message.bounced gone@example.net invalid_recipient",
    "message.bounced late@silent.test unreachable",
    "suppression.added full@example.net mailbox_full",
    "suppression.added gone@example.net invalid_recipient",
  ]);

  const [again] = await sendEach(gateway, [testMessage("again", addresses)]);
  const settled = await gateway.messageSettled(again?.id ?? "");
  assert.deepEqual(
    settled.recipients.map(({ status }) => status),
    ["suppressed", "suppressed", "sent", "sent"],
  );
  assert.equal(fine?.recipients[0]?.status, "sent");
  const { body: standing } = await gateway.get<{ reason: string; source: string; expires_at: string | null; message_id: string }>(
    "/v1/suppressions/full@example.net",
  );
  assert.deepEqual([standing.reason, standing.source, standing.message_id], ["bounce", "report", full?.id]);
  const days = (Date.parse(standing.expires_at ?? "") - Date.now()) / 86_400_000;
  assert.ok(days > 6.9 && days <= 7, `it stands for ${days} days more`);
});

test("a delivery is told, a relaying is not taken for one, a report that comes twice is one event, a complaint suppresses, and who forges gets nowhere", {
  ...asRoot,
  timeout: 120_000,
}, async (t) => {
  const { gateway, world, bouncePort, told } = await openInstallation(t);
  const [delivered, relayed, gone] = await sendEach(gateway, [
    testMessage("delivered", "ada@mailbox.test"),
    testMessage("relayed", "fine@example.net"),
    testMessage("gone", "gone@example.net"),
  ]);
  const [ada] = (await waitForStatus(gateway, delivered?.id ?? "", "delivered")).recipients;
  assert.equal(ada?.reply?.enhanced, "2.0.0");
  const relayedReport = async () => (await reportsOn(gateway, relayed?.id ?? ""))[0];
  const passedOn = await waitFor(relayedReport, { what: "Postfix's report of its passing on", timeoutMs: 45_000 });
  assert.deepEqual([passedOn.recipients[0]?.action, passedOn.recipients[0]?.effect], ["relayed", "unchanged"]);
  assert.equal((await gateway.messageSettled(relayed?.id ?? "")).status, "sent");

  await waitForStatus(gateway, gone?.id ?? "", "bounced");
  const [report] = await reportsOn(gateway, gone?.id ?? "");
  const { body: kept } = await gateway.get<{ raw: string }>(`/v1/bounces/${report?.id}`);
  const raw = Buffer.from(kept.raw, "base64");
  const returnPath = headerOf(raw, "to")?.replace(/[<>]/g, "") ?? "";
  assert.match(await smtpSend(bouncePort, { to: returnPath, raw }), /^250 .*before/);
  const twice = Buffer.concat([Buffer.from("Received: by another way\r\n"), raw]);
  assert.match(await smtpSend(bouncePort, { to: returnPath, raw: twice }), /^250/);
  await waitFor(async () => (await reportsOn(gateway, gone?.id ?? "")).length === 2, {
    what: "the second report to be read",
    timeoutMs: 20_000,
  });
  assert.equal((await reportsOn(gateway, gone?.id ?? ""))[1]?.recipients[0]?.effect, "unchanged");

  const key = returnPathKey(secret);
  const subject = { id: gone?.id ?? "", tenant: "default", recipients: ["gone@example.net"], expiresAt: Date.now() - 2 * 86_400_000 };
  const stranger = returnPathKey("somebody else's secret of 32 characters");
  const expired = await smtpSend(bouncePort, { to: `${returnPathToken(key, subject)}@${returnPathDomain}`, raw });
  const unexpired = { ...subject, expiresAt: Date.now() + 86_400_000 };
  const forged = await smtpSend(bouncePort, { to: `${returnPathToken(stranger, unexpired)}@${returnPathDomain}`, raw });
  assert.match(expired, /^550 5\.1\.1 This return path has expired/);
  assert.match(forged, /^550 5\.1\.1 There is no such return path/);

  // What the recipient's provider sends to the address that was registered with it holds the mail as it arrived there.
  const arrived = await waitFor(() => world.accepted.find(({ to }) => to[0] === "fine@example.net"), { what: "the mail to arrive" });
  const original = arrived.raw.toString("latin1").split("\r\n\r\n")[0]?.split("\r\n") ?? [];
  assert.match(await smtpSend(bouncePort, { from: "fbl@provider.example", to: feedbackAddress, raw: complaint({ original }) }), /^250/);
  await waitForStatus(gateway, relayed?.id ?? "", "complained");
  const [again] = await sendEach(gateway, [testMessage("again", "fine@example.net")]);
  assert.deepEqual([again?.status, again?.recipients[0]?.suppression?.reason], ["suppressed", "complaint"]);

  const events = await waitFor(() => told().length >= 5 && told(), { what: "the webhook to be told", timeoutMs: 45_000 });
  assert.deepEqual(events.map(({ type, data }) => `${type} ${data.recipient}`).toSorted(), [
    "message.bounced gone@example.net",
    "message.complained fine@example.net",
    "message.delivered ada@mailbox.test",
    "suppression.added fine@example.net",
    "suppression.added gone@example.net",
  ]);
});
