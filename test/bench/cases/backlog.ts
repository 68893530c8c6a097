// What a backlog costs: whether accepting and delivering slow down behind a million messages, and how much room each takes.
import type { Redis } from "ioredis";
import { memoryOf } from "../../support/memory.ts";
import { type Case, figure } from "../case.ts";
import { cpuSecondsOf, untilQuiet } from "../cpu.ts";
import { type Product, startProduct } from "../product.ts";
import { type RecipeName, recipeOf } from "../recipes.ts";
import { createStack, type Stack } from "../stack.ts";

/** The small backlog, which the large one is compared with. */
const few = 1_000;
/** Measured at each: so many are accepted, so many delivered. */
const usualMessages = 5_000;
const megabyte = 2 ** 20;

type Level = {
  queued: number;
  acceptedPerSecond: number;
  acceptCpu: number;
  deliveredPerSecond: number;
  deliverCpu: number;
  /** Of Redis, per message that is queued: all of it, its own octets included. */
  bytesQueued: number;
  /** Resident memory in megabytes, with the whole backlog there. */
  resident: Record<string, number>;
};

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}

async function cpuOf(product: Product, task: () => Promise<unknown>): Promise<number> {
  const sum = () => [...cpuSecondsOf(product.programs()).values()].reduce((total, seconds) => total + seconds, 0);
  const before = sum();
  await task();
  return sum() - before;
}

async function turnRelay({ api }: Product, which: "pause" | "resume"): Promise<void> {
  const { status } = await api.request("POST", `/v1/relays/default/${which}`);
  if (status !== 200) throw new Error(`the relay's ${which} was answered ${status}`);
}

type Site = {
  product: Product;
  /** Posts so many; a recipe of several messages a request rounds up. Resolves with how long that took (ms). */
  post(recipe: RecipeName, messages: number, connections: number): Promise<number>;
  /** Lets a worker send all that was ever posted. */
  drain(): Promise<void>;
};

async function openSite(stack: Stack): Promise<Site> {
  const product = await stack.add(startProduct({ appendfsync: "everysec" }));
  const generator = await product.startGenerator();
  let posted = 0;
  return {
    product,
    async post(recipe, messages, connections) {
      const { batch } = recipeOf(recipe);
      const requests = Math.ceil(messages / batch);
      posted += requests * batch;
      return (await generator.ask({ recipe, requests, connections })).tookMs;
    },
    async drain() {
      const worker = await product.startWorker();
      await product.sink.untilTaken(posted);
      await untilQuiet(product.programs());
      await worker.stop();
    },
  };
}

async function measureLevel({ product, post }: Site, queued: number, messages: number, emptyBytes: number): Promise<Level> {
  const bytesQueued = ((await usedMemory(product.redis())) - emptyBytes) / queued;
  let tookMs = 0;
  const acceptSeconds = await cpuOf(product, async () => {
    tookMs = await post("short", messages, 50);
    await untilQuiet(product.programs());
  });
  const taken = product.sink.taken();
  await turnRelay(product, "resume");
  // The first fifth warms it up.
  const begunAt = await product.sink.untilTaken(taken + Math.ceil(messages / 5));
  const atBegin = product.sink.taken();
  let [endedAt, delivered] = [begunAt, 0];
  const deliverSeconds = await cpuOf(product, async () => {
    endedAt = await product.sink.untilTaken(taken + messages);
    delivered = product.sink.taken() - atBegin;
  });
  const resident = Object.fromEntries(product.programs().map(({ name, pid }) => [name, memoryOf(pid) / megabyte]));
  return {
    queued,
    acceptedPerSecond: (messages * 1_000) / tookMs,
    acceptCpu: (acceptSeconds * 1_000_000) / messages,
    deliveredPerSecond: (delivered * 1_000) / (endedAt - begunAt),
    deliverCpu: (deliverSeconds * 1_000_000) / delivered,
    bytesQueued,
    resident,
  };
}

/** Octets of one message as it is delivered. */
async function messageSize({ product }: Site): Promise<number> {
  const { body } = await product.api.get<{ data: { size: number }[] }>("/v1/messages?limit=1");
  return body.data[0]?.size ?? Number.NaN;
}

export const backlog: Case = {
  name: "backlog",
  async run({ messages = usualMessages, backlog: many, say }) {
    const stack = createStack();
    try {
      const site = await openSite(stack);
      const redis = site.product.redis();
      // What stays when everything is empty: the relay's books, lists of keys, scripts.
      await site.post("short", 10, 1);
      await site.drain();
      const emptyBytes = await usedMemory(redis);
      await site.post("short", messages, 50);
      await site.drain();
      const settled = ((await usedMemory(redis)) - emptyBytes) / messages;
      say(`a settled message takes ${Math.round(settled)} bytes`);
      const size = await messageSize(site);

      const levels: Level[] = [];
      for (const queued of [few, many]) {
        await site.drain();
        // As a backlog comes about: workers run, and the relay takes nothing. What they do beside sending, they have done by the time it does.
        await turnRelay(site.product, "pause");
        const worker = await site.product.startWorker();
        await untilQuiet(site.product.programs());
        const restBytes = await usedMemory(redis);
        await site.post("shortBatch", queued, 4);
        await untilQuiet(site.product.programs());
        const level = await measureLevel(site, queued, messages, restBytes);
        await worker.stop();
        levels.push(level);
        say(
          `${queued} queued: accepts ${Math.round(level.acceptedPerSecond)}/s, delivers ${Math.round(level.deliveredPerSecond)}/s, ` +
            `${Math.round(level.bytesQueued)} bytes each`,
        );
      }
      const [small, large] = levels as [Level, Level];
      const row = (label: string, of: (level: Level) => number) => [
        label,
        figure(of(small)),
        figure(of(large)),
        figure(of(large) / of(small)),
      ];
      return {
        ...{ name: "backlog", title: "A large backlog", rounds: 1, turns: [] },
        about:
          `Short mail (${size} octets each), accepted while the relay is paused, then delivered, with a small and a large backlog. ` +
          `A settled message takes ${figure(settled)} bytes of Redis while its status is kept. AOF everysec.`,
        tables: [
          {
            columns: ["", `${few.toLocaleString("en")} queued`, `${many.toLocaleString("en")} queued`, "ratio"],
            rows: [
              row("accepted a second", (level) => level.acceptedPerSecond),
              row("CPU µs to accept one", (level) => level.acceptCpu),
              row("delivered a second", (level) => level.deliveredPerSecond),
              row("CPU µs to deliver one", (level) => level.deliverCpu),
              row("bytes of Redis for each queued", (level) => level.bytesQueued),
              row("without the message's own octets", (level) => level.bytesQueued - size),
              ...Object.keys(small.resident).map((name) =>
                row(`resident memory of ${name} (MB)`, (level) => level.resident[name] ?? Number.NaN),
              ),
            ],
          },
        ],
        plots: [],
      };
    } finally {
      await stack.stop();
    }
  },
};
