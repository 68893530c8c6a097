// Postern as users run it: the built product, an API process and a worker process over a Redis that keeps everything on disk.
import { Redis } from "ioredis";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startRedis } from "../support/redis.ts";
import type { Contender } from "./contender.ts";
import { type CountingSink, startCountingSink } from "./countingSink.ts";
import type { Program } from "./cpu.ts";
import type { GeneratorOrder, GeneratorReport } from "./generator.ts";
import { type RecipeName, recipeOf } from "./recipes.ts";
import { built } from "./stack.ts";
import { startWorkshop, type Workshop } from "./workshop.ts";

/** Connections to the relay: what the peers have too. */
export const relayConnections = 20;

export type ProductOptions = {
  /** How Redis keeps what it is told; `always` is what a receipt is worth most with. */
  appendfsync: "always" | "everysec";
  /** The URL of the relay before the sink; default the sink itself, in clear text. */
  relayOf?: (sink: CountingSink) => Promise<{ url: string; stop(): Promise<unknown> }>;
  /** The rest of a `postern.yaml`. */
  config?: string;
  /** Of Node, for the API and the workers. */
  nodeOptions?: string[];
};

export type Product = {
  readonly sink: CountingSink;
  readonly api: Gateway;
  /** Of the API, Redis, and each worker that runs. */
  programs(): Program[];
  redis(): Redis;
  startWorker(): Promise<Gateway>;
  /** A generator beside the others: two may be at work at once. */
  startGenerator(): Promise<Generator>;
  stop(): Promise<void>;
};

export type Generator = Workshop<Omit<GeneratorOrder, "port" | "apiKey">, GeneratorReport>;

/** Starts Redis, a sink and the API. Workers come by `startWorker`. */
export function startProduct({ appendfsync, relayOf, config = "", nodeOptions = [] }: ProductOptions): Promise<Product> {
  return built(async (stack) => {
    const redis = await stack.add(startRedis({ appendfsync }));
    const sink = await stack.add(startCountingSink());
    const relay = relayOf && (await stack.add(relayOf(sink)));
    const url = new URL(relay?.url ?? `smtp://127.0.0.1:${sink.port}?tls=none`);
    url.searchParams.set("connections", String(relayConnections));
    const env = { REDIS_URL: redis.url, SMTP_URL: url.href };
    const api = await stack.add(startGateway({ env, config, nodeOptions, args: ["--role", "api"] }));
    const workers = new Set<Gateway>();
    await stack.add(Promise.resolve({ stop: () => Promise.all([...workers].map((worker) => worker.stop())) }));
    const client = new Redis(redis.url);
    await stack.add(Promise.resolve({ stop: async () => client.disconnect() }));
    return {
      sink,
      api,
      programs: () => [
        { name: "api", pid: api.pid },
        ...[...workers].map(({ pid }, index) => ({ name: index === 0 ? "worker" : `worker ${index + 1}`, pid })),
        { name: "redis", pid: redis.pid },
      ],
      redis: () => client,
      async startWorker() {
        const worker = await startGateway({
          env: { ...env, POSTERN_API_KEY: api.apiKey },
          config,
          nodeOptions,
          args: ["--role", "worker"],
        });
        const stop = async (graceMs?: number) => {
          workers.delete(member);
          await worker.stop(graceMs);
        };
        const member: Gateway = { ...worker, stop };
        workers.add(member);
        return member;
      },
      async startGenerator() {
        const workshop = await startWorkshop<GeneratorOrder, GeneratorReport>("generator.ts");
        const ask = (order: Omit<GeneratorOrder, "port" | "apiKey">) =>
          workshop.ask({ ...order, port: Number(new URL(api.url).port), apiKey: api.apiKey });
        return stack.add(Promise.resolve({ ...workshop, ask }));
      },
      stop: stack.stop,
    };
  });
}

/** The product as a contender: one API, one worker, and a caller over so many connections; see `GeneratorOrder`. */
export function productContender(
  options: ProductOptions & { name: string; recipe: RecipeName; connections?: number; perSecond?: number },
): Promise<Contender> {
  const { name, recipe, connections = 50, perSecond } = options;
  const { batch } = recipeOf(recipe);
  return built(async (stack) => {
    const product = await stack.add(startProduct(options));
    await product.startWorker();
    const generator = await product.startGenerator();
    return {
      name,
      programs: product.programs(),
      sink: product.sink,
      warmsUp: true,
      async handOver(messages) {
        const order = { recipe, requests: messages / batch, connections, ...(perSecond !== undefined && { perSecond }) };
        return { posts: await generator.ask(order) };
      },
      stop: stack.stop,
    };
  });
}
