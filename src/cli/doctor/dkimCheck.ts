// Whether what DNS publishes for a DKIM key is that key's public half (RFC 6376, section 3.6; RFC 8463).
import { createPublicKey, type KeyObject } from "node:crypto";
import type { DkimKey } from "../../domain/dkim.ts";
import type { Dns } from "./dns.ts";
import { type DnsRecord, type Finding, type Findings, findingsOn } from "./finding.ts";
import { readTags } from "./tags.ts";

/** RFC 8301, section 3.2: signers use keys of this size at least. */
const rsaBitsWanted = 2048;

type Published = { algorithm: "rsa" | "ed25519"; data: string; bits: number | undefined };

function publicHalf(privateKey: string): Published {
  const key: KeyObject = createPublicKey(privateKey);
  const der = key.export({ type: "spki", format: "der" });
  if (key.asymmetricKeyType !== "ed25519") {
    return { algorithm: "rsa", data: der.toString("base64"), bits: key.asymmetricKeyDetails?.modulusLength };
  }
  // The 32 bytes alone, without the algorithm in front of them (RFC 8463, section 4).
  return { algorithm: "ed25519", data: der.subarray(-32).toString("base64"), bits: undefined };
}

/** The record that publishes a key. */
export function dkimRecordOf({ domain, selector, privateKey }: DkimKey): DnsRecord {
  const { algorithm, data } = publicHalf(privateKey);
  return { name: `${selector}._domainkey.${domain}`, type: "TXT", value: `v=DKIM1; k=${algorithm}; p=${data}` };
}

/** Checks one key's record. */
export async function checkDkim(key: DkimKey, dns: Dns): Promise<Finding[]> {
  const record = dkimRecordOf(key);
  const findings = findingsOn("dkim", record.name);
  const found = await dns.txt(record.name);
  if (found.kind === "failed") {
    findings.warning(
      `DNS ${found.why}, so that nobody can tell whether the key is published`,
      "try again, or ask another server with --dns",
    );
    return findings.list;
  }
  const published = found.kind === "found" ? found.values : [];
  // Other texts may lie at the name; those that are none of DKIM's are passed over, as verifiers do.
  const keys = published.filter((text) => readTags(text).has("p"));
  const [only, ...others] = keys;
  if (only === undefined) {
    const what = published.length > 0 ? "holds no DKIM key (no p=)" : "does not exist";
    findings.fault(`the record ${what}: receivers cannot verify any signature of this key`, "publish this record", record);
  } else if (others.length > 0) {
    findings.fault(`${keys.length} keys are published under one name: receivers pick any of them`, "keep this record alone", record);
  } else judge(only, key, record, findings);
  return findings.list;
}

function judge(text: string, key: DkimKey, record: DnsRecord, findings: Findings): void {
  const { algorithm, data, bits } = publicHalf(key.privateKey);
  const tags = readTags(text);
  const before = findings.list.length;
  const published = (tags.get("p") ?? "").replace(/\s/g, "");
  const version = tags.get("v");
  const type = (tags.get("k") ?? "rsa").toLowerCase();
  const hashes = tags
    .get("h")
    ?.toLowerCase()
    .split(":")
    .map((hash) => hash.trim());
  if (version !== undefined && (version !== "DKIM1" || !/^\s*v\s*=/i.test(text))) {
    findings.fault("v= must be DKIM1 and stand first: receivers pass over the record", "publish this record in its place", record);
  } else if (published === "") {
    findings.fault(
      "the key is revoked (p= is empty): every signature of it fails",
      "publish this record in its place, or take a new selector",
      record,
    );
  } else if (type !== algorithm) {
    findings.fault(
      `the record is of a key of the kind ${type}, and the configured one is ${algorithm}`,
      "publish this record in its place, or correct the key's selector",
      record,
    );
  } else if (published !== data) {
    findings.fault(
      "another key is published than the configured one: every signature fails",
      "publish this record in its place, or configure the key that belongs to it",
      record,
    );
  } else if (hashes && !hashes.includes("sha256")) {
    findings.fault("h= does not allow sha256, by which Postern signs", "publish this record in its place", record);
  } else if (
    !["*", "email"].some((service) =>
      (tags.get("s") ?? "*")
        .toLowerCase()
        .split(":")
        .map((it) => it.trim())
        .includes(service),
    )
  ) {
    findings.fault("s= does not allow the key for email", "publish this record in its place", record);
  }
  if (findings.list.length > before) return;
  if (
    tags
      .get("t")
      ?.toLowerCase()
      .split(":")
      .map((flag) => flag.trim())
      .includes("y")
  ) {
    findings.warning(
      "the record says that the domain only tests DKIM (t=y): receivers may treat its mail as unsigned",
      "publish it without t=y",
      record,
    );
  }
  if (bits !== undefined && bits < rsaBitsWanted) {
    findings.warning(
      `the RSA key has ${bits} bits: some receivers take no less than ${rsaBitsWanted}`,
      `make a key of ${rsaBitsWanted} bits, and publish it under a new selector`,
    );
  }
  if (findings.list.length === before)
    findings.ok(`the published key is the configured one (${algorithm}${bits === undefined ? "" : ` of ${bits} bits`})`);
}
