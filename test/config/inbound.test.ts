// The section `inbound`: whose notifications are taken, and what they are verified by.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { printableConfig } from "../../src/config/print.ts";
import { sendgridKeys, topicArn } from "../support/notifications.ts";
import { configOf, faultsOf } from "./reading.ts";

const sendgrid = sendgridKeys();
const canary = "CANARY5f1d";
const inbound = (section: unknown) => stringify({ inbound: section });
const faults = (section: unknown, files: Record<string, string> = {}) => faultsOf({ yaml: inbound(section), files });

test("without the section no provider is listened to", () => {
  assert.deepEqual(configOf({}).inbound, {});
  assert.deepEqual(configOf({ yaml: "inbound:\n" }).inbound, {});
});

test("each provider is read with what verifies it, secrets from files too", () => {
  const files = {
    "/run/secrets/key": "mailgun-key\n",
    "/run/secrets/sendgrid": `${sendgrid.base64}\n`,
    "/run/secrets/word": "pass: word \n",
  };
  const { inbound: read } = configOf({
    yaml: inbound({
      ses: { topics: [topicArn, "arn:aws-cn:sns:cn-north-1:123456789012:ses"] },
      sendgrid: { public_key_file: "/run/secrets/sendgrid" },
      postmark: { username: "postmark", password_file: "/run/secrets/word" },
      mailgun: { signing_key_file: "/run/secrets/key" },
    }),
    files,
  });
  assert.deepEqual(read, {
    ses: {
      topics: [
        { arn: topicArn, host: "sns.eu-west-1.amazonaws.com" },
        { arn: "arn:aws-cn:sns:cn-north-1:123456789012:ses", host: "sns.cn-north-1.amazonaws.com.cn" },
      ],
    },
    sendgrid: { publicKeys: [sendgrid.pem] },
    postmark: { username: "postmark", password: "pass: word " },
    mailgun: { signingKey: "mailgun-key" },
  });
});

test("a provider that is named with nothing behind it is not taken for one that is not named", () => {
  assert.match(faultsOf({ yaml: "inbound:\n  mailgun:\n" })[0] ?? "", /inbound\.mailgun: names no signing_key/);
});

test("SendGrid's key is taken as it shows it or as PEM, and there may be several", () => {
  const other = sendgridKeys();
  const read = configOf({ yaml: inbound({ sendgrid: { public_key: [sendgrid.base64, other.pem] } }) }).inbound.sendgrid?.publicKeys ?? [];
  assert.deepEqual(read, [sendgrid.pem, other.pem]);
  assert.equal(createPublicKey(read[0] ?? "").asymmetricKeyDetails?.namedCurve, "prime256v1");
});

test("what could verify nothing is a fault that names its place and the way out", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "pem", type: "spki" });
  const otherCurve = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).publicKey.export({ format: "der", type: "spki" });
  const key = /inbound\.sendgrid\.public_key.*must be the verification key that SendGrid shows/;
  const expected: [unknown, RegExp][] = [
    ["all", /inbound: must be a mapping/],
    [{ mandrill: {} }, /inbound\.mandrill: unknown key: known are ses, sendgrid, postmark, mailgun/],
    [{ mailgun: "key" }, /inbound\.mailgun: must be a mapping/],
    [{ mailgun: {} }, /inbound\.mailgun: names no signing_key: set it/],
    [{ mailgun: { signing_key: "" } }, /inbound\.mailgun\.signing_key: is empty/],
    [{ mailgun: { signing_key: "a", signing_key_file: "/run/b" } }, /inbound\.mailgun\.signing_key_file: signing_key is set too/],
    [{ mailgun: { signing_key_file: "/run/none" } }, /inbound\.mailgun\.signing_key_file: the file that it names cannot be read/],
    [{ postmark: { username: "u" } }, /inbound\.postmark: names no password/],
    [{ postmark: { username: "u:v", password: "p" } }, /inbound\.postmark\.username: must not hold a colon/],
    [{ ses: { topics: [] } }, /inbound\.ses\.topics: needs at least one topic/],
    [{ ses: { topics: "all" } }, /inbound\.ses\.topics: must be a list of topics/],
    [{ ses: { topics: [topicArn, "ses-events"] } }, /inbound\.ses\.topics\[1\]: must be the ARN of a topic/],
    [{ sendgrid: { public_key: "MFkw" } }, key],
    [{ sendgrid: { public_key: rsa } }, key],
    [{ sendgrid: { public_key: otherCurve.toString("base64") } }, key],
    [{ sendgrid: { public_key: [sendgrid.base64, "x"] } }, /inbound\.sendgrid\.public_key\[1\]/],
  ];
  for (const [section, fault] of expected) {
    const found = faults(section);
    assert.equal(found.length, 1, JSON.stringify([section, found]));
    assert.match(found[0] ?? "", fault);
  }
});

test("no secret of a provider is shown, neither by a fault nor by the printed configuration", () => {
  const section = {
    ses: { topics: [topicArn] },
    sendgrid: { public_key: sendgrid.base64 },
    postmark: { username: canary, password: canary },
    mailgun: { signing_key: canary },
  };
  const printed = printableConfig(configOf({ yaml: inbound(section) }));
  assert.ok(!printed.includes(canary));
  assert.deepEqual(Object.keys(parse(printed).inbound), ["ses", "sendgrid", "postmark", "mailgun"]);
  assert.deepEqual(parse(printed).inbound.ses.topics, [topicArn]);
  for (const broken of [`${canary}\u0007`, [canary], { key: canary }]) {
    const found = faults({ mailgun: { signing_key: broken }, postmark: { username: broken, password: broken } });
    assert.ok(found.length > 0 && !found.join().includes(canary), found.join("\n"));
  }
});
