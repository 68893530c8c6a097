// Haraka between smtp-source and smtp-sink, with its queue on disk (which it does not sync). It is installed from npm when it is asked for.
import { execFile } from "node:child_process";
import { copyFile, mkdir, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { canConnect, freePort } from "../../support/freePort.ts";
import { startProcess } from "../../support/process.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { waitFor } from "../../support/waitFor.ts";
import type { Contender } from "../contender.ts";
import { startCountingSink } from "../countingSink.ts";
import { relayConnections } from "../product.ts";
import type { RecipeName } from "../recipes.ts";
import { built } from "../stack.ts";
import { source } from "./floor.ts";
import { writeMail } from "./mailFile.ts";

const run = promisify(execFile);
const version = "3";

/** Haraka's program; installed at the first call, and kept for the next. */
async function installed(): Promise<string> {
  const folder = join(tmpdir(), `postern-bench-haraka-${version}-${userInfo().uid}`);
  const program = join(folder, "node_modules/Haraka/haraka.js");
  if (await stat(program).catch(() => undefined)) return program;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "private": true }\n');
  await run("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--omit=optional", "--ignore-scripts", `Haraka@${version}`], {
    cwd: folder,
  });
  return program;
}

const relayEverything = (port: number) => `
exports.hook_connect = (next, connection) => { connection.relaying = true; next(); };
exports.hook_rcpt = (next) => next(OK);
exports.hook_get_mx = (next) => next(OK, { priority: 0, exchange: "127.0.0.1", port: ${port} });
`;

export function startHaraka({ recipe }: { recipe: RecipeName }): Promise<Contender> {
  return built(async (stack) => {
    const sink = await stack.add(startCountingSink());
    const mail = await stack.add(writeMail(recipe));
    const folder = await temporaryFolder({ name: "haraka" });
    await stack.add(Promise.resolve({ stop: folder.remove }));
    const port = await freePort();
    const files: Record<string, string> = {
      "config/smtp.ini": `listen=127.0.0.1:${port}\n`,
      "config/plugins": "relay_everything\n",
      "config/me": "haraka.test\n",
      "config/loglevel": "error\n",
      "config/outbound.ini": `enable_tls=false\nlocal_mx_ok=true\nconcurrency_max=${relayConnections}\n`,
      "plugins/relay_everything.js": relayEverything(sink.port),
    };
    for (const name of ["config", "plugins", "queue"]) await mkdir(join(folder.path, name));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
    const program = await installed();
    // Without this one of its own files it fails at the first connection.
    await copyFile(join(dirname(program), "config/connection.ini"), join(folder.path, "config/connection.ini"));
    const haraka = await stack.add(
      startProcess({
        command: process.execPath,
        args: [program, "-c", folder.path],
        env: { PATH: "/usr/bin:/bin", HOME: folder.path },
        cwd: folder.path,
        removeOnDeath: folder.path,
      }),
    );
    const listens = async () => haraka.exitStatus() !== undefined || (await canConnect(port));
    await waitFor(listens, { what: "Haraka to listen", timeoutMs: 30_000 });
    if (haraka.exitStatus()) throw new Error(`Haraka did not start:\n${haraka.lines().join("\n")}`);
    return {
      name: "Haraka",
      programs: [{ name: "node", pid: haraka.pid }],
      sink,
      warmsUp: true,
      async handOver(messages) {
        await source({ port, file: mail.path, messages, recipients: mail.recipients });
        return {};
      },
      stop: stack.stop,
    };
  });
}
