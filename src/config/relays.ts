// Relays: SMTP_URL and the file's `relays`. Both may be a URL with options as query; in the file every part may be a key of its own.
import { z } from "zod";
import type { RelayConfig, TlsMode } from "../domain/relay.ts";
import { type ConfigFault, inside, insideQuery, type Place } from "./faults.ts";
import { entriesOf, type Fields, readFields, type Tree } from "./fields.ts";
import { notYetSupported } from "./later.ts";
import { port, takeAddress, takeUrl } from "./url.ts";
import { credential, flag, host, oneOf, wholeNumber } from "./values.ts";

const tlsModes = ["required", "opportunistic", "implicit", "none"] as const satisfies readonly TlsMode[];
const connectionsDefault = 10;

/** What stands in a URL's query, or in the file beside `url` or `host`. */
const options = {
  connections: wholeNumber({ min: 1, max: 1_000 }),
  tls: oneOf(tlsModes),
  verify: flag,
  return_path: oneOf(["own", "from"]),
};
/** What the URL itself says, so that it must not stand beside one. */
const serverKeys = { host, port, user: credential, pass: credential };
const relayShape = { url: z.string({ error: "must be a URL like smtp://user:password@smtp.example.com:587" }), ...serverKeys, ...options };

/** What a relay may be called: the name stands in routes, metrics and the API. */
export const relayNamePattern = /^[a-z0-9-]{1,32}$/;

/** The name of the relay that SMTP_URL makes. */
export const smtpUrlRelayName = "default";

type Server = Fields<typeof serverKeys> & { overTls: boolean; options: Fields<typeof options> };

function readUrl(text: string, at: Place, faults: ConfigFault[]): Server | undefined {
  const taken = takeUrl(text, ["smtp", "smtps"]);
  if ("faults" in taken) {
    for (const problem of taken.faults) faults.push({ ...at, text: problem });
    return undefined;
  }
  const { scheme, hosts, path, query, ...login } = taken.value;
  const found = readFields({
    shape: options,
    tree: query,
    at,
    faults,
    later: notYetSupported.relay,
    place: (option) => insideQuery(at, option),
  });
  const address = takeAddress(hosts);
  if (!address || !(path === "" || path === "/")) {
    faults.push({ ...at, text: "must name one server as host, host:port or [IPv6]:port and have nothing but a query behind it" });
    return undefined;
  }
  for (const part of ["user", "pass"] as const) {
    const problem = login[part] === undefined ? undefined : credential.safeParse(login[part]).error?.issues[0]?.message;
    if (problem) faults.push({ ...at, text: `the ${part === "user" ? "user" : "password"} ${problem}` });
  }
  return { ...address, ...login, overTls: scheme === "smtps", options: found };
}

/** Applies the defaults and refuses what would show a password to the network. What it returns holds only if it added no fault. */
function settle(name: string, server: Server, at: Place, faults: ConfigFault[]): RelayConfig | undefined {
  const { user, pass, overTls } = server;
  const complain = (problem: string) => void faults.push({ ...at, text: problem });
  if (user !== undefined && pass === undefined) complain("has a user but no password: give both or neither");
  if (pass !== undefined && user === undefined) complain("has a password but no user: give both or neither");
  const withLogin = user !== undefined && pass !== undefined;

  // Submission with a login has its own port (RFC 6409, section 3.1); TLS from the first byte too (RFC 8314, section 7.3).
  const relayPort = server.port ?? (overTls ? 465 : withLogin ? 587 : 25);
  const tlsDefault: TlsMode = overTls || relayPort === 465 ? "implicit" : withLogin ? "required" : "opportunistic";
  const tlsGiven = server.options.tls;
  if (overTls && (tlsGiven === "none" || tlsGiven === "opportunistic")) {
    complain(`smtps:// is TLS from the first byte, tls ${tlsGiven} is not: write smtp:// or leave tls out`);
  } else if (withLogin && (tlsGiven === "none" || tlsGiven === "opportunistic")) {
    complain(
      `would send user and password without the protection of TLS (tls is ${tlsGiven}): set tls to required, or leave user and password out`,
    );
  }
  if (server.host === undefined) return undefined;
  return {
    name,
    host: server.host,
    port: relayPort,
    tls: overTls ? "implicit" : (tlsGiven ?? tlsDefault),
    verifyCertificate: server.options.verify ?? true,
    ...(withLogin && { auth: { user, pass } }),
    connections: server.options.connections ?? connectionsDefault,
    ...(server.options.return_path !== undefined && { returnPath: server.options.return_path }),
  };
}

/** The relay of SMTP_URL; undefined, with every fault added, if it is faulty. */
export function readSmtpUrl(text: string, source: string, faults: ConfigFault[]): RelayConfig | undefined {
  const before = faults.length;
  const at = { source, path: "" };
  const server = readUrl(text, at, faults);
  const relay = server && settle(smtpUrlRelayName, server, at, faults);
  return faults.length > before ? undefined : relay;
}

/** One relay of the file; undefined, with every fault added, if it is faulty. */
export function readRelay(name: string, tree: Tree, at: Place, faults: ConfigFault[]): RelayConfig | undefined {
  const before = faults.length;
  if (!relayNamePattern.test(name)) faults.push({ ...at, text: "a relay's name is 1 to 32 of a-z, 0-9 and -: rename it" });
  const fields = readFields({ shape: relayShape, tree, at, faults, later: notYetSupported.relay });
  const given = entriesOf(tree);
  if (!given) return undefined;
  if (!given.has("url") && !given.has("host")) faults.push({ ...at, text: "names no server: set url, or host" });
  const fromUrl = fields.url === undefined ? undefined : readUrl(fields.url, inside(at, "url"), faults);
  for (const key of Object.keys(serverKeys)) {
    if (given.has("url") && given.has(key)) faults.push({ ...inside(at, key), text: "the url says it: keep one of the two" });
  }
  for (const key of Object.keys(options) as (keyof typeof options)[]) {
    if (fromUrl?.options[key] === undefined || fields[key] === undefined) continue;
    faults.push({ ...inside(at, key), text: "the query of the url says it: keep one of the two" });
  }
  // What the login needs can be judged only where all that it consists of was readable.
  const judgeable = given.has("url")
    ? fromUrl
    : (["user", "pass", "tls"] as const).every((key) => given.has(key) === (fields[key] !== undefined));
  const relay =
    judgeable && settle(name, { overTls: false, ...fields, ...fromUrl, options: { ...fields, ...fromUrl?.options } }, at, faults);
  return relay && faults.length === before ? relay : undefined;
}
