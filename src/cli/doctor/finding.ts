// What the doctor found: one line about one thing, and what to do about it.

/** `warning`: it works, but not as well as it should, or nobody could tell. `skipped`: it was not looked at, and the text says why. */
export type Verdict = "ok" | "warning" | "fault" | "skipped";

/** A DNS record to publish. `value` of a TXT record is its whole text; it is split into strings only where it is printed. */
export type DnsRecord = { name: string; type: "TXT" | "MX"; value: string };

export type Finding = {
  area: "redis" | "relay" | "dkim" | "spf" | "dmarc" | "return_path";
  /** Which one: a relay's name, a domain, a record's name. */
  subject: string;
  verdict: Verdict;
  /** What is so, in one line. */
  text: string;
  /** The way out; only with a warning or a fault. */
  remedy?: string;
  /** What to publish, where that is the way out. */
  record?: DnsRecord;
};

/** The findings of one thing: the caller says what is so, area and subject are filled in. */
export type Findings = {
  readonly list: Finding[];
  ok(text: string): void;
  skipped(text: string): void;
  warning(text: string, remedy: string, record?: DnsRecord): void;
  fault(text: string, remedy: string, record?: DnsRecord): void;
};

/** Begins a list of findings about one thing. */
export function findingsOn(area: Finding["area"], subject: string): Findings {
  const list: Finding[] = [];
  const add = (verdict: Verdict, text: string, remedy?: string, record?: DnsRecord) =>
    void list.push({ area, subject, verdict, text, ...(remedy !== undefined && { remedy }), ...(record && { record }) });
  return {
    list,
    ok: (text) => add("ok", text),
    skipped: (text) => add("skipped", text),
    warning: (text, remedy, record) => add("warning", text, remedy, record),
    fault: (text, remedy, record) => add("fault", text, remedy, record),
  };
}

const stringOctetsMax = 255;

/** A record as a line of a zone file; a TXT value in strings of at most 255 octets (RFC 1035, section 3.3.14), which readers join. */
export function zoneLine({ name, type, value }: DnsRecord): string {
  if (type !== "TXT") return `${name}. IN ${type} ${value}`;
  const pieces = value.match(new RegExp(`.{1,${stringOctetsMax}}`, "g")) ?? [""];
  return `${name}. IN TXT ${pieces.length > 1 ? "( " : ""}${pieces.map((piece) => `"${piece.replaceAll(/["\\]/g, "\\$&")}"`).join(" ")}${pieces.length > 1 ? " )" : ""}`;
}
