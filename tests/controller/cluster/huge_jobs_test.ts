/** Jobs whose inputs or outputs are too large to be in memory. */

import assert from "node:assert/strict";
import type { StoredOutput } from "../../../controller/huge_outputs.ts";
import type { Completion, Task } from "../../../controller/cluster/cluster_types.ts";
import { Verification } from "../../../controller/cluster/verification.ts";
import { WorkerMeter } from "../../../controller/cluster/worker_meter.ts";
import { newJob } from "../../../pool/job.ts";
import type { ClientId, CoreKey } from "../../../pool/types.ts";
import type { BlobSource } from "../../../protocol/mod.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { WallTime } from "../../../system/wall_time.ts";
import { test as plainTest } from "../../lib/test.ts";
import { assertPolite, numberedInputs, test } from "../simulation.ts";

const NO_INPUT = new Uint8Array(0);

test("a stored input is sent like any other, and one that cannot be read fails its job alone", async (simulation) => {
  const [worker] = await simulation.workers({ slots: 2 });
  assert(worker);
  const recorded = simulation.cluster();
  recorded.dial(worker);
  await recorded.connected(1);
  const good = storedTask(1_000, 200_000);
  const lost = storedTask(1_001, 300_000, "cannot read it");
  recorded.addTask(good);
  recorded.addTask(lost);
  recorded.addAll(numberedInputs(20));
  await recorded.completed(22);
  await recorded.settled();
  const answers = new Map(recorded.completions.map(({ job, answer }) => [job.payload, answer]));
  const answer = answers.get(good);
  assert(answer?.kind === "result");
  assert.deepEqual(answer.result.output, contentOf(200_000), "the worker has echoed it");
  const failed = answers.get(lost);
  assert(failed?.kind === "error");
  assert.equal(failed.message, "cannot read it");
  const others = recorded.completions.filter(({ answer }) => answer.kind === "result");
  assert.equal(others.length, 21);
  assertPolite(worker);
});

plainTest(
  "of stored outputs that wait for a vote only the hash is kept, and the file of the last one is the result",
  () => {
    const accepted: unknown[] = [];
    const outvoted: string[] = [];
    const verification = new Verification<Task>(1, {
      runElsewhere: () => {},
      reject: () => {},
      onOutvoted: ({ identity }) => void outvoted.push(identity),
      onDisagreement: () => {},
    });
    const task = { index: 0, input: NO_INPUT };
    const [first, other, last] = ["aa", "bb", "aa"].map(storedOutput) as [Stored, Stored, Stored];
    for (const [identity, stored] of [["a", first], ["b", other], ["c", last]] as const) {
      const agreed = verification.onResult({ identity, voter: identity }, resultOf(task, stored));
      if (agreed?.answer.kind === "result") accepted.push(agreed.answer.stored);
    }
    assert.deepEqual(accepted, [last]);
    assert.deepEqual(outvoted, ["b"]);
    assert.deepEqual([first.discards, other.discards, last.discards], [1, 1, 0]);
    assert.equal(verification.heldBytes, 0);
  },
);

interface Stored extends StoredOutput {
  discards: number;
}

function storedOutput(sha256: string): Stored {
  return {
    byteLength: 2 ** 33,
    sha256,
    discards: 0,
    discard() {
      this.discards += 1;
    },
  };
}

function resultOf(task: Task, stored: StoredOutput): Completion<Task> {
  return {
    job: newJob(1 as ClientId, "core" as CoreKey, 0, task, 0),
    answer: { kind: "result", result: { exitCode: 0, output: NO_INPUT }, stored },
    worker: "worker",
    meter: new WorkerMeter(new WallTime(systemClock)),
    answeredAtMs: 0,
  };
}

/** A task with a stored input; with a problem, zeros come instead of its second half. */
function storedTask(index: number, bytes: number, problem?: string): Task {
  const open = (onUnreadable: (reason: string) => void): BlobSource => ({
    byteLength: bytes,
    async read(at, bytesMax) {
      await Promise.resolve();
      const count = Math.min(bytesMax, bytes - at, 70_000);
      if (problem === undefined || at < bytes / 2) return contentOf(bytes).slice(at, at + count);
      if (at + count === bytes) onUnreadable(problem);
      return new Uint8Array(count);
    },
    close: () => {},
  });
  return { index, input: NO_INPUT, stored: { byteLength: bytes, path: "input", open } };
}

function contentOf(bytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: bytes }, (_, at) => at % 251);
}
