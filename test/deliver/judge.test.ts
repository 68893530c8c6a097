import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "../../src/deliver/judge.ts";
import type { SendOutcome } from "../../src/domain/relay.ts";

const ok: SendOutcome = { kind: "accepted", reply: { code: 250, text: "ok" } };
const unknownUser: SendOutcome = { kind: "refused", phase: "rcpt", reply: { code: 550, enhanced: "5.1.1", text: "User unknown" } };
const busy: SendOutcome = { kind: "try_later", phase: "rcpt", reply: { code: 450, enhanced: "4.2.0", text: "Try again later" } };
const tooMany: SendOutcome = { kind: "try_later", phase: "rcpt", reply: { code: 452, enhanced: "4.5.3", text: "Too many recipients" } };
const noConnection: SendOutcome = { kind: "not_sent", fault: { phase: "connect", text: "connect ECONNREFUSED 127.0.0.1:25" } };
const cut: SendOutcome = { kind: "in_doubt", fault: { phase: "after_dot", text: "The connection was cut" } };

function judged(outcomes: SendOutcome[], dispatch = { tries: 0, faults: 0 }) {
  const recipients = outcomes.map((_, index) => index + 10);
  return judge({ recipients, outcomes, relay: "default", dispatch, scheduleMs: [60_000, 300_000], random: 0.5 });
}

test("each recipient is judged by its own reply", () => {
  const { outcomes, counts } = judged([ok, unknownUser, busy]);
  assert.deepEqual(
    outcomes.map(({ recipient, kind, hard_bounce }) => ({ recipient, kind, hard_bounce })),
    [
      { recipient: 10, kind: "sent", hard_bounce: undefined },
      { recipient: 11, kind: "bounced", hard_bounce: true },
      { recipient: 12, kind: "deferred", hard_bounce: false },
    ],
  );
  assert.equal(counts, "tries");
});

test("a refusal that is the relay's fault bounces nobody and waits by the faults' clock", () => {
  const authRequired: SendOutcome = {
    kind: "refused",
    phase: "mail",
    reply: { code: 530, enhanced: "5.7.0", text: "Authentication required" },
  };
  const { outcomes, counts, retryInMs } = judged([authRequired]);
  assert.equal(outcomes[0]?.kind, "deferred");
  assert.equal(counts, "faults");
  assert.equal(retryInMs, 60_000);
});

test("without a connection the reply quotes what happened, with no code, and the message's own backoff does not grow", () => {
  const { outcomes, counts } = judged([noConnection], { tries: 5, faults: 0 });
  assert.equal(outcomes[0]?.kind, "deferred");
  assert.equal(outcomes[0]?.reply?.code, 0);
  assert.match(outcomes[0]?.reply?.text ?? "", /ECONNREFUSED/);
  assert.equal(outcomes[0]?.category, "unreachable");
  assert.equal(counts, "faults");
});

test("too many recipients, by 452, 552 or x.5.3, puts the rest into another transaction at once, or later where this one failed", () => {
  const { retryInMs, counts } = judged([ok, tooMany]);
  assert.equal(retryInMs, 0);
  assert.equal(counts, "nothing");
  assert.equal(judged([tooMany]).counts, "tries");
  const failed: SendOutcome = { kind: "try_later", phase: "after_dot", reply: { code: 451, text: "Local error" } };
  for (const reply of [
    { code: 552, text: "Too many recipients" },
    { code: 550, enhanced: "5.5.3", text: "Too many recipients" },
  ]) {
    const last: SendOutcome = { kind: "refused", phase: "rcpt", reply };
    assert.deepEqual([judged([ok, last]).outcomes[1]?.kind, judged([ok, last]).retryInMs], ["deferred", 0]);
    assert.deepEqual([judged([failed, last]).outcomes[1]?.kind, judged([failed, last]).counts], ["deferred", "tries"]);
    assert.equal(judged([last]).outcomes[0]?.kind, "bounced", "the only one is judged by its own reply");
  }
  const fullMailbox: SendOutcome = { kind: "refused", phase: "rcpt", reply: { code: 552, enhanced: "5.2.2", text: "Mailbox full" } };
  assert.equal(judged([ok, fullMailbox]).outcomes[1]?.kind, "bounced");
});

test("a cut after the final dot is doubt, and is tried again by the message's own backoff", () => {
  const { outcomes, retryInMs, counts } = judged([cut], { tries: 1, faults: 0 });
  assert.equal(outcomes[0]?.kind, "doubt");
  assert.equal(counts, "tries");
  assert.equal(retryInMs, 300_000);
});

test("a mixture waits as long as its most patient recipient", () => {
  assert.equal(judged([noConnection, busy]).counts, "tries");
});

test("what we refuse in the relay's place, as too big for it, is failed and not bounced", () => {
  const tooBig: SendOutcome = { kind: "refused", phase: "mail", ours: true, reply: { code: 552, enhanced: "5.3.4", text: "Too big" } };
  const { outcomes } = judged([tooBig]);
  assert.deepEqual([outcomes[0]?.kind, outcomes[0]?.category, outcomes[0]?.hard_bounce], ["failed", "message_too_large", false]);
});
