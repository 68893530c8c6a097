// Whether the domain of a return path says in DNS who may send for it (SPF, RFC 7208), and whether the relays that send for it are among them.
import { isIP } from "node:net";
import type { RelayConfig } from "../../domain/relay.ts";
import type { Dns } from "./dns.ts";
import { type DnsRecord, type Finding, type Findings, findingsOn } from "./finding.ts";
import { domainsOf, isSpf, letsSomebodySend, lookUpsOf, readSpf, type SpfRecord, spfLookUpsMax } from "./spf.ts";

/** What providers ask their customers to include, by the end of their relays' names. Those who want their own return path alone are not here. */
const includes: readonly { host: string; include: string }[] = [
  { host: "amazonaws.com", include: "amazonses.com" },
  { host: "sendgrid.net", include: "sendgrid.net" },
  { host: "mailgun.org", include: "mailgun.org" },
  { host: "gmail.com", include: "_spf.google.com" },
  { host: "office365.com", include: "spf.protection.outlook.com" },
  { host: "outlook.com", include: "spf.protection.outlook.com" },
  { host: "postmarkapp.com", include: "spf.mtasv.net" },
  { host: "mailjet.com", include: "spf.mailjet.com" },
  { host: "mandrillapp.com", include: "spf.mandrillapp.com" },
  { host: "smtp2go.com", include: "spf.smtp2go.com" },
  { host: "fastmail.com", include: "spf.messagingengine.com" },
  { host: "me.com", include: "icloud.com" },
  { host: "infomaniak.com", include: "spf.infomaniak.ch" },
  { host: "zoho.com", include: "zohomail.com" },
  { host: "zoho.eu", include: "zohomail.eu" },
];

/** What lets a relay send: a provider's include where it is known, else the relay's own addresses. */
function termOf({ host }: RelayConfig): { include?: string; term: string } {
  const known = includes.find((entry) => host === entry.host || host.endsWith(`.${entry.host}`));
  if (known) return { include: known.include, term: `include:${known.include}` };
  const version = isIP(host);
  return { term: version === 0 ? `a:${host}` : `ip${version}:${host}` };
}

/**
 * Checks one domain.
 * @param relays those that send with return paths of it
 */
export async function checkSpf({ domain, relays, dns }: { domain: string; relays: readonly RelayConfig[]; dns: Dns }): Promise<Finding[]> {
  const findings = findingsOn("spf", domain);
  const terms = [...new Set(relays.map((relay) => termOf(relay).term))];
  const record: DnsRecord = { name: domain, type: "TXT", value: ["v=spf1", ...terms, "~all"].join(" ") };
  const found = await dns.txt(domain);
  if (found.kind === "failed") {
    findings.warning(`DNS ${found.why}, so that nobody can tell who may send for it`, "try again, or ask another server with --dns");
    return findings.list;
  }
  const [text, ...others] = found.kind === "found" ? found.values.filter(isSpf) : [];
  if (text === undefined) {
    const guess = relays.every((relay) => termOf(relay).include === undefined)
      ? "publish a record like this, with the addresses from which your relays send on"
      : "publish a record like this";
    findings.fault("there is no SPF record: receivers cannot tell your mail from a forger's", guess, record);
  } else if (others.length > 0) {
    findings.fault(`there are ${others.length + 1} SPF records, and with more than one none counts (permerror)`, "join them into one", {
      ...record,
      value: joined([text, ...others]),
    });
  } else await judge({ text, domain, relays, dns, findings });
  return findings.list;
}

/** All terms of several records, each once; the last `all` ends them. */
function joined(texts: readonly string[]): string {
  const terms = texts.flatMap((text) => text.split(/ +/).slice(1)).filter((term) => term !== "");
  const isAll = (term: string) => /^[-+~?]?all$/i.test(term);
  return ["v=spf1", ...new Set(terms.filter((term) => !isAll(term))), terms.findLast(isAll) ?? "~all"].join(" ");
}

type Judged = { text: string; domain: string; relays: readonly RelayConfig[]; dns: Dns; findings: Findings };

async function judge({ text, domain, relays, dns, findings }: Judged): Promise<void> {
  const spf = readSpf(text);
  if ("fault" in spf) return findings.fault(`the SPF record cannot be read (permerror): ${spf.fault}`, "correct the term, or take it out");
  const before = findings.list.length;
  const all = spf.mechanisms.find(({ name }) => name === "all");
  if (all?.qualifier === "+") {
    findings.fault(
      "the SPF record ends in +all: it lets everybody send as this domain",
      "end it in ~all, or in -all once all your senders are in it",
    );
  } else if (!letsSomebodySend(spf)) {
    return findings.fault(
      "the SPF record lets nobody send: your own mail fails it",
      "add your relays in front of its end",
      proposal(text, domain, relays),
    );
  }
  if (!all && spf.redirect === undefined) {
    findings.warning(
      "the SPF record has no end: mail from elsewhere is neither refused nor suspected",
      "end it in ~all, or in -all once all your senders are in it",
      {
        ...{ name: domain, type: "TXT" },
        value: `${text.trimEnd()} ~all`,
      },
    );
  }
  const reach = await lookUps(spf, domain, dns);
  for (const fault of reach.faults)
    findings.fault(fault, "correct or remove that term: with it the whole record counts for nothing (permerror)");
  if (reach.count > spfLookUpsMax) {
    findings.fault(
      `the SPF record costs receivers ${reach.count} look-ups, and after ${spfLookUpsMax} they give up (permerror)`,
      "remove includes that nobody needs, or replace them by ip4 and ip6",
    );
  }
  if (reach.unknown.length > 0)
    findings.warning(
      `DNS does not tell the records of ${reach.unknown.join(", ")}, which this one includes`,
      "try again, or ask another server with --dns",
    );
  const missing = relays.filter((relay) => {
    const { include } = termOf(relay);
    return include !== undefined && !reach.domains.has(include);
  });
  for (const relay of missing) {
    findings.warning(
      `the SPF record does not include ${termOf(relay).include}, which the provider of the relay ${relay.name} asks for`,
      "add it",
      proposal(text, domain, [relay]),
    );
  }
  if (findings.list.length === before) findings.ok(`one SPF record, ${reach.count} of at most ${spfLookUpsMax} look-ups: ${text}`);
}

/** The record with the terms of these relays in front of its end. */
function proposal(text: string, domain: string, relays: readonly RelayConfig[]): DnsRecord {
  const [version = "", ...terms] = text.split(/ +/).filter((term) => term !== "");
  const wanted = relays.map((relay) => termOf(relay).term).filter((term) => !terms.includes(term));
  return { name: domain, type: "TXT", value: [version, ...new Set(wanted), ...terms].join(" ") };
}

type Reach = { count: number; domains: Set<string>; faults: string[]; unknown: string[] };

/** Reads all records that receivers would, as far as their own limit goes and a little further. */
async function lookUps(first: SpfRecord, domain: string, dns: Dns): Promise<Reach> {
  const reach: Reach = { count: lookUpsOf(first), domains: new Set(), faults: [], unknown: [] };
  const open = domainsOf(first);
  const seen = new Set([domain]);
  for (let next = open.shift(); next !== undefined && seen.size <= 3 * spfLookUpsMax; next = open.shift()) {
    reach.domains.add(next);
    if (seen.has(next)) continue;
    seen.add(next);
    const found = await dns.txt(next);
    if (found.kind === "failed") {
      reach.unknown.push(next);
      continue;
    }
    const texts = found.kind === "found" ? found.values.filter(isSpf) : [];
    const spf = texts.length === 1 ? readSpf(texts[0] ?? "") : { fault: texts.length === 0 ? "it has none" : "it has several" };
    if ("fault" in spf) {
      reach.faults.push(`the SPF record leads to ${next}, whose own record cannot be used: ${spf.fault}`);
      continue;
    }
    reach.count += lookUpsOf(spf);
    open.push(...domainsOf(spf));
  }
  return reach;
}
