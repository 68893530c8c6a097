// Whether a relay can be used as it is configured: name, port, TLS, certificate, login, and how large a message it takes. Nothing is sent.
import { isIP } from "node:net";
import type { RelayConfig, RelayFault, Timeouts } from "../../domain/relay.ts";
import { formatSize } from "../../domain/units.ts";
import { probeRelay, type RelayCertificate, type RelayProbe, type Spoken, whatSpeaks } from "../../relay/probe.ts";
import type { TokenShelf } from "../../relay/tokens.ts";
import { type Finding, type Findings, findingsOn } from "./finding.ts";

/** A person waits for it, though a worker would wait longer. */
const waitMsMax = 10_000;
/** To find out what stands behind a port. */
const lookMsMax = 3_000;
const submissionPorts = [587, 465];
const usualPorts = [587, 465, 25, 2525];
const dayMs = 86_400_000;
const renewBeforeMs = 14 * dayMs;

/**
 * Checks one relay.
 * @param options.tokenShelf where its tokens are kept, if it logs in by tokens and Redis can be used
 * @param options.messageBytesMax the largest message that Postern accepts
 */
export async function checkRelay(options: {
  config: RelayConfig;
  timeouts: Timeouts;
  messageBytesMax: number;
  tokenShelf: TokenShelf | undefined;
}): Promise<Finding[]> {
  const { config, messageBytesMax, tokenShelf } = options;
  const findings = findingsOn("relay", config.name);
  const timeouts = {
    ...options.timeouts,
    connect: Math.min(options.timeouts.connect, waitMsMax),
    command: Math.min(options.timeouts.command, waitMsMax),
  };
  // A token that is asked for may replace the one that the workers have: where it cannot be given to them, none is asked for.
  const isWithoutTokens = config.auth?.token !== undefined && tokenShelf === undefined;
  const { auth: _auth, ...rest } = config;
  let probe: RelayProbe;
  try {
    probe = await probeRelay({ config: isWithoutTokens ? rest : config, timeouts, tokenShelf });
  } catch (error) {
    findings.fault(`its TLS options cannot be used: ${(error as Error).message}`, "correct its ca_file, cert_file or key_file");
    return findings.list;
  }
  if (probe.ok) {
    judge(probe, config, messageBytesMax, findings);
    if (isWithoutTokens) findings.skipped("the login was not tried: its tokens are kept in Redis, which cannot be used");
  } else await explain(probe, config, findings, Math.min(lookMsMax, timeouts.connect));
  if (probe.certificate) judgeCertificate(probe.certificate, config, findings);
  return findings.list;
}

function judge(
  { features, facts, durationMs }: Extract<RelayProbe, { ok: true }>,
  config: RelayConfig,
  messageBytesMax: number,
  findings: Findings,
): void {
  const { host, port, tls, auth, limits } = config;
  const secured = facts.tls ? `${facts.tls.version}, ${facts.tls.cipher}` : "not encrypted";
  const at = facts.remoteAddress === undefined || facts.remoteAddress === host ? "" : ` (${facts.remoteAddress})`;
  findings.ok(`${host}:${port}${at} answers in ${Math.round(durationMs)} ms, ${secured}${auth ? ", and takes the login" : ""}`);
  if (!facts.tls && !isHere(host)) {
    const offered = features.startTls && tls === "none";
    findings.warning(
      "mail goes to it in clear",
      offered ? "it offers STARTTLS: set tls required" : "take a port with TLS; within a network of your own it may stay so",
    );
  }
  if (!auth && features.authMethods.length > 0 && submissionPorts.includes(port)) {
    findings.warning(
      `it offers logins (${features.authMethods.join(", ")}), none is configured, and on port ${port} mail is usually refused without one`,
      "set its user and pass_file",
    );
  }
  const size = Math.min(features.sizeMax ?? Number.POSITIVE_INFINITY, limits?.messageBytesMax ?? Number.POSITIVE_INFINITY);
  if (size < messageBytesMax) {
    const rounded = formatSize(size < 1024 ** 2 ? size : Math.floor(size / 1024 ** 2) * 1024 ** 2);
    findings.warning(
      `it takes messages of ${rounded} at most, and Postern accepts ${formatSize(messageBytesMax)}`,
      `set MAX_MESSAGE_SIZE=${rounded}, or a route to a relay that takes more`,
    );
  }
  const missing = [...(features.eightBitMime ? [] : ["8BITMIME"]), ...(features.smtpUtf8 ? [] : ["SMTPUTF8"])];
  const taken = features.sizeMax === undefined ? "no size limit that it tells" : `messages up to ${formatSize(features.sizeMax)}`;
  findings.ok(`EHLO: ${taken}${missing.length > 0 ? `; without ${missing.join(" and ")}` : ""}`);
}

async function explain(
  { fault, certificate }: Extract<RelayProbe, { ok: false }>,
  config: RelayConfig,
  findings: Findings,
  lookMs: number,
): Promise<void> {
  const said = fault.reply
    ? `. It said: ${[fault.reply.code || "", fault.reply.enhanced ?? "", fault.reply.text].filter(Boolean).join(" ")}`
    : "";
  const { what, remedy } = parted(fault);
  // Its certificate is judged by itself, in more words.
  if (certificate?.fault !== undefined && /certificate/.test(fault.text)) return;
  const spoken =
    config.proxy || fault.phase === "dns" || fault.phase === "auth" || fault.reply
      ? undefined
      : await whatSpeaks({ ...config, timeoutMs: lookMs });
  const hint = spoken && (await hintOn(spoken, config, lookMs));
  findings.fault(`${hint?.what ?? what}${said}`, hint?.remedy ?? remedy ?? "look into the relay's own log");
}

/** The fault's text says what is wrong, and behind a colon the way out. */
function parted({ text }: RelayFault): { what: string; remedy: string | undefined } {
  const whole = text.replace(/\.$/, "");
  const [, what, remedy] = /^(.*?\S): ((?:check|correct|if its|let|set|take|tls|use) .*)$/.exec(whole) ?? [];
  return what === undefined ? { what: whole, remedy: undefined } : { what, remedy };
}

/** What is really behind the port, where that is not what the configuration takes it for. */
async function hintOn(
  spoken: Spoken,
  { host, port, tls }: RelayConfig,
  lookMs: number,
): Promise<{ what: string; remedy: string } | undefined> {
  const where = `${host}:${port}`;
  switch (spoken) {
    case "tls":
      return tls === "implicit"
        ? undefined
        : {
            what: `${where} speaks TLS from the first byte, and tls is ${tls}`,
            remedy: "set tls implicit (or smtps://), or take the port for STARTTLS, often 587",
          };
    case "smtp":
      return tls === "implicit"
        ? {
            what: `${where} speaks SMTP in clear at first, and tls is implicit`,
            remedy: "set tls required, or take the port for TLS from the first byte, often 465",
          }
        : undefined;
    case "other":
      return { what: `${where} speaks something else than SMTP`, remedy: "correct the relay's port; usual are 587, 465 and 25" };
    case "silent":
      return undefined;
    case "closed": {
      const others = await Promise.all(
        usualPorts
          .filter((other) => other !== port)
          .map(async (other) => ({ other, speaks: await whatSpeaks({ host, port: other, timeoutMs: lookMs }) })),
      );
      const open = others.filter(({ speaks }) => speaks === "smtp" || speaks === "tls").map(({ other }) => other);
      if (open.length > 0)
        return {
          what: `${where} takes no connection, but the same host answers on ${open.join(", ")}`,
          remedy: `correct the relay's port: ${open[0]}`,
        };
      return {
        what: `${where} takes no connection`,
        remedy: "correct the relay's host and port, start it, or let the firewall through (many hosters block port 25; 587 is mostly open)",
      };
    }
  }
}

const isHere = (host: string) => host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

/** Why a certificate is not trusted, by the codes of OpenSSL's verification and Node's check of the name. */
function certificateFault(
  { fault = "", names, validFrom, validTo, issuer }: RelayCertificate,
  { host, tlsOptions }: RelayConfig,
): { text: string; remedy: string } {
  const day = (time: number) => new Date(time).toISOString().slice(0, 10);
  const wanted = tlsOptions?.serverName ?? host;
  if (/HAS_EXPIRED/.test(fault))
    return { text: `its certificate expired on ${day(validTo)}`, remedy: "whoever runs the relay has to renew it" };
  if (/NOT_YET_VALID/.test(fault))
    return {
      text: `its certificate is valid only from ${day(validFrom)} on`,
      remedy: "set this machine's clock, or have the certificate renewed",
    };
  if (/ALTNAME/.test(fault))
    return {
      text: `its certificate is for ${names.slice(0, 5).join(", ") || "no name"}, and not for ${wanted}`,
      remedy: "take a host that the certificate names, or set server_name to one of these names",
    };
  if (/SELF_SIGNED|DEPTH_ZERO/.test(fault))
    return {
      text: "its certificate is signed by itself or by an authority of its own",
      remedy: "let Postern trust it (ca_file), or give the relay one of a public authority",
    };
  return {
    text: `its certificate's issuer${issuer === "" ? "" : ` (${issuer})`} is not known here (${fault})`,
    remedy: "let Postern trust that authority (ca_file), or have the relay send the certificates between",
  };
}

function judgeCertificate(certificate: RelayCertificate, config: RelayConfig, findings: Findings): void {
  const { fault, validTo } = certificate;
  const isChecked = config.verifyCertificate && (config.tls !== "opportunistic" || config.auth !== undefined);
  if (fault !== undefined) {
    const { text, remedy } = certificateFault(certificate, config);
    if (isChecked) findings.fault(text, remedy);
    else
      findings.warning(
        `${text}; it is not checked, so that anyone on the way can pass for the relay`,
        `${remedy}; then set ${config.tls === "opportunistic" ? "tls required" : "verify true"}`,
      );
  } else if (validTo - Date.now() < renewBeforeMs) {
    findings.warning(
      `its certificate expires on ${new Date(validTo).toISOString().slice(0, 10)}`,
      "whoever runs the relay has to renew it",
    );
  }
}
