/** Jobs with a time limit, beside workers of version 1, which cannot enforce it. */

import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
import { echo, silentAfter } from "../../fixtures/peers/scripted_worker.ts";
import { type JobAnswer, onlyVersion1 } from "../../fixtures/peers/scripted_worker_2.ts";
import { numberedInputs, test } from "../simulation.ts";

const POLICY = { ...DEFAULT_POLICY, timeMs: 1_000 };
const TIMEOUT: JobAnswer = { kind: KINDS.timeout, text: "killed: longer than 1 s" };

for (const retries of [0, 1]) {
  test(`a job that exceeded its time limit does not run where there are no limits, with ${retries} retries`, async (simulation) => {
    const limited = await simulation.worker({ answerJob: () => TIMEOUT, delayMs: 1_000 });
    const unlimited = await simulation.peer(onlyVersion1());
    const recorded = simulation.cluster({ policy: { ...POLICY, retries } });
    recorded.dial(limited);
    await recorded.connected(1);
    limited.hold();
    recorded.addAll(numberedInputs(1));
    await simulation.until("the job is sent", () => limited.received.jobs.length === 1);
    recorded.dial(unlimited);
    await recorded.connected(2);
    limited.release();
    await recorded.completed(1);
    assert.match(recorded.ends[0] ?? "", /^timeout: killed: longer than 1 s/);
    assert.deepEqual([limited.received.jobs.length, unlimited.jobs], [1 + retries, 0]);
  });
}

test("a job that has hung a worker without limits runs next on one with limits", async (simulation) => {
  const hung = await simulation.peer(silentAfter(0));
  const other = await simulation.peer(silentAfter(0));
  const recorded = simulation.cluster({ policy: POLICY, speculates: false });
  recorded.dial(hung);
  await recorded.connected(1);
  recorded.addAll(numberedInputs(1));
  await simulation.until("the job is sent", () => hung.jobs === 1);
  recorded.dial(other);
  recorded.dial(await simulation.worker());
  await recorded.connected(3);
  await recorded.completed(1);
  recorded.assertEchoed(numberedInputs(1));
  assert.equal(other.jobs, 0);
});

test("a worker of version 1 that hangs is given up by its job's own time limit, in a session without one", async (simulation) => {
  const hung = await simulation.peer(silentAfter(0));
  const recorded = simulation.cluster();
  const [input = new Uint8Array()] = numberedInputs(1);
  recorded.dial(hung);
  await recorded.connected(1);
  assert.deepEqual(recorded.warnings, [], "there are no limits yet");
  recorded.addTask({ index: 0, input, limits: { timeMs: 500, memoryBytes: 0 } });
  await simulation.until("the job is sent", () => hung.jobs === 1);
  recorded.dial(await simulation.worker());
  await recorded.completed(1);
  const [tooOld, lost] = recorded.warnings;
  assert.match(
    tooOld ?? "",
    /speaks only protocol version 1 and cannot enforce time and memory limits/,
  );
  assert.match(lost ?? "", /has not answered any job for 11s; the time limit of a job is 0.5s/);
});

for (const [timeMs, what] of [[60_000, "a longer time limit"], [0, "no time limit"]] as const) {
  test(`a job with ${what} of its own is not given up for that of its session`, async (simulation) => {
    const slow = await simulation.peer(echo({ delayMs: 15_000 }));
    const recorded = simulation.cluster({ policy: POLICY });
    const [input = new Uint8Array()] = numberedInputs(1);
    recorded.dial(slow);
    recorded.addTask({ index: 0, input, limits: { timeMs, memoryBytes: 0 } });
    await recorded.completed(1);
    recorded.assertEchoed([input]);
    assert.deepEqual([slow.connections, slow.jobs], [1, 1]);
  });
}
