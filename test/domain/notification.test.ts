// Whose topics are trusted for what, and what providers call a message.
import assert from "node:assert/strict";
import { test } from "node:test";
import { notificationProviders, readSnsTopic } from "../../src/domain/notification.ts";
import { relayMessageIdIn } from "../../src/domain/relayMessageId.ts";

test("a topic's endpoint is that of its own region and partition", () => {
  const hostOf = (region: string, partition = "aws") => readSnsTopic(`arn:${partition}:sns:${region}:123456789012:bounces`)?.host;
  assert.equal(hostOf("eu-west-1"), "sns.eu-west-1.amazonaws.com");
  assert.equal(hostOf("ap-southeast-2"), "sns.ap-southeast-2.amazonaws.com");
  assert.equal(hostOf("us-gov-west-1", "aws-us-gov"), "sns.us-gov-west-1.amazonaws.com");
  assert.equal(hostOf("cn-north-1", "aws-cn"), "sns.cn-north-1.amazonaws.com.cn");
});

test("what is no topic's name is none, above all one whose region would name another host", () => {
  for (const arn of [
    "",
    "bounces",
    "arn:aws:sqs:eu-west-1:123456789012:bounces",
    "arn:aws:sns:eu-west-1:12345:bounces",
    "arn:aws:sns:eu-west-1:123456789012:",
    "arn:aws:sns:eu-west-1:123456789012:bounces:0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
    "arn:aws:sns:s3-eu-west-1:123456789012:bounces",
    "arn:aws:sns:evil.example/x:123456789012:bounces",
    "arn:aws-iso:sns:us-iso-east-1:123456789012:bounces",
    "arn:aws:sns:eu-west-1:123456789012:bounces\n",
  ]) {
    assert.equal(readSnsTopic(arn), undefined, arn);
  }
});

test("a provider's id is found in its reply, and only where its notifications are taken", () => {
  const replies = {
    ses: [
      "Ok 0102018d5f3a4b6c-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000",
      "0102018d5f3a4b6c-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000",
    ],
    sendgrid: ["Ok: queued as bdT3qimVR7SSpBEKunexIg", "bdT3qimVR7SSpBEKunexIg"],
    postmark: ["OK 883953f4-6105-42a2-a16a-77a8eac79483", "883953f4-6105-42a2-a16a-77a8eac79483"],
  } as const;
  for (const [provider, [text, id]] of Object.entries(replies)) {
    assert.equal(relayMessageIdIn({ text }, notificationProviders), id);
    assert.equal(
      relayMessageIdIn(
        { text },
        notificationProviders.filter((other) => other !== provider),
      ),
      undefined,
    );
  }
});

test("replies of other servers name no such id", () => {
  for (const text of [
    "",
    "Great success",
    "Ok: queued as 4XyZ12345",
    "OK  1461095248 m143si2210036ioe.159 - gsmtp",
    `Ok: queued as ${"x".repeat(65)}`,
  ]) {
    assert.equal(relayMessageIdIn({ text }, notificationProviders), undefined, text);
  }
});
