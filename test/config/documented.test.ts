// The examples of the documentation are taken by the parser, and mean what the text beside them says.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { variableNames } from "../../src/config/variables.ts";
import { whyDispatched, whyRouted } from "../../src/domain/routeReasons.ts";
import { relaysFor } from "../../src/domain/routes.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { sendgridKeys } from "../support/notifications.ts";
import { snippetsFor } from "../support/snippets.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { configOf, faultsOf, warningsOf } from "./reading.ts";

const run = promisify(execFile);

const configurations = snippetsFor("a configuration");
const documents = [...new Set(configurations.map(({ page }) => page))].map((path) => ({
  path,
  blocks: configurations.filter(({ page }) => page === path).map(({ text }) => text),
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

test("every environment that is shown is one that Postern starts with, alone or with a relay", async () => {
  const shown = snippetsFor("an environment");
  assert.ok(shown.length > 0);
  for (const { page, line, text } of shown) {
    // A key of one's own stands there as "…".
    const command = `${text.replace("=…", `=${"k".repeat(40)}`).replace(/ npm start$/, " env")}; env`;
    const { stdout } = await run("/bin/sh", ["-c", command], { env: { PATH: process.env.PATH } });
    const set = Object.fromEntries(stdout.split("\n").map((row) => [row.slice(0, row.indexOf("=")), row.slice(row.indexOf("=") + 1)]));
    const names = [...text.matchAll(/(?:^|\s)([A-Z][A-Z_]+)=/g)].map(([, name = ""]) => name);
    const given = Object.fromEntries(names.map((name) => [name, set[name] ?? ""]));
    assert.ok(
      Object.values(given).every((value) => value !== ""),
      `${page}:${line}`,
    );
    for (const name of names) assert.ok((variableNames as string[]).includes(name), `${page}:${line}: ${name}`);
    assert.deepEqual(faultsOf({ env: { SMTP_URL: "smtp://smtp.example.com", ...given } }), [], `${page}:${line}`);
  }
});

test("the commands that make DKIM keys make such as the examples sign with, and print the records that verify them", async (t) => {
  const folder = await temporaryFolder({ name: "keys" });
  t.after(folder.remove);
  const printed: string[] = [];
  for (const { text } of snippetsFor("a key")) {
    printed.push((await run("/bin/sh", ["-c", text], { cwd: folder.path, env: { PATH: process.env.PATH } })).stdout.trim());
  }
  const made = Object.fromEntries(
    ["dkim-rsa.pem", "dkim-ed25519.pem"].map((name) => [`/run/secrets/${name}`, readFileSync(join(folder.path, name), "utf8")]),
  );
  const yaml = configurations.find(({ page, text }) => page === "docs/relays.md" && text.startsWith("dkim:"))?.text ?? "";
  const { dkim } = configOf({ env: { SMTP_URL: "smtp://smtp.example.com" }, files: made, yaml });
  const records = dkim.map(({ selector }) => printed.find((line) => line.includes(selector.startsWith("ed") ? "k=ed25519" : "k=rsa")));
  for (const [index, record = ""] of records.entries()) {
    const key = dkim[index]?.privateKey;
    assert.ok(key);
    const published = Buffer.from(/p=([A-Za-z0-9+/=]+)$/.exec(record)?.[1] ?? "", "base64");
    const whole = createPublicKey(key).export({ type: "spki", format: "der" });
    assert.ok(published.length >= 32 && whole.subarray(-published.length).equals(published), record);
  }
});

test("the dry run that docs/routes.md shows is what its first rules come to", () => {
  const [relays, first] = documents.find(({ path }) => path === "docs/routes.md")?.blocks ?? [];
  const { routes } = configOf({ yaml: `${relays}${first}` });
  const shown = snippetsFor("an answer").find(({ page }) => page === "docs/routes.md");
  const { route, dispatches } = JSON.parse(shown?.text ?? "") as {
    route: { recipient: string; rule: number; relays: string[]; because: string }[];
    dispatches: { relay: string; recipients: string[]; because: string }[];
  };
  for (const { recipient, rule, relays: chosen, because } of route) {
    const tags = [/tag (\w+)/.exec(because)?.[1] ?? ""];
    const message = { id: "msg_1", tenant: "default", key_id: "key_1", from: "a@shop.example", lane: "transactional" as const, tags };
    const routed = relaysFor(routes, message, recipient);
    assert.deepEqual([routed?.rule, routed?.relays], [rule, chosen]);
    assert.equal(routed && whyRouted(routes, message, recipient, routed), because);
  }
  for (const { relay, recipients, because } of dispatches) {
    assert.equal(whyDispatched({ relay, relays: route[0]?.relays ?? [], bytes: 431, recipients }, {}), because);
  }
});

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
