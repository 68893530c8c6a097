// Whether a sender domain has a DMARC policy (RFC 7489), and whether what Postern signs and the return paths it uses are aligned with it.
import { getDomain } from "tldts";
import type { Dns, Found } from "./dns.ts";
import { type DnsRecord, type Finding, type Findings, findingsOn } from "./finding.ts";
import { readTags } from "./tags.ts";

/** What mail with a From of this domain carries. */
export type SenderIdentity = {
  /** Of the header From. */
  fromDomain: string;
  /** `d=` of the signatures that Postern makes for it. */
  signingDomains: readonly string[];
  /** The domains of the envelope senders that it goes with, by relay. */
  returnPathDomains: readonly string[];
};

/** The organizational domain (RFC 7489, section 3.2), by the public suffix list, private suffixes included; undefined for a suffix itself. */
export function organizationalDomain(domain: string): string | undefined {
  return getDomain(domain, { allowPrivateDomains: true }) ?? undefined;
}

const isDmarc = (text: string) => /^v\s*=\s*DMARC1\s*(?:;|$)/.test(text);

type Policy = { text: string; at: string };

/** The policy that counts for a domain: its own, else that of the organizational domain (RFC 7489, section 6.6.3). */
async function policyFor(domain: string, dns: Dns): Promise<Found<Policy>> {
  const places = [domain, organizationalDomain(domain)].filter((place): place is string => place !== undefined);
  for (const place of new Set(places)) {
    const at = `_dmarc.${place}`;
    const found = await dns.txt(at);
    if (found.kind === "failed") return found;
    const values = found.kind === "found" ? found.values.filter(isDmarc).map((text) => ({ text, at })) : [];
    if (values.length > 0) return { kind: "found", values };
  }
  return { kind: "none" };
}

/** Checks one sender domain. */
export async function checkDmarc(identity: SenderIdentity, dns: Dns): Promise<Finding[]> {
  const { fromDomain } = identity;
  const findings = findingsOn("dmarc", fromDomain);
  const found = await policyFor(fromDomain, dns);
  const record: DnsRecord = {
    ...{ name: `_dmarc.${organizationalDomain(fromDomain) ?? fromDomain}`, type: "TXT" },
    value: `v=DMARC1; p=none; rua=mailto:postmaster@${organizationalDomain(fromDomain) ?? fromDomain}`,
  };
  if (found.kind === "failed") {
    findings.warning(`DNS ${found.why}, so that nobody can tell its DMARC policy`, "try again, or ask another server with --dns");
  } else if (found.kind === "none") {
    findings.fault(
      "there is no DMARC record: Google, Yahoo and Microsoft refuse or junk bulk mail of such domains",
      "publish this record, and raise p= to quarantine or reject once the reports show that your mail passes",
      record,
    );
  } else if (found.values.length > 1) {
    findings.fault(
      `there are ${found.values.length} DMARC records at ${found.values[0]?.at}, and with more than one none counts`,
      "keep one of them alone",
    );
  } else judge(found.values[0] as Policy, identity, findings, record);
  return findings.list;
}

function judge({ text, at }: Policy, identity: SenderIdentity, findings: Findings, record: DnsRecord): void {
  const { fromDomain } = identity;
  const tags = readTags(text);
  const [p, sp] = [tags.get("p")?.toLowerCase(), tags.get("sp")?.toLowerCase()];
  if (p === undefined || !["none", "quarantine", "reject"].includes(p)) {
    findings.fault(`the record at ${at} has no policy (p= must be none, quarantine or reject)`, "correct it", { ...record, name: at });
    return;
  }
  const policy = at === `_dmarc.${fromDomain}` ? p : (sp ?? p);
  const strict = (tag: string) => tags.get(tag)?.toLowerCase() === "s";
  const ways = [
    ...identity.signingDomains.filter((domain) => isAligned(domain, fromDomain, strict("adkim"))).map((domain) => `DKIM by ${domain}`),
    ...identity.returnPathDomains
      .filter((domain) => isAligned(domain, fromDomain, strict("aspf")))
      .map((domain) => `SPF by the return path ${domain}`),
  ];
  if (ways.length > 0) {
    findings.ok(`policy ${policy}; aligned by ${[...new Set(ways)].join(" and ")}`);
  } else {
    const what = misaligned(identity, strict("adkim"), strict("aspf"));
    const consequence =
      policy === "none"
        ? "mail passes DMARC only if a relay signs for the domain itself"
        : `with the policy ${policy}, mail is lost unless a relay signs for the domain itself`;
    const remedy = `configure a DKIM key for ${fromDomain}, or let the relay sign for it`;
    if (policy !== "none" && identity.signingDomains.length > 0) findings.fault(`${what}: ${consequence}`, remedy);
    else findings.warning(`${what}: ${consequence}`, remedy);
  }
  if (!/^mailto:/i.test(tags.get("rua") ?? "")) {
    findings.warning("nobody gets its reports (no rua=)", "name an address for them, so that you see who sends as you", {
      name: at,
      type: "TXT",
      value: withReports(text, record),
    });
  }
}

function withReports(text: string, record: DnsRecord): string {
  return `${text.trim().replace(/;$/, "")}; ${record.value.split("; ").at(-1)}`;
}

/** RFC 7489, section 3.1: the same domain, or, relaxed, the same organizational domain. */
export function isAligned(domain: string, fromDomain: string, strict: boolean): boolean {
  if (domain === fromDomain) return true;
  const organization = organizationalDomain(fromDomain);
  return !strict && organization !== undefined && organizationalDomain(domain) === organization;
}

function misaligned({ signingDomains, returnPathDomains }: SenderIdentity, strictDkim: boolean, strictSpf: boolean): string {
  const signed =
    signingDomains.length === 0
      ? "Postern has no DKIM key for it"
      : `its signature is by ${signingDomains.join(", ")}${strictDkim ? ", and adkim=s wants the very domain" : ""}`;
  const paths =
    returnPathDomains.length === 0
      ? ""
      : `, and the return path ${[...new Set(returnPathDomains)].join(", ")} is ${strictSpf ? "not the very domain (aspf=s)" : "of another domain"}`;
  return `${signed}${paths}`;
}
