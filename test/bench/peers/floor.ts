// The floor: smtp-source straight into smtp-sink. Nothing that speaks SMTP over a socket is cheaper.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Contender } from "../contender.ts";
import { startCountingSink } from "../countingSink.ts";
import { relayConnections } from "../product.ts";
import type { RecipeName } from "../recipes.ts";
import { built } from "../stack.ts";
import { writeMail } from "./mailFile.ts";

const run = promisify(execFile);

/**
 * Sends so many copies of a file by smtp-source (Debian package `postfix`) and returns the CPU seconds that it took.
 * @param options.recipients of each message
 * @throws Error with its complaint when one is not taken
 */
export async function source(options: { port: number; file: string; messages: number; recipients: number }): Promise<number> {
  const { port, file, messages, recipients } = options;
  const sessions = ["-s", String(relayConnections), "-d", "-m", String(messages), "-r", String(recipients)];
  const envelope = ["-f", "billing@shop.example.com", "-t", "ann.lee@example.org"];
  const args = ["-c", '"$@" && times', "sh", "smtp-source", ...sessions, ...envelope, "-F", file, `127.0.0.1:${port}`];
  const { stdout } = await run("/bin/sh", args, { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  // POSIX: the second line is of the children, user and system, each as 0m1.25s.
  const [user = 0, system = 0] = [...(stdout.trim().split("\n").at(-1) ?? "").matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  return user + system;
}

export function startFloor({ recipe }: { recipe: RecipeName }): Promise<Contender> {
  return built(async (stack) => {
    const sink = await stack.add(startCountingSink());
    const mail = await stack.add(writeMail(recipe));
    return {
      name: "floor",
      programs: [{ name: "sink", pid: sink.pid }],
      sink,
      warmsUp: false,
      async handOver(messages) {
        const seconds = await source({ port: sink.port, file: mail.path, messages, recipients: mail.recipients });
        return { endedCpu: [{ name: "source", seconds }] };
      },
      stop: stack.stop,
    };
  });
}
