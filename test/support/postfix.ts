// A real Postfix as the upstream relay, with a configuration, a queue and a log of its own; the system's is never touched.
// It passes everything on to one place, usually a sink, as a company's smarthost would to the world.
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Certificate, selfSignedCertificate } from "./certificate.ts";
import { canConnect, freePort } from "./freePort.ts";
import { startLoginServer } from "./postfixLogin.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import type { Sink, SinkMail } from "./sink.ts";
import { temporaryFolder } from "./temporaryFolder.ts";
import { waitFor } from "./waitFor.ts";

const run = promisify(execFile);

/** For a test's options: Postfix's queue belongs to users of its own, so that an ordinary user cannot start it. */
export const asRoot = { skip: userInfo().uid === 0 ? false : "Postfix starts only as root" };

export type TestPostfix = {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** `smtp://…`, with the credentials that `auth` asks for. */
  readonly url: string;
  /** Set with `starttls`. */
  readonly certificate: Certificate | undefined;
  /** Of the master process. */
  readonly pid: number;
  /** The mail log so far. */
  log(): Promise<string>;
  /** SIGKILL for all of its processes, as when its machine loses power. What it had taken stays in its queue. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and with the same queue. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts Postfix (Debian package `postfix`, version 3.4 or later) on a loopback port and waits until it listens. Needs root.
 * @param options.deliverTo where all mail goes, without TLS
 * @param options.starttls offers STARTTLS with a self-signed certificate for localhost and 127.0.0.1
 * @param options.auth relays only after AUTH PLAIN or LOGIN with these; otherwise for every client on loopback
 * @param options.settings more lines of main.cf, in place of ours where they name the same, like
 *   `{ transport_maps: "inline:{ bounces.test=smtp:[127.0.0.1]:2525 }" }`
 * @throws Error when not root, or when Postfix does not start; it holds the configuration
 */
export async function startPostfix(options: {
  deliverTo: { host: string; port: number };
  starttls?: boolean;
  auth?: { user: string; pass: string };
  settings?: Record<string, string>;
}): Promise<TestPostfix> {
  const { deliverTo, auth } = options;
  if (userInfo().uid !== 0) throw new Error("Postfix gives its queue to a user of its own and starts only as root: run this test as root");
  // Everybody may pass through, because Postfix' daemons give up their rights.
  const folder = await temporaryFolder({ name: "postfix", mode: 0o755 });
  const inFolder = (name: string) => join(folder.path, name);
  const certificate = options.starttls ? await selfSignedCertificate() : undefined;
  const loginServer = auth ? await startLoginServer(auth) : undefined;
  const port = await freePort();
  let master: RunningProcess | undefined;
  const stop = async () => {
    await master?.stop();
    await loginServer?.stop();
    await certificate?.remove();
    await folder.remove();
  };

  const launch = async (main: string) => {
    const daemons = (await run("postconf", ["-d", "-h", "daemon_directory"], { env: environment })).stdout.trim();
    // Not by `postfix start`: the master is to be our own child, and its check of the whole installation takes seconds.
    const started = await startProcess({
      command: join(daemons, "master"),
      args: ["-s", "-c", inFolder("config")],
      env: environment,
      removeOnDeath: folder.path,
    });
    const listens = async () => started.exitStatus() !== undefined || (await canConnect(port));
    await waitFor(listens, { what: "Postfix to listen", timeoutMs: 20_000 });
    // Its complaint goes to syslog: it reads where its log file is together with the rest.
    if (started.exitStatus()) throw new Error(`Postfix did not start; syslog says why; its main.cf:\n${main}`);
    return started;
  };

  const settings: Record<string, string> = {
    compatibility_level: "3.6",
    queue_directory: inFolder("queue"),
    data_directory: inFolder("data"),
    maillog_file: inFolder("log/mail.log"),
    maillog_file_prefixes: folder.path,
    myhostname: "postfix.test",
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    mynetworks: "127.0.0.0/8",
    mydestination: "",
    alias_maps: "",
    relayhost: `[${deliverTo.host}]:${deliverTo.port}`,
    smtpd_relay_restrictions: auth ? "permit_sasl_authenticated, reject" : "permit_mynetworks, reject",
    smtpd_peername_lookup: "no",
    smtp_dns_support_level: "disabled",
    smtp_tls_security_level: "none",
    smtpd_client_connection_count_limit: "0",
    ...(certificate && { smtpd_tls_security_level: "may", smtpd_tls_chain_files: inFolder("config/chain.pem"), smtpd_tls_loglevel: "1" }),
    ...(loginServer && { smtpd_sasl_auth_enable: "yes", smtpd_sasl_type: "dovecot", smtpd_sasl_path: loginServer.path }),
    ...options.settings,
  };
  try {
    await makeFolders(folder.path);
    if (certificate) await writeFile(inFolder("config/chain.pem"), certificate.key + certificate.cert, { mode: 0o600 });
    const main = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
    await writeFile(inFolder("config/main.cf"), main.join(""));
    await writeFile(inFolder("config/master.cf"), `127.0.0.1:${port} inet n - n - - smtpd\n${services}`);
    master = await launch(main.join(""));
  } catch (fault) {
    await stop();
    throw fault;
  }

  const login = auth ? `${encodeURIComponent(auth.user)}:${encodeURIComponent(auth.pass)}@` : "";
  return {
    host: "127.0.0.1",
    port,
    url: `smtp://${login}127.0.0.1:${port}`,
    certificate,
    get pid() {
      return (master as RunningProcess).pid;
    },
    log: () => readFile(inFolder("log/mail.log"), "utf8"),
    async kill() {
      master?.kill("SIGKILL");
      await master?.stop();
    },
    async restart() {
      master = await launch(await readFile(inFolder("config/main.cf"), "utf8"));
    },
    stop,
  };
}

/**
 * What Postfix has passed on to the sink behind it, as it got it: without the Received field that it puts before each mail.
 * @param recipients waits until so many have been served, for 20 s at most
 */
export async function passedOn(sink: Sink, recipients: number): Promise<SinkMail[]> {
  const arrived = async () => {
    const mails = await sink.received();
    return mails.reduce((sum, { to }) => sum + to.length, 0) >= recipients && mails;
  };
  const mails = await waitFor(arrived, { what: "Postfix to pass everything on", timeoutMs: 20_000, everyMs: 50 });
  const ownTrace = /^Received: .*\r\n(?:[ \t].*\r\n)*/;
  return mails.map((mail) => ({ ...mail, raw: Buffer.from(mail.raw.toString("latin1").replace(ownTrace, ""), "latin1") }));
}

/** What `postfix start` would make (see postfix-files): the queue belongs to Postfix, `public` and `maildrop` to the group postdrop too. */
async function makeFolders(path: string): Promise<void> {
  for (const name of ["config", "log", "queue", "queue/pid"]) await mkdir(join(path, name));
  const make = (mode: string, group: string, names: string[]) =>
    run("install", ["-d", "-m", mode, "-o", "postfix", "-g", group, ...names.map((name) => join(path, name))]);
  await make("700", "root", ["data", ...queueFolders.map((name) => `queue/${name}`)]);
  await make("710", "postdrop", ["queue/public"]);
  await make("730", "postdrop", ["queue/maildrop"]);
}

const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

const queueFolders = ["incoming", "active", "deferred", "defer", "bounce", "corrupt", "flush", "hold", "saved", "trace", "private"];

/** The part of master.cf that is the same for all: Debian's services, none in a chroot. */
const services = `
pickup     unix       n - n 60 1 pickup
cleanup    unix       n - n - 0 cleanup
qmgr       unix       n - n 300 1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n - - trivial-rewrite
bounce     unix       - - n - 0 bounce
defer      unix       - - n - 0 bounce
trace      unix       - - n - 0 bounce
verify     unix       - - n - 1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n - - proxymap
proxywrite unix       - - n - 1 proxymap
smtp       unix       - - n - - smtp
relay      unix       - - n - - smtp
showq      unix       n - n - - showq
error      unix       - - n - - error
retry      unix       - - n - - error
discard    unix       - - n - - discard
anvil      unix       - - n - 1 anvil
scache     unix       - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
`;
