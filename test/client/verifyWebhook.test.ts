// A webhook is taken from whoever has the secret, fresh and unchanged, and from nobody else; Postern's own signer and the reference library agree.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { type ReceivedWebhook, verifyWebhook, WebhookError, type WebhookFault } from "../../src/client/client.ts";
import { signatureHeaders } from "../../src/notify/signature.ts";

const secret = `whsec_${Buffer.from("a secret of thirty-two bytes long").toString("base64")}`;
const otherSecret = `whsec_${Buffer.from("another one, as long as the first").toString("base64")}`;
const body = JSON.stringify({
  type: "message.sent",
  timestamp: "2026-01-31T09:00:00.000Z",
  data: { id: "evt_1", recipient: "jörg@example.net" },
});
const signed = (webhook: Parameters<typeof signatureHeaders>[2] = { secret }, now = Date.now()) =>
  signatureHeaders("evt_1", body, webhook, now);

async function refusedAs(code: WebhookFault, webhook: ReceivedWebhook): Promise<void> {
  await assert.rejects(verifyWebhook(webhook), (error) => error instanceof WebhookError && error.code === code, code);
}

test("what Postern signs is taken, as text or bytes, with headers of any kind", async () => {
  const headers = signed();
  const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]));
  for (const given of [headers, new Headers(headers), upper]) {
    for (const text of [body, Buffer.from(body), new Uint8Array(Buffer.from(body))]) {
      assert.deepEqual(await verifyWebhook({ body: text, headers: given, secret }), JSON.parse(body));
    }
  }
});

test("while a secret is being rotated either one verifies, and a receiver may know both", async () => {
  const headers = signed({ secret, previous: [{ secret: otherSecret, until: Date.now() + 60_000 }] });
  for (const known of [secret, otherSecret, [otherSecret, secret], secret.slice("whsec_".length)]) {
    assert.deepEqual(await verifyWebhook({ body, headers, secret: known }), JSON.parse(body));
  }
  await verifyWebhook({ body, headers: signed(), secret: [otherSecret, secret] });
  await refusedAs("wrong_signature", { body, headers: signed(), secret: otherSecret });
});

test("any byte, id or time that was changed is refused", async () => {
  const headers = signed();
  for (const changed of [body.replace("sent", "Sent"), `${body} `, body.slice(0, -1), ""]) {
    await refusedAs("wrong_signature", { body: changed, headers, secret });
  }
  await refusedAs("wrong_signature", { body, headers: { ...headers, "webhook-id": "evt_2" }, secret });
  const later = String(Number(headers["webhook-timestamp"]) + 1);
  await refusedAs("wrong_signature", { body, headers: { ...headers, "webhook-timestamp": later }, secret });
});

test("a webhook of long ago, or of the future, is refused though its signature is good", async () => {
  const minutes = 60_000;
  await verifyWebhook({ body, headers: signed({ secret }, Date.now() - 4 * minutes), secret });
  await refusedAs("too_old", { body, headers: signed({ secret }, Date.now() - 6 * minutes), secret });
  await refusedAs("too_new", { body, headers: signed({ secret }, Date.now() + 6 * minutes), secret });
  await verifyWebhook({ body, headers: signed({ secret }, Date.now() - 6 * minutes), secret, toleranceMs: 10 * minutes });
});

test("headers that are missing, doubled or no such thing are refused", async () => {
  const headers = signed();
  for (const name of Object.keys(headers)) {
    await refusedAs("missing_header", { body, headers: { ...headers, [name]: undefined }, secret });
    await refusedAs("missing_header", { body, headers: { ...headers, [name]: [headers[name] ?? "", "x"] }, secret });
  }
  for (const timestamp of ["soon", "1e9", "-1", ` ${headers["webhook-timestamp"]}`, "9".repeat(13)]) {
    await refusedAs("malformed_header", { body, headers: { ...headers, "webhook-timestamp": timestamp }, secret });
  }
  const good = headers["webhook-signature"] ?? "";
  for (const signature of ["v1,", "v1", good.slice(3), good.replace("v1,", "v1a,"), "v1,!!", `v1,${good}`, good.slice(0, -4)]) {
    await refusedAs("wrong_signature", { body, headers: { ...headers, "webhook-signature": signature }, secret });
  }
  // Unknown versions stand beside known ones.
  await verifyWebhook({ body, headers: { ...headers, "webhook-signature": `v1a,AAAA v2,x ${good}` }, secret });
});

test("a signature among thousands is not looked for", async () => {
  const headers = signed();
  const many = `${"v1,AAAA ".repeat(5_000)}${headers["webhook-signature"]}`;
  await refusedAs("wrong_signature", { body, headers: { ...headers, "webhook-signature": many }, secret });
});

test("a signed body that is no JSON is refused as such, and a secret that is none is the receiver's fault", async () => {
  await refusedAs("malformed_body", { body: "hello", headers: signatureHeaders("evt_1", "hello", { secret }, Date.now()), secret });
  for (const none of ["", "whsec_", "whsec_!", undefined as unknown as string, [] as string[]]) {
    await assert.rejects(verifyWebhook({ body, headers: signed(), secret: none }), { name: "TypeError", message: /^secret: / });
  }
});

test("the reference library takes and refuses the same", async () => {
  const flaws = fc.constantFrom("none", "id", "body", "signature", "secret");
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.stringMatching(/^[!-~]{1,40}$/),
      fc.jsonValue(),
      flaws,
      async (key, id, value, flaw) => {
        const whole = `whsec_${Buffer.from(key).toString("base64")}`;
        const text = JSON.stringify(value);
        const at = new Date();
        const headers = {
          "webhook-id": flaw === "id" ? `${id}x` : id,
          "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
          "webhook-signature": new Webhook(whole).sign(id, at, text) + (flaw === "signature" ? "A" : ""),
        };
        const received = { body: flaw === "body" ? `${text} ` : text, headers, secret: flaw === "secret" ? otherSecret : whole };
        const theirs = (() => {
          try {
            return { event: new Webhook(received.secret).verify(received.body, headers) };
          } catch {
            return "refused";
          }
        })();
        const ours = await verifyWebhook(received).then(
          (event) => ({ event }),
          () => "refused",
        );
        assert.deepEqual(ours, theirs);
      },
    ),
    { numRuns: 300 },
  );
});
