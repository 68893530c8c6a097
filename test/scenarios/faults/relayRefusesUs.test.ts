// Fault 13: the relay refuses us, not the mail: at its greeting, at EHLO, at the login, or by asking for another login. No recipient is to blame.
import assert from "node:assert/strict";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { inParallel, sendEach, testMessage } from "../../support/mailing.ts";
import { asRoot, passedOn, startPostfix } from "../../support/postfix.ts";
import { sharedRedis } from "../../support/redis.ts";
import { type Script, startScriptedRelay } from "../../support/scriptedRelay.ts";
import { startSink } from "../../support/sink.ts";
import { waitFor } from "../../support/waitFor.ts";
import { relayForEachDomain, startFaultGateway, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const auth = { user: "app", pass: "geheim-1234" };
const atCommand = (verb: string, reply: string): Script => ({ onCommand: (command) => (command.verb === verb ? reply : undefined) });

/** Each relay's refusal, and what the API must quote and call it. */
const refusals: Record<string, { script: Script; code: number; enhanced: string; category: string }> = {
  greeting: { script: { onConnect: () => "554 5.3.2 No SMTP service here" }, code: 554, enhanced: "5.3.2", category: "reputation" },
  wronglogin: {
    script: atCommand("AUTH", "535 5.7.8 Authentication credentials invalid"),
    code: 535,
    enhanced: "5.7.8",
    category: "relay_denied",
  },
  disabled: { script: atCommand("AUTH", "525 5.7.13 User account disabled"), code: 525, enhanced: "5.7.13", category: "relay_denied" },
  weaklogin: {
    script: atCommand("AUTH", "534 5.7.9 Authentication mechanism is too weak"),
    code: 534,
    enhanced: "5.7.9",
    category: "relay_denied",
  },
  loginfirst: { script: atCommand("MAIL", "530 5.7.0 Authentication required"), code: 530, enhanced: "5.7.0", category: "relay_denied" },
};

faultRow(
  {
    row: "13a",
    fault: "relays that refuse us: greeting 554, AUTH 535, 525 and 534, MAIL 530",
    invariant:
      "no recipient bounces: the mail waits, says whose fault it is, and goes once the relay lets us in; no log shows the password",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    let refuses = true;
    const relays = await Promise.all(
      Object.entries(refusals).map(async ([name, { script }]) => {
        const relay = await startScriptedRelay({
          onConnect: (connection) => (refuses ? script.onConnect?.(connection) : undefined),
          onCommand: (command) => (refuses ? script.onCommand?.(command) : undefined),
          implicitTls: true,
          auth,
        });
        atEnd(relay.stop);
        return [name, relay] as const;
      }),
    );
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl() },
      config: {
        ...relayForEachDomain(
          Object.fromEntries(relays.map(([name, { port }]) => [name, { port, tls: "implicit", verify: false, ...auth }])),
        ),
        retry: { schedule: ["500ms"] },
      },
    });
    const names = Object.keys(refusals);
    const messages = names.flatMap((name) =>
      [1, 2, 3].map((index) => testMessage(`${name}-${index}`, [`a${index}@${name}.test`, `b${index}@${name}.test`])),
    );
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);
    const look = async (index: number) => (await gateway.get<MessageView>(`/v1/messages/${receipts[index]}`)).body;
    const waiting = await inParallel(names.length, names.length, (index) =>
      waitFor(
        async () => {
          const [recipient] = (await look(index * 3)).recipients;
          return recipient?.status === "deferred" && recipient;
        },
        { what: `mail to wait for the relay ${names[index]}`, timeoutMs: 30_000, everyMs: 5 },
      ),
    );
    for (const [index, { reply, category, hard_bounce, advice, next_attempt_at, updated_at }] of waiting.entries()) {
      const name = names[index] ?? "";
      const { code, enhanced, category: expected } = refusals[name] ?? {};
      assert.deepEqual([reply?.code, reply?.enhanced, category, hard_bounce], [code, enhanced, expected, false], name);
      assert.match(advice ?? "", /\w+ \w+/);
      assert.ok(Date.parse(next_attempt_at ?? "") > Date.parse(updated_at), "it says when it tries again");
    }
    refuses = false;
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails: () => relays.flatMap(([, relay]) => relay.accepted) });
    assert.ok(accounts.recipients.every(({ status, copies, flagged }) => status === "sent" && copies === 1 && !flagged));
    assert.ok(!accounts.events.some(({ type }) => type === "message.bounced" || type === "message.failed"));
    const attempts = await inParallel(receipts.length, 8, (index) => gateway.get(`/v1/messages/${receipts[index]}/attempts`));
    const shown = JSON.stringify(attempts.map(({ body }) => body)) + gateway.logs().join("\n");
    for (const secret of [auth.pass, Buffer.from(`\0${auth.user}\0${auth.pass}`).toString("base64")]) assert.ok(!shown.includes(secret));
    measured(accounts.inWords);
  },
);

faultRow(
  {
    row: "13b",
    fault: "Postfix refuses the login with 535 because the configured password is wrong",
    invariant: "no recipient bounces, and after a restart with the right password all of it is sent",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const sink = await startSink();
    atEnd(sink.stop);
    const postfix = await startPostfix({ deliverTo: sink, starttls: true, auth });
    atEnd(postfix.stop);
    const env = { REDIS_URL: redis.freshUrl(), NODE_EXTRA_CA_CERTS: postfix.certificate?.certificateFile ?? "" };
    const withPassword = (pass: string) => ({
      relays: { postfix: { host: "127.0.0.1", port: postfix.port, tls: "required", user: auth.user, pass } },
      retry: { schedule: ["300ms"] },
    });
    const wrong = await startWatched(atEnd, { env, config: withPassword("falsch-9876") });
    const messages = Array.from({ length: 10 }, (_, index) => testMessage(`m${index}`, [`a${index}@example.net`, `b${index}@example.org`]));
    const receipts = (await sendEach(wrong.gateway, messages)).map(({ id }) => id);
    const refused = async () => {
      const { body } = await wrong.gateway.get<{ data: MessageView[] }>("/v1/messages?status=deferred");
      return body.data[0]?.recipients[0];
    };
    const recipient = await waitFor(refused, { what: "Postfix to refuse the login", timeoutMs: 30_000 });
    assert.deepEqual([recipient.reply?.code, recipient.category, recipient.hard_bounce], [535, "relay_denied", false]);
    assert.match(await postfix.log(), /authentication failed/);
    await wrong.gateway.stop();
    assert.ok(!wrong.gateway.logs().join("\n").includes("falsch-9876"));

    const gateway = await startFaultGateway(atEnd, {
      env: { ...env, POSTERN_API_KEY: wrong.gateway.apiKey },
      config: withPassword(auth.pass),
    });
    const mails = () => passedOn(sink, 20);
    const accounts = await settleAccounts({ gateway, webhook: wrong.webhook, receipts, mails });
    assert.ok(accounts.recipients.every(({ status, copies }) => status === "sent" && copies === 1));
    measured(accounts.inWords);
  },
  asRoot,
);
