// BullMQ goes by each process's own wall clock, which may be minutes off, or step: what one puts off until T, another would take up
// minutes early or late. Here its scripts are given Redis time instead, by which the ledger's times are made too.
import { type BackendFactory, type ConnectionOptions, createRedisBackend, type RedisQueueBackend } from "bullmq";

/** A number that close to this machine's time is meant to be the time: no delay, count or priority is near it. */
const nearMs = 60_000;

/**
 * Makes the factory of a worker's backend.
 * @param now Redis time (ms)
 */
export function backendInRedisTime(now: () => number): BackendFactory<RedisQueueBackend, ConnectionOptions> {
  return (name, options, more) => {
    const backend = createRedisBackend(name, options, more);
    const execute = backend.execCommand.bind(backend);
    backend.execCommand = (client, command, args: unknown[]) => {
      const local = Date.now();
      const isTime = (argument: unknown) => typeof argument === "number" && Math.abs(argument - local) < nearMs;
      return execute(
        client,
        command,
        args.map((argument) => (isTime(argument) ? now() : argument)),
      );
    };
    return backend;
  };
}
