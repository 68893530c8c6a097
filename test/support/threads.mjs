// Loaded before every test: lets worker threads read TypeScript too, which tsx does for the main thread alone on Node 20.
import { isMainThread } from "node:worker_threads";

if (!isMainThread) {
  const { register } = await import("tsx/esm/api");
  register();
}
