// A DNS server that answers as a test tells it: addresses, texts, mail exchangers, a failure, or nothing at all. RFC 1035, and RFC 3596 for AAAA.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { pathToFileURL } from "node:url";

/**
 * What there is at a name, or how asking for it fails. A name that nobody set does not exist. Each text is one TXT record, sent in strings
 * of at most 255 octets; a mail exchanger is `10 mx.example.com`.
 */
export type DnsEntry = { a?: string[]; aaaa?: string[]; txt?: string[]; mx?: string[] } | "servfail" | "silent";

/** What a name stands for, or who says so at each question. */
type Entry = DnsEntry | (() => DnsEntry);

export type DnsServer = {
  /** What a process has to be started with to ask this server. Its system's resolver (`getaddrinfo`) is not touched. */
  readonly env: { NODE_OPTIONS: string; TEST_DNS_SERVER: string };
  /** `127.0.0.1:PORT` */
  readonly address: string;
  set(name: string, entry: Entry): void;
  /** Questions so far, like `A smtp.test`. */
  readonly questions: string[];
  stop(): Promise<void>;
};

const types: Record<number, "A" | "MX" | "TXT" | "AAAA"> = { 1: "A", 15: "MX", 16: "TXT", 28: "AAAA" };
const failed = 2;
const noSuchName = 3;

/** Starts it on a loopback port. */
export async function startDnsServer(entries: Record<string, DnsEntry> = {}): Promise<DnsServer> {
  const table = new Map<string, Entry>(Object.entries(entries));
  const questions: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, { address, port }) => {
    const { name, type, end } = questionOf(query);
    questions.push(`${types[type] ?? type} ${name}`);
    const said = table.get(name);
    const entry = typeof said === "function" ? said() : said;
    if (entry === "silent") return;
    const found = entry === undefined || entry === "servfail" ? [] : recordsOf(entry, type);
    const code = entry === undefined ? noSuchName : entry === "servfail" ? failed : 0;
    socket.send(answerTo(query.subarray(0, end), type, found, code), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const address = `127.0.0.1:${socket.address().port}`;
  const preload = pathToFileURL(new URL("./askDnsServer.mjs", import.meta.url).pathname).href;
  return {
    env: { NODE_OPTIONS: `--import=${preload}`, TEST_DNS_SERVER: address },
    address,
    set: (name, entry) => void table.set(name, entry),
    questions,
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** The one question of a query, and where it ends. */
function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** The data of the records of one type (RFC 1035, section 3.3). */
function recordsOf({ a = [], aaaa = [], txt = [], mx = [] }: Exclude<DnsEntry, string>, type: number): Buffer[] {
  switch (types[type]) {
    case "A":
      return a.map(bytesOf);
    case "AAAA":
      return aaaa.map(bytesOf);
    case "TXT":
      return txt.map((text) => Buffer.concat((text.match(/.{1,255}/gs) ?? [""]).map(counted)));
    case "MX":
      return mx.map((exchange) => {
        const [priority, host = ""] = exchange.split(" ");
        const labels = host.split(".").filter((label) => label !== "");
        return Buffer.concat([Buffer.of(0, Number(priority)), ...labels.map(counted), Buffer.of(0)]);
      });
    default:
      return [];
  }
}

/** A string with its length in front of it. */
function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** The answer to a query that ends with its question. */
function answerTo(query: Buffer, type: number, found: Buffer[], code: number): Buffer {
  const head = Buffer.from(query);
  // A reply to a recursive question, from a server that recurses.
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(found.length, 6);
  head.writeUInt32BE(0, 8);
  const records = found.map((bytes) => {
    const record = Buffer.alloc(12);
    // The name is that of the question, which begins behind the header.
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(1, 6);
    record.writeUInt16BE(bytes.length, 10);
    return Buffer.concat([record, bytes]);
  });
  return Buffer.concat([head, ...records]);
}

function bytesOf(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split(".").map(Number));
  const [before = "", after = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [left, right] = [groups(before), groups(after)];
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
