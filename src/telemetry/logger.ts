// The one logger: JSON lines, or pretty ones on a terminal. Secrets, addresses' content and bodies never go in.
import type { Logger } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error"> & { child(bindings: Record<string, unknown>): Log };
