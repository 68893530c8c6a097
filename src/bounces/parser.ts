// The parser behind a thread: reports are written by strangers, so that reading one may cost this process neither its time nor its memory.
import { Worker } from "node:worker_threads";
import type { NotificationProvider } from "../domain/notification.ts";
import type { ParsedReport } from "./parsedReport.ts";

/** `timed_out`, `crashed`: the report was too much for the thread, which is gone; the next one gets a new one. */
export type ParseResult = ParsedReport | { fault: "timed_out" | "crashed" };

export type ParserOptions = {
  /** For one report; a thousand times what the slowest real one takes. */
  timeoutMs?: number;
  /** Of the thread's heap. */
  memoryMb?: number;
  /** In place of the parser's own thread. */
  thread?: URL;
};

const isSource = import.meta.url.endsWith(".ts");
const ownThread = new URL(isSource ? "./parserThread.ts" : "./parserThread.js", import.meta.url);
/** Loading the program is not the report's fault. */
const startMs = 20_000;

/** What the thread is given. `provider`: whose notification it is; without one it is a mail. */
export type ReportJob = { raw: Uint8Array; provider: NotificationProvider | undefined };

type Job = ReportJob & { resolve(result: ParseResult): void };

/** Makes a parser. Its thread starts with the first report and reads one at a time; `stop` ends it, and what is being read with it. */
export function createParser({ timeoutMs = 5_000, memoryMb = 128, thread = ownThread }: ParserOptions = {}) {
  const waiting: Job[] = [];
  let worker: Worker | undefined;
  let isReady = false;
  let current: Job | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  function settle(result: ParseResult): void {
    clearTimeout(timer);
    const job = current;
    current = undefined;
    job?.resolve(result);
    next();
  }

  /** Ends the thread: whatever it still says is about nothing. */
  function discard(): void {
    const gone = worker;
    worker = undefined;
    isReady = false;
    gone?.removeAllListeners();
    gone?.on("error", () => undefined);
    void gone?.terminate();
  }

  function lose(fault: "timed_out" | "crashed"): void {
    discard();
    settle({ fault });
  }

  function start(): Worker {
    const started = new Worker(thread, { resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 32 } });
    started.unref();
    started.on("error", () => lose("crashed"));
    started.on("exit", () => lose("crashed"));
    started.on("message", (message: "ready" | ParsedReport) => {
      if (message !== "ready") return settle(message);
      isReady = true;
      send();
    });
    return started;
  }

  function send(): void {
    clearTimeout(timer);
    if (!current || !worker) return;
    timer = setTimeout(() => lose("timed_out"), isReady ? timeoutMs : startMs);
    if (isReady) worker.postMessage({ raw: current.raw, provider: current.provider } satisfies ReportJob);
  }

  function next(): void {
    if (current || isStopped) return;
    current = waiting.shift();
    if (!current) return;
    worker ??= start();
    send();
  }

  return {
    /** Reads a report. Never rejects; what waits when the parser stops is never answered. */
    parse: (raw: Buffer, provider?: NotificationProvider): Promise<ParseResult> =>
      new Promise((resolve) => {
        waiting.push({ raw, provider, resolve });
        next();
      }),
    async stop(): Promise<void> {
      isStopped = true;
      clearTimeout(timer);
      discard();
    },
  };
}

export type Parser = ReturnType<typeof createParser>;
