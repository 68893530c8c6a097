// When wake-ups leave for the queue: at once where nothing came before, and together while they keep coming.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { PlannedWakeUp } from "../../src/domain/dispatching.ts";
import { SharedJob, type WakeUp } from "../../src/domain/wakeUp.ts";
import { jobsOf } from "../../src/queue/jobs.ts";
import { createWaker } from "../../src/queue/waker.ts";
import { waitFor } from "../support/waitFor.ts";

/** A waker whose queue only notes what jobs it is asked to take, and when. */
function open() {
  const jobs: { id: string; count: number }[] = [];
  const confirmed: WakeUp[] = [];
  const wake = async (planned: readonly PlannedWakeUp[]) => {
    for (const { jobId, its } of jobsOf(planned)) jobs.push({ id: jobId, count: its.length });
    return planned.map((it) => it.wake);
  };
  const waker = createWaker({ wake }, async (wakeUps) => void confirmed.push(...wakeUps));
  return { waker, jobs, confirmed };
}

/** A step of acceptance that has begun with this job. Returns what ends it. */
function beginStep(job: SharedJob): () => void {
  let end = () => {};
  const step = new Promise<void>((resolve) => {
    end = resolve;
  });
  void job.during(step);
  return end;
}

let made = 0;
function planned(job?: SharedJob): PlannedWakeUp {
  const wake = { messageId: `msg_${(++made).toString(36)}`, dispatch: 0, generation: 1 };
  return { wake, relay: "main", lane: "transactional", delayMs: 0, retry: false, ...(job && { job }) };
}

/** Lets so many turns of the event loop pass, however long they take. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

test("one that comes alone leaves at once; those that follow within the rest leave together, in one job", async (t) => {
  // The clock stands still between its ticks: how long the machine takes for a turn makes no difference.
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 1_000;
  t.mock.method(performance, "now", () => now);
  const tick = (ms: number) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  const { waker, jobs, confirmed } = open();
  waker.wake([planned(new SharedJob("a"))]);
  await turns(5);
  assert.equal(jobs.length, 1, "nothing is waited for");
  const job = new SharedJob("b");
  for (let count = 0; count < 5; count++) {
    waker.wake([planned(job)]);
    await turns(5);
    tick(1);
  }
  await turns(5);
  assert.equal(jobs.length, 1, "they rest");
  tick(5);
  await turns(5);
  assert.deepEqual([jobs[1]?.id, jobs[1]?.count], ["b-0", 5]);
  await waker.drained(1_000);
  assert.equal(confirmed.length, 6);
  tick(10);
  waker.wake([planned(new SharedJob("c"))]);
  await turns(5);
  assert.equal(jobs.length, 3, "after a pause nothing is waited for again");
});

test("a full job leaves before the rest is over", async () => {
  const { waker, jobs } = open();
  waker.wake([planned()]);
  await waitFor(() => jobs.length === 1, { what: "the first", everyMs: 1 });
  const job = new SharedJob("full");
  for (let count = 0; count < 32; count++) waker.wake([planned(job)]);
  await turns(3);
  assert.deepEqual([jobs[1]?.id, jobs[1]?.count], ["full-0", 32]);
});

test("who is still being accepted with a job goes with those who are accepted; who comes later has another job", async () => {
  const { waker, jobs } = open();
  const job = new SharedJob("first");
  const [endOne, endOther] = [beginStep(job), beginStep(job)];
  waker.wake([planned(job)]);
  endOne();
  await sleep(30);
  assert.equal(jobs.length, 0, "its job waits for the one that is under way");
  assert.ok(job.isClosed, "and takes nobody more");
  const next = new SharedJob("second");
  waker.wake([planned(next)]);
  endOther();
  waker.wake([planned(job)]);
  await waitFor(() => jobs.length === 2, { what: "both jobs" });
  assert.deepEqual(
    jobs.map(({ count }) => count),
    [2, 1],
  );
  assert.equal(jobs[0]?.id, "first-0");
  assert.equal(job.isAdded, true);
  await waker.drained(1_000);
});

test("a step that fails, or brings nothing, keeps nobody waiting", async () => {
  const { waker, jobs } = open();
  const job = new SharedJob("failed");
  const [endOne, endOther] = [beginStep(job), beginStep(job)];
  endOne();
  waker.wake([planned(job)]);
  await sleep(5);
  endOther();
  await waitFor(() => jobs.length === 1, { what: "its job" });
  assert.equal(jobs[0]?.count, 1);
});
