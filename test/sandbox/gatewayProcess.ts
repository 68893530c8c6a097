// A stand-in for the gateway that the tests kill: starts an embedded Redis on the folder of its first argument, prints the socket's
// path, and stays. It says when it is interrupted, and goes on, like a gateway that drains.
import { startEmbeddedRedis } from "../../src/sandbox/embeddedRedis.ts";
import { log, searchPath, sharedBinaryFolder } from "./sandboxForTests.ts";

process.on("SIGINT", () => console.log("interrupted"));
const dataDir = process.argv[2] ?? "";
const redis = await startEmbeddedRedis({ dataDir, binaryFolder: sharedBinaryFolder, path: searchPath, log, say: () => {} });
console.log(redis.socketPath);
