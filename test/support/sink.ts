// Postfix's smtp-sink as the far end: another program than ours says which mail arrived, with its envelope and bytes.
import { readdir, readFile, readlink } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { canConnect, freePort } from "./freePort.ts";
import { startProcess } from "./process.ts";
import { temporaryFolder } from "./temporaryFolder.ts";
import { waitFor } from "./waitFor.ts";

/**
 * One transaction whose final dot arrived, whatever a fault flag made the sink answer to it. Addresses without angle brackets;
 * `raw` has CRLF line ends and no line of the sink's.
 */
export type SinkMail = { from: string; to: string[]; raw: Buffer };

export type Sink = {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** `smtp://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  /** Every mail so far, in no particular order. */
  received(): Promise<SinkMail[]>;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
};

/**
 * Starts smtp-sink (Debian package `postfix`) on a loopback port and waits until it listens.
 * @param options.flags its fault flags, see smtp-sink(1): `-f .` refuses the final dot with 5xx, `-r RCPT` recipients with 4xx,
 *   `-q .` cuts after the dot, `-Q CONNECT` says 421, `-W .:2` answers the dot after 2 s, `-p` no pipelining, `-m 1` one connection
 * @param options.port default any free one; give the port of a stopped sink to start it again there
 */
export async function startSink(options: { flags?: string[]; port?: number } = {}): Promise<Sink> {
  const { flags = [] } = options;
  // As root, smtp-sink insists on giving up its rights; the folder is open to the user that it becomes.
  const rights = userInfo().uid === 0 ? ["-u", "nobody"] : [];
  const folder = await temporaryFolder({ name: "sink", mode: 0o777 });
  const port = options.port ?? (await freePort());
  const sink = await startProcess({
    command: "smtp-sink",
    args: [...rights, "-d", join(folder.path, "mail."), ...flags, `127.0.0.1:${port}`, "1024"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    removeOnDeath: folder.path,
  });
  await waitFor(async () => sink.exitStatus() !== undefined || (await canConnect(port)), { what: "smtp-sink to listen" });
  if (sink.exitStatus()) {
    await sink.stop();
    await folder.remove();
    throw new Error(`smtp-sink did not start: ${sink.lines().join("\n")}`);
  }

  const parsed = new Map<string, SinkMail>();
  const received = async () => {
    // In this order: a file that is listed and no longer open is complete (smtp-sink removes those of cut-off transactions).
    const names = await readdir(folder.path);
    const open = new Set(sink.exitStatus() ? [] : await openFiles(sink.pid));
    for (const name of names) {
      const path = join(folder.path, name);
      if (parsed.has(name) || open.has(path)) continue;
      const dump = await readFile(path).catch(() => undefined);
      const mail = dump && parseDump(dump);
      if (mail) parsed.set(name, mail);
    }
    return [...parsed.values()];
  };
  return {
    host: "127.0.0.1",
    port,
    url: `smtp://127.0.0.1:${port}`,
    pid: sink.pid,
    received,
    kill: sink.kill,
    async stop() {
      await sink.stop();
      await folder.remove();
    },
  };
}

/** Paths of the files that a process has open; none where the system has no /proc. */
async function openFiles(pid: number): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => ""));
  return Promise.all(links);
}

/**
 * Parses "DUMP FILE FORMAT" of smtp-sink(1): its own header lines, the message with LF line ends and without dot-stuffing, an empty line.
 * @returns undefined for a file that was never finished
 */
function parseDump(dump: Buffer): SinkMail | undefined {
  const text = dump.toString("latin1");
  const own = /^((?:X-[^\n]*\n)+)Received: [^\n]*\n(?:\t[^\n]*\n){2}/.exec(text);
  if (!own?.[1] || !text.endsWith("\n\n")) return undefined;
  const from = /^X-Mail-Args: (.*)$/m.exec(own[1])?.[1];
  const to = [...own[1].matchAll(/^X-Rcpt-Args: (.*)$/gm)].map((line) => addressIn(line[1] ?? ""));
  const raw = text.slice(own[0].length, -1).replaceAll("\n", "\r\n");
  return { from: addressIn(from ?? ""), to, raw: Buffer.from(raw, "latin1") };
}

/** The address of a MAIL or RCPT argument, UTF-8 as it was sent: `<"a > b"@example.com> SIZE=1` gives `"a > b"@example.com`. */
function addressIn(argument: string): string {
  const path = /^<((?:"(?:\\.|[^"\\])*"|[^">])*)>/.exec(argument)?.[1] ?? argument;
  return Buffer.from(path, "latin1").toString("utf8");
}
