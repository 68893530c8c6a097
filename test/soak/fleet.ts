// The gateway as it is soaked: two APIs and two workers as processes, a Redis behind a proxy, a relay and a webhook receiver that do as told.
// One API and one worker are never killed, so that something lives long enough for its memory to be judged.
import { setTimeout as sleep } from "node:timers/promises";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startProxy } from "../support/proxy.ts";
import { startRedis } from "../support/redis.ts";
import { type Script, startScriptedRelay } from "../support/scriptedRelay.ts";
import { startWebhookReceiver } from "../support/webhookReceiver.ts";

export const memberNames = [
  "api, killed now and then",
  "api, never killed",
  "worker, killed now and then",
  "worker, never killed",
] as const;
export type MemberName = (typeof memberNames)[number];
export const mortals = [memberNames[0], memberNames[2]] as const;

/** Retries and leases are short, so that what a fault leaves behind is settled within seconds. */
const config = `
webhooks: { allow_private: true, timeout: 3s }
retry: { schedule: [500ms, 1s, 2s] }
timeouts: { connect: 5s, command: 10s, after_dot: 10s, attempt: 40s, owner_lease: 5s }
`;

export type Fleet = Awaited<ReturnType<typeof startFleet>>;

/** Starts everything. `stop` ends it, last in, first out. */
export async function startFleet() {
  const steps: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of steps.splice(0).toReversed()) await step();
  };
  // Small enough that the file is rewritten now and then, and that Redis is killed in the middle of it.
  const redis = await startRedis({ args: ["--auto-aof-rewrite-min-size", "16mb"] });
  steps.push(redis.stop);
  const proxy = await startProxy({ target: { port: redis.port } });
  steps.push(proxy.stop);
  /** What the relay does at the moment; nothing: what a friendly one does. */
  const moods: { script: Script } = { script: {} };
  const relay = await startScriptedRelay({
    onConnect: (connection) => moods.script.onConnect?.(connection),
    onCommand: (command) => moods.script.onCommand?.(command),
    onBody: (mail) => moods.script.onBody?.(mail),
    onData: (mail) => moods.script.onData?.(mail),
  });
  steps.push(relay.stop);
  const receiver = await startWebhookReceiver();
  steps.push(receiver.stop);

  let freezes = 0;
  const members = new Map<MemberName, Gateway>();
  steps.push(() => Promise.all([...members.values()].map((member) => member.stop())));
  async function startMember(name: MemberName): Promise<void> {
    const role = name.startsWith("api") ? "api" : "worker";
    const env = {
      REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      SMTP_URL: `${relay.url}?connections=5`,
      POSTERN_API_KEY: "test_soak_0123456789abcdef0123456789abcdef",
    };
    members.set(name, await startGateway({ env, config, args: ["--role", role] }));
  }
  try {
    await Promise.all(memberNames.map(startMember));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    redis,
    proxy,
    relay,
    moods,
    receiver,
    member: (name: MemberName) => members.get(name) as Gateway,
    apis: () => [members.get(memberNames[0]), members.get(memberNames[1])].filter((member) => member !== undefined),
    /** Ends a member, and starts it again a while after it is gone. */
    async replace(name: MemberName, signal: "SIGKILL" | "SIGTERM", awayMs: number): Promise<void> {
      const member = members.get(name) as Gateway;
      members.delete(name);
      member.kill(signal);
      await member.exited;
      await member.stop();
      await sleep(awayMs);
      // Redis may be away just now, and a start waits for it only so long.
      for (let tries = 1; !members.has(name); tries++) {
        await startMember(name).catch((error: unknown) => {
          if (tries === 5) throw error;
        });
      }
    },
    /** Stops a member for a while, as a machine that swaps or is moved does. */
    async freeze(name: MemberName, forMs: number): Promise<void> {
      const member = members.get(name) as Gateway;
      freezes += 1;
      member.kill("SIGSTOP");
      await sleep(forMs);
      member.kill("SIGCONT");
      freezes += 1;
    },
    /** How often anything was frozen or thawed: even while nothing is frozen. */
    freezes: () => freezes,
    stop,
  };
}
