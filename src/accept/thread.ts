// A thread for what would hold up everybody else: it is given one job at a time, and lives as long as there are some now and then.
import { type TransferListItem, Worker } from "node:worker_threads";

/** A thread without work goes, and the memory of its last job with it. */
const idleMs = 10_000;

export type Thread<Job, Result> = {
  /**
   * Does a job. Rejects if the thread ends over it; the next job gets a new one.
   * @param moved buffers of the job that nobody else reads from now on: they are not copied
   */
  run(job: Job, moved?: TransferListItem[]): Promise<Result>;
  /** Ends the thread; whoever still waits is rejected. */
  stop(): Promise<void>;
};

type Waiting<Job, Result> = {
  job: Job;
  moved: TransferListItem[];
  resolve(result: Result): void;
  reject(error: Error): void;
};

/** @param file the thread's program: it answers each message with one, in their order */
export function createThread<Job, Result>(file: URL): Thread<Job, Result> {
  const waiting: Waiting<Job, Result>[] = [];
  let worker: Worker | undefined;
  let current: Waiting<Job, Result> | undefined;
  let idle: NodeJS.Timeout | undefined;

  function end(): Promise<unknown> {
    clearTimeout(idle);
    const gone = worker;
    worker = undefined;
    gone?.removeAllListeners();
    gone?.on("error", () => undefined);
    return gone?.terminate() ?? Promise.resolve();
  }

  function lose(cause: unknown): void {
    void end();
    const lost = current;
    current = undefined;
    lost?.reject(new Error("the thread ended over its job", { cause }));
    next();
  }

  function start(): Worker {
    const started = new Worker(file);
    started.unref();
    started.on("error", lose);
    started.on("exit", lose);
    started.on("message", (result: Result) => {
      const done = current;
      current = undefined;
      done?.resolve(result);
      next();
    });
    return started;
  }

  function next(): void {
    if (current) return;
    clearTimeout(idle);
    current = waiting.shift();
    if (!current) {
      idle = setTimeout(() => void end(), idleMs);
      idle.unref();
      return;
    }
    worker ??= start();
    worker.postMessage(current.job, current.moved);
  }

  return {
    run: (job, moved = []) =>
      new Promise((resolve, reject) => {
        waiting.push({ job, moved, resolve, reject });
        next();
      }),
    async stop() {
      const left = [...(current ? [current] : []), ...waiting.splice(0)];
      current = undefined;
      for (const { reject } of left) reject(new Error("the thread was stopped"));
      await end();
    },
  };
}
