// Processes of the measurement's own, in TypeScript: started with a channel to us, told what to do, and ended when we are.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export type Workshop<Order, Answer> = {
  readonly pid: number;
  /** One order at a time. @throws Error with what went wrong over there, or when the process ends before it has answered */
  ask(order: Order): Promise<Answer>;
  stop(): Promise<void>;
};

type Reply<Answer> = { answer: Answer } | { fault: string };

/** Starts `test/bench/<file>`, which must call `serveOrders`. */
export async function startWorkshop<Order extends object, Answer>(file: string): Promise<Workshop<Order, Answer>> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, { execArgv: ["--import", "tsx"], serialization: "advanced" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const next = () =>
    new Promise<Reply<Answer>>((resolve, reject) => {
      child.once("message", (reply) => resolve(reply as Reply<Answer>));
      void ended.then(() => reject(new Error(`${file} has ended`)));
    });
  await next();
  return {
    pid: child.pid as number,
    async ask(order) {
      // What cannot be sent is thrown here, before anybody waits for an answer.
      child.send(order);
      const told = await next();
      if ("fault" in told) throw new Error(`${file}: ${told.fault}`);
      return told.answer;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** The other side: says that it is there, carries out orders, and ends with its parent. */
export function serveOrders<Order, Answer>(carryOut: (order: Order) => Promise<Answer>): void {
  const reply = (told: Reply<Answer> | { ready: true }) => process.send?.(told);
  process.on("message", (order) => {
    carryOut(order as Order).then(
      (answer) => reply({ answer }),
      (error: unknown) => reply({ fault: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
  reply({ ready: true });
}
