import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { oneAtATime } from "./oneAtATime.ts";

const name = `a test of ${process.pid}`;

/** Another process that takes the lock, says so, and holds it until its stdin ends. */
async function holder() {
  const script = `
    import { oneAtATime } from ${JSON.stringify(new URL("./oneAtATime.ts", import.meta.url).href)};
    await oneAtATime(${JSON.stringify(name)}, async () => {
      console.log("held");
      for await (const chunk of process.stdin);
    });
  `;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

for (const how of ["lets go", "is killed"]) {
  test(`a task runs only after the process that holds the lock ${how}`, async () => {
    const other = await holder();
    let exited = false;
    other.once("exit", () => {
      exited = true;
    });
    const result = oneAtATime(name, async () => "done");
    const early = await Promise.race([result, new Promise((resolve) => setTimeout(resolve, 100, "waiting"))]);
    assert.equal(early, "waiting");
    how === "is killed" ? other.kill("SIGKILL") : other.stdin.end();
    assert.equal(await result, "done");
    if (!exited) await once(other, "exit");
  });
}

test("tasks of one process take turns, and one that throws lets the next one in", async () => {
  let running = 0;
  let most = 0;
  const task = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    throw new Error("failed");
  };
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => oneAtATime(name, task)));
  assert.deepEqual(new Set(results.map(({ status }) => status)), new Set(["rejected"]));
  assert.equal(most, 1);
});
