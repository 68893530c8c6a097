// Relays: SMTP_URL and the file's `relays`. Both may be a URL with options as query; in the file every part may be a key of its own.
import { z } from "zod";
import type { RelayConfig, TlsMode } from "../domain/relay.ts";
import { type ConfigFault, inside, insideQuery, type Place } from "./faults.ts";
import { entriesOf, type Fields, readFields, type Tree } from "./fields.ts";
import { readTwins } from "./fileTwins.ts";
import { type Provider, providerHost, providers } from "./providers.ts";
import { authMethod, settleAuth } from "./relayAuth.ts";
import { limitsShape, settleLimits, structuredLimitsShape } from "./relayLimits.ts";
import { readProxy } from "./relayProxy.ts";
import { settleTls, tlsMode, tlsShape, tlsTwins } from "./relayTls.ts";
import { port, takeAddress, takeUrl } from "./url.ts";
import { anything, credential, flag, host, oneOf, scalar, wholeNumber } from "./values.ts";
import type { ReadFile } from "./variables.ts";

const connectionsDefault = 10;

/** What stands in a URL's query, or in the file beside `url` or `host`. */
const options = {
  connections: wholeNumber({ min: 1, max: 1_000 }),
  tls: tlsMode,
  verify: flag,
  ...tlsShape,
  ...limitsShape,
  return_path: oneOf(["own", "from"]),
  provider: oneOf(Object.keys(providers)),
  region: scalar("a provider's region", (text) => (/^[a-z0-9-]{1,32}$/.test(text) ? text : undefined)),
  proxy: z.string({ error: "must be a URL like http://proxy.example.com:3128 or socks5://proxy.example.com:1080" }),
};
const optionTwins = [...tlsTwins, "proxy"] as const;
/** What the URL itself says, so that it must not stand beside one. */
const serverKeys = { host, port, user: credential, pass: credential };
const relayShape = {
  url: z.string({ error: "must be a URL like smtp://user:password@smtp.example.com:587" }),
  ...serverKeys,
  ...options,
  ...structuredLimitsShape,
  auth: anything,
};
const queryShape = { ...options, auth: authMethod };

/** What a relay may be called: the name stands in routes, metrics and the API. */
export const relayNamePattern = /^[a-z0-9-]{1,32}$/;

/** The name of the relay that SMTP_URL makes. */
export const smtpUrlRelayName = "default";

type Placed = { placeOf: (key: string) => Place };
type Server = Fields<typeof serverKeys> & Placed & { overTls: boolean; options: Fields<typeof options>; auth?: Tree };
type Reading = { at: Place; faults: ConfigFault[]; readFile: ReadFile };

function readUrl(text: string, { at, faults, readFile }: Reading): Server | undefined {
  const taken = takeUrl(text, ["smtp", "smtps"]);
  if ("faults" in taken) {
    for (const problem of taken.faults) faults.push({ ...at, text: problem });
    return undefined;
  }
  const { scheme, hosts, path, query, ...login } = taken.value;
  const place = (option: string) => insideQuery(at, option);
  const { tree, placeOf } = readTwins({ tree: query, keys: optionTwins, at, faults, readFile, place });
  const { auth, ...found } = readFields({ shape: queryShape, tree, at, faults, place: placeOf });
  const address = takeAddress(hosts);
  if (!address || !(path === "" || path === "/")) {
    faults.push({ ...at, text: "must name one server as host, host:port or [IPv6]:port and have nothing but a query behind it" });
    return undefined;
  }
  for (const part of ["user", "pass"] as const) {
    const problem = login[part] === undefined ? undefined : credential.safeParse(login[part]).error?.issues[0]?.message;
    if (problem) faults.push({ ...at, text: `the ${part === "user" ? "user" : "password"} ${problem}` });
  }
  return { ...address, ...login, overTls: scheme === "smtps", options: found, placeOf, ...(auth !== undefined && { auth }) };
}

/** The provider that is named, or whose host it is. */
function providerOf({ options: { provider }, host: name }: Server): Provider | undefined {
  return provider === undefined ? Object.values(providers).find((known) => known.host === name) : providers[provider];
}

/** Applies the defaults and refuses what would show a password to the network. What it returns holds only if it added no fault. */
function settle(
  name: string,
  server: Server,
  { at, faults, readFile, structure = {} }: Reading & { structure?: Fields<typeof structuredLimitsShape> },
): RelayConfig | undefined {
  const { user, pass, overTls, options: given, placeOf } = server;
  const complain = (problem: string) => void faults.push({ ...at, text: problem });
  const known = providerOf(server);
  // Only what is asked for by name fills anything in.
  const provider = given.provider === undefined ? undefined : known;
  const located = provider && server.host === undefined ? providerHost(provider, given.region) : undefined;
  if (located && "fault" in located) faults.push({ ...placeOf("region"), text: located.fault });
  if (given.region !== undefined && !located)
    faults.push({ ...placeOf("region"), text: "belongs to a provider without a host: leave it out" });

  const auth = settleAuth(server.auth, {
    login: { user, pass },
    issuer: known?.tokens,
    ...{ relayAt: at, at: placeOf("auth"), faults, readFile },
  });
  const withLogin = auth !== undefined;
  // Submission with a login has its own port (RFC 6409, section 3.1); TLS from the first byte too (RFC 8314, section 7.3).
  const relayPort = server.port ?? (overTls ? 465 : (provider?.port ?? (withLogin ? 587 : 25)));
  const tlsDefault: TlsMode = overTls || relayPort === 465 ? "implicit" : withLogin || provider ? "required" : "opportunistic";
  const tlsGiven = given.tls;
  if (overTls && (tlsGiven === "none" || tlsGiven === "opportunistic")) {
    complain(`smtps:// is TLS from the first byte, tls ${tlsGiven} is not: write smtp:// or leave tls out`);
  } else if (withLogin && (tlsGiven === "none" || tlsGiven === "opportunistic")) {
    complain(
      `would send user and password without the protection of TLS (tls is ${tlsGiven}): set tls to required, or leave user and password out`,
    );
  }
  const tls = overTls ? "implicit" : (tlsGiven ?? tlsDefault);
  const tlsOptions = settleTls(given, { mode: tls, placeOf, faults });
  const proxy = given.proxy === undefined ? undefined : readProxy(given.proxy, placeOf("proxy"), faults);
  const limits = settleLimits({ ...given, ...structure }, { at, placeOf, faults, provider: provider?.limits ?? {} });
  const returnPath = given.return_path ?? provider?.returnPath;
  const relayHost = server.host ?? (located && "host" in located ? located.host : undefined);
  if (relayHost === undefined) return undefined;
  return {
    name,
    host: relayHost,
    port: relayPort,
    tls,
    verifyCertificate: given.verify ?? true,
    ...(tlsOptions && { tlsOptions }),
    ...(auth && { auth }),
    ...(proxy && { proxy }),
    connections: given.connections ?? provider?.connections ?? connectionsDefault,
    ...(limits && { limits }),
    ...(returnPath && { returnPath }),
    ...(provider?.rewrites && { rewrites: provider.rewrites }),
  };
}

/** The relay of SMTP_URL; undefined, with every fault added, if it is faulty. */
export function readSmtpUrl(text: string, source: string, faults: ConfigFault[], readFile: ReadFile): RelayConfig | undefined {
  const before = faults.length;
  const reading = { at: { source, path: "" }, faults, readFile };
  const server = readUrl(text, reading);
  const relay = server && settle(smtpUrlRelayName, server, reading);
  return faults.length > before ? undefined : relay;
}

/** One relay of the file; undefined, with every fault added, if it is faulty. */
export function readRelay(name: string, tree: Tree, reading: Reading): RelayConfig | undefined {
  const { at, faults, readFile } = reading;
  const before = faults.length;
  if (!relayNamePattern.test(name)) faults.push({ ...at, text: "a relay's name is 1 to 32 of a-z, 0-9 and -: rename it" });
  const entries = entriesOf(tree);
  if (!entries) {
    readFields({ shape: relayShape, tree, at, faults });
    return undefined;
  }
  const twins = readTwins({ tree: entries, keys: ["user", "pass", ...optionTwins], at, faults, readFile });
  const { given } = twins;
  const { url, auth, domains, warm_up, ...fields } = readFields({ shape: relayShape, tree: twins.tree, at, faults, place: twins.placeOf });
  if (!given.has("url") && !given.has("host") && !given.has("provider")) faults.push({ ...at, text: "names no server: set url, or host" });
  const fromUrl = url === undefined ? undefined : readUrl(url, { ...reading, at: inside(at, "url") });
  for (const key of Object.keys(serverKeys)) {
    if (given.has("url") && given.has(key)) faults.push({ ...twins.placeOf(key), text: "the url says it: keep one of the two" });
  }
  const isInQuery = (key: string) =>
    fromUrl !== undefined && (key === "auth" ? fromUrl.auth : fromUrl.options[key as keyof typeof options]) !== undefined;
  for (const key of Object.keys(queryShape)) {
    if (isInQuery(key) && given.has(key)) faults.push({ ...twins.placeOf(key), text: "the query of the url says it: keep one of the two" });
  }
  // What the login needs can be judged only where all that it consists of was readable.
  const judgeable = given.has("url")
    ? fromUrl
    : (["user", "pass", "tls", "provider"] as const).every((key) => given.has(key) === (fields[key] !== undefined));
  if (!judgeable) return undefined;
  const server: Server = {
    overTls: false,
    ...fields,
    ...fromUrl,
    options: { ...fields, ...fromUrl?.options },
    placeOf: (key) => (isInQuery(key) && fromUrl ? fromUrl.placeOf(key) : twins.placeOf(key)),
    ...(auth !== undefined && { auth }),
  };
  const relay = settle(name, server, { ...reading, structure: { ...(domains && { domains }), ...(warm_up && { warm_up }) } });
  return faults.length === before ? relay : undefined;
}
