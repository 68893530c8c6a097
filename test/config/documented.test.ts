// The examples of the documentation are taken by the parser, and mean what the text beside them says.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { relaysFor } from "../../src/domain/routes.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { sendgridKeys } from "../support/notifications.ts";
import { configOf, warningsOf } from "./reading.ts";

const documents = [
  "README.md",
  "docs/limits.md",
  "docs/routes.md",
  "docs/relays.md",
  "docs/suppressions.md",
  "docs/bounces.md",
  "docs/provider-notifications.md",
].map((path) => ({
  path,
  blocks: [...readFileSync(new URL(`../../${path}`, import.meta.url), "utf8").matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, yaml]) => yaml ?? "",
  ),
}));
const own = await selfSignedCertificate();
after(own.remove);
const privateKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
/** What the examples' variables and files hold. */
const env = {
  SES_USER: "user",
  SES_PASS: "password",
  GOOGLE_CLIENT: "c",
  GOOGLE_SECRET: "s",
  AZURE_CLIENT: "c",
  AZURE_SECRET: "s",
  RETURN_PATH_DOMAIN: "bounces.example.com",
};
const files = Object.fromEntries(
  Object.entries({
    "dkim.pem": privateKey,
    "dkim-rsa.pem": privateKey,
    "dkim-ed25519.pem": generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    "partner-password": "secret\n",
    "partner-ca.pem": own.cert,
    "postern-cert.pem": own.cert,
    "postern-key.pem": own.key,
    "google-token": "token\n",
    "sendgrid-webhook-key": sendgridKeys().base64,
    "postmark-password": "secret\n",
    "mailgun-signing-key": "secret\n",
    "service-account.json": JSON.stringify({ client_email: "s@example.com", private_key: privateKey }),
  }).map(([name, text]) => [`/run/secrets/${name}`, text]),
);

for (const { path, blocks } of documents) {
  test(`every example in ${path} is a configuration without a flaw`, () => {
    assert.ok(blocks.length > 0);
    const relays = blocks.find((yaml) => yaml.startsWith("relays:")) ?? "";
    for (const yaml of blocks) {
      const whole = yaml.startsWith("relays:") ? yaml : relays + yaml;
      // An example may leave relays out that another one uses, but no rule of it may be in vain.
      const warnings = warningsOf({ env, files, yaml: whole }).filter(
        (line) => !line.includes("no rule of routes that can match uses this relay"),
      );
      assert.deepEqual(warnings, [], yaml);
    }
  });
}

test("the first example of the routes sends mail as its remarks say", () => {
  const [relays, first] = documents.find(({ path }) => path === "docs/routes.md")?.blocks ?? [];
  const { routes } = configOf({ yaml: `${relays}${first}` });
  const message = { id: "msg_1", tenant: "default", key_id: "key_1", from: "a@shop.example", lane: "transactional" as const, tags: [] };
  const relaysOf = (changes: object, to = "ada@example.net") => relaysFor(routes, { ...message, ...changes }, to)?.relays;
  assert.deepEqual(relaysOf({ lane: "broadcast" }, "bob@mail.example.com"), ["office"]);
  assert.deepEqual(relaysOf({ lane: "broadcast", tags: ["invoice"] }), ["bulk", "ses"]);
  assert.deepEqual(relaysOf({ tags: ["receipt"] }), ["ses"]);
  assert.deepEqual(relaysOf({}), ["ses", "office"]);
});
