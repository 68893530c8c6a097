// The caller: a lean process of its own that posts one and the same request over HTTP/1.1 connections that stay open, from bytes that it made
// before. Its CPU counts for nobody. Run by `startWorkshop`.
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type RecipeName, recipeOf, requestOf } from "./recipes.ts";
import { type Latencies, latenciesOf } from "./statistics.ts";
import { serveOrders } from "./workshop.ts";

/**
 * `perSecond` absent: a closed loop, each connection posts as soon as it has its answer. Given: an open one, that posts at its times whatever
 * became of those before, over as many connections as that takes; a latency begins at the time that was planned, so that no stall hides
 * the requests that it held up.
 */
export type GeneratorOrder = {
  port: number;
  apiKey: string;
  recipe: RecipeName;
  requests: number;
  /** Of an open loop: the most. */
  connections: number;
  perSecond?: number;
};

export type GeneratorReport = {
  latencies: Latencies;
  /** From the first request to the last answer. */
  tookMs: number;
  /** How often it was answered 503, and asked again. */
  refused: number;
  /** The most by which it was late itself to post, at p99 (ms); an open loop's only. */
  lateP99: number;
};

const refusedPauseMs = 50;

type Line = { post(): Promise<number>; isOpen(): boolean; close(): void };

/** One connection; `post` resolves with the status once the whole answer is here. */
function openLine(port: number, request: Buffer): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: "127.0.0.1", port, noDelay: true });
    let answered = (_status: number) => {};
    let failed: (error: Error) => void = reject;
    let pending = Buffer.alloc(0);
    socket.on("error", (error) => failed(error));
    socket.on("close", () => failed(new Error("the API closed a connection")));
    socket.on("data", (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const headEnd = pending.indexOf("\r\n\r\n");
      if (headEnd === -1) return;
      const head = pending.toString("latin1", 0, headEnd);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
      if (Number.isNaN(length)) return failed(new Error(`an answer without Content-Length:\n${head}`));
      if (pending.length < headEnd + 4 + length) return;
      pending = pending.subarray(headEnd + 4 + length);
      answered(Number(head.slice(9, 12)));
    });
    socket.on("connect", () =>
      resolve({
        post: () =>
          new Promise<number>((done, fail) => {
            answered = done;
            failed = fail;
            socket.write(request);
          }),
        isOpen: () => socket.writable,
        close: () => {
          failed = () => {};
          socket.destroy();
        },
      }),
    );
  });
}

function requestBytes({ port, apiKey, recipe }: GeneratorOrder): Buffer {
  const { path, body } = requestOf(recipeOf(recipe));
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${apiKey}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

async function generate(order: GeneratorOrder): Promise<GeneratorReport> {
  const { requests, connections, perSecond } = order;
  const request = requestBytes(order);
  const latencies = new Float64Array(requests);
  const late = new Float64Array(requests);
  let refused = 0;

  async function postUntilTaken(line: Line, index: number, since: number): Promise<void> {
    for (;;) {
      const status = await line.post();
      if (status === 202 || status === 200) break;
      if (status !== 503) throw new Error(`a request was answered ${status}`);
      refused += 1;
      await sleep(refusedPauseMs);
    }
    latencies[index] = performance.now() - since;
  }

  const lines = new Set<Line>();
  const anotherLine = async () => {
    const line = await openLine(order.port, request);
    lines.add(line);
    return line;
  };
  // An open loop opens them when it needs them: the API closes one that says nothing.
  const atBegin = perSecond === undefined ? Math.min(connections, requests) : 0;
  await Promise.all(Array.from({ length: atBegin }, anotherLine));
  const startedAt = performance.now();
  if (perSecond === undefined) {
    let next = 0;
    const postOn = async (line: Line) => {
      for (let index = next++; index < requests; index = next++) await postUntilTaken(line, index, performance.now());
    };
    await Promise.all([...lines].map(postOn));
  } else {
    const free: Line[] = [];
    const waiting: ((line: Line) => void)[] = [];
    let opened = 0;
    const nextLine = async (): Promise<Line> => {
      for (let line = free.pop(); line; line = free.pop()) {
        if (line.isOpen()) return line;
        lines.delete(line);
        opened -= 1;
      }
      if (opened === connections) return new Promise((resolve) => waiting.push(resolve));
      opened += 1;
      return anotherLine();
    };
    const oneRequest = async (index: number, dueAt: number) => {
      late[index] = performance.now() - dueAt;
      const line = await nextLine();
      await postUntilTaken(line, index, dueAt);
      const heir = waiting.shift();
      if (heir) heir(line);
      else free.push(line);
    };
    const underWay: Promise<void>[] = [];
    for (let index = 0; index < requests; ) {
      for (; index < requests && startedAt + (index * 1_000) / perSecond <= performance.now(); index++)
        underWay.push(oneRequest(index, startedAt + (index * 1_000) / perSecond));
      await sleep(1);
    }
    await Promise.all(underWay);
  }
  const tookMs = performance.now() - startedAt;
  for (const line of lines) line.close();
  return { latencies: latenciesOf(latencies), tookMs, refused, lateP99: latenciesOf(late).p99 };
}

serveOrders<GeneratorOrder, GeneratorReport>(generate);
