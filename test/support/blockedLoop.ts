// Blocks the event loop of a running process from outside, with the debugger that every Node process has in it: no hook in the product.
import { WebSocket } from "undici";
import type { Gateway } from "./gateway.ts";
import { waitFor } from "./waitFor.ts";

/** The environment that a process needs for this: its debugger then takes any free port. */
export const blockableEnv = { NODE_OPTIONS: "--inspect-port=127.0.0.1:0" };

/**
 * Keeps the main thread of the process busy for so long; its other threads go on. Opens the debugger with SIGUSR1 (Node.js documentation,
 * "Signal events") and evaluates a loop in it.
 * @returns when the loop is over, how long it ran by the process's own clock, in milliseconds
 */
export async function blockEventLoop(gateway: Pick<Gateway, "kill" | "logs">, ms: number): Promise<number> {
  gateway.kill("SIGUSR1");
  const address = () =>
    gateway
      .logs()
      .flatMap((line) => /Debugger listening on (ws:\S+)/.exec(line)?.[1] ?? [])
      .at(-1);
  const socket = new WebSocket(await waitFor(address, { what: "the debugger to listen", timeoutMs: 10_000 }));
  const expression = `(() => { const from = Date.now(); while (Date.now() - from < ${Math.round(ms)}); return Date.now() - from; })()`;
  try {
    return await new Promise((resolve, reject) => {
      socket.addEventListener("open", () => socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } })));
      socket.addEventListener("error", () => reject(new Error("the debugger's connection broke")));
      socket.addEventListener("message", ({ data }) => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: { result?: { value?: number } } };
        const value = answer.result?.result?.value;
        if (answer.id === 1) value === undefined ? reject(new Error(`the loop did not run: ${data}`)) : resolve(value);
      });
    });
  } finally {
    socket.close();
  }
}
