// The file's section `inbound`: the providers whose notifications are taken, each with what it is verified by.
import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { type InboundConfig, readSnsTopic } from "../domain/notification.ts";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import { entriesOf, type Fields, readFields, type Shape, type Tree } from "./fields.ts";
import { readTwins } from "./fileTwins.ts";
import { anything, credential, oneOrMore, scalar } from "./values.ts";
import type { ReadFile } from "./variables.ts";

/** SendGrid shows its key as base64 of DER (SubjectPublicKeyInfo) without PEM's frame. Returns PEM; undefined for no key of P-256. */
function readSendgridKey(text: string): string | undefined {
  const base64 = text.replace(/-----(?:BEGIN|END) PUBLIC KEY-----/g, "").replace(/\s/g, "");
  if (!/^[A-Za-z0-9+/]{64,512}={0,2}$/.test(base64)) return undefined;
  try {
    const key = createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
    if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") return undefined;
    return key.export({ format: "pem", type: "spki" }).toString();
  } catch {
    return undefined;
  }
}

const topic = scalar("the ARN of a topic, like arn:aws:sns:eu-west-1:123456789012:ses-events", readSnsTopic);
const topics = z
  .array(topic, { error: "must be a list of topics, like [arn:aws:sns:eu-west-1:123456789012:ses-events]" })
  .min(1, { error: "needs at least one topic: only what comes from these is taken" });
const publicKey = scalar("the verification key that SendGrid shows for its signed Event Webhook (P-256)", readSendgridKey);

/** It ends at the first colon (RFC 7617, section 2). */
const userName = credential.refine((text) => !text.includes(":"), { error: "must not hold a colon" });

const shapes = {
  ses: { topics },
  sendgrid: { public_key: oneOrMore(publicKey) },
  postmark: { username: userName, password: credential },
  mailgun: { signing_key: credential },
};
/** Keys that may name a file. */
const secrets = ["public_key", "username", "password", "signing_key"];

type Given = { at: Place; faults: ConfigFault[]; readFile: ReadFile };

/** A provider's keys; undefined where it is not named, or not set up wholly. */
function readProvider<S extends Shape>(shape: S, tree: Tree | undefined, { at, faults, readFile }: Given): Required<Fields<S>> | undefined {
  if (tree === undefined) return undefined;
  const entries = entriesOf(tree);
  const keys = Object.keys(shape);
  const twins = readTwins({ tree: entries ?? new Map(), keys: secrets.filter((key) => keys.includes(key)), at, faults, readFile });
  const fields = readFields({ shape, tree: entries ? twins.tree : tree, at, faults, place: twins.placeOf });
  for (const key of entries ? keys : [])
    if (!twins.given.has(key)) faults.push({ ...at, text: `names no ${key}: set it, or leave this out` });
  return keys.every((key) => Object.hasOwn(fields, key)) ? (fields as Required<Fields<S>>) : undefined;
}

/** Reads the section, adding every fault; what is returned holds the providers that are complete. */
export function readInbound(tree: Tree | undefined, given: Given): InboundConfig {
  const { at, faults } = given;
  const trees = readFields({ shape: { ses: anything, sendgrid: anything, postmark: anything, mailgun: anything }, tree, at, faults });
  const within = (provider: keyof typeof shapes) => ({ ...given, at: inside(at, provider) });
  const ses = readProvider(shapes.ses, trees.ses, within("ses"));
  const sendgrid = readProvider(shapes.sendgrid, trees.sendgrid, within("sendgrid"));
  const postmark = readProvider(shapes.postmark, trees.postmark, within("postmark"));
  const mailgun = readProvider(shapes.mailgun, trees.mailgun, within("mailgun"));
  return {
    ...(ses && { ses }),
    ...(sendgrid && { sendgrid: { publicKeys: [sendgrid.public_key].flat() } }),
    ...(postmark && { postmark }),
    ...(mailgun && { mailgun: { signingKey: mailgun.signing_key } }),
  };
}
