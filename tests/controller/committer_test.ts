/** A job is recorded after its output is written, whatever the disk does, and all that was begun is ended. */

import assert from "node:assert/strict";
import type { Answer } from "../../controller/answer.ts";
import type { Completion } from "../../controller/cluster/cluster_types.ts";
import { CommitWindow } from "../../controller/commit_window.ts";
import { Committer } from "../../controller/committer.ts";
import type { ReadyTask } from "../../controller/inputs/source.ts";
import { type DirectorySink } from "../../controller/output/directory_sink.ts";
import { OutputNameError } from "../../controller/output/sink_errors.ts";
import type { Journal } from "../../controller/output/journal/journal.ts";
import type { JobRecord } from "../../controller/output/journal/journal_record.ts";
import type { PayloadMemory } from "../../controller/workers/payload_memory.ts";
import { JobCounter } from "../../controller/job_counter.ts";
import { WorkerMeter } from "../../controller/cluster/worker_meter.ts";
import { systemClock } from "../../runtime/clock.ts";
import { WallTime } from "../../system/wall_time.ts";
import { test } from "../lib/test.ts";

test("a job is recorded and counted when its output is written, and not before", async () => {
  const scene = new Scene();
  const writing = Promise.withResolvers<void>();
  scene.commit = () => writing.promise;
  scene.committer.onCompleted(completion("a", result(0, 5)));
  await turn();
  assert.deepEqual(scene.records, []);
  assert.deepEqual([scene.finished, scene.counter.counts.done, scene.window.isEmpty], [
    0,
    0,
    false,
  ]);
  writing.resolve();
  await turn();
  assert.deepEqual(scene.records, ["a: done"]);
  assert.deepEqual([scene.finished, scene.counter.counts.done, scene.window.isEmpty], [1, 1, true]);
});

test("an output that is written at once is recorded after it was written", () => {
  const scene = new Scene();
  scene.commit = () => void assert.deepEqual(scene.records, []);
  scene.committer.onCompleted(completion("a", result(0, 5)));
  assert.deepEqual(scene.records, ["a: done"]);
  assert(scene.window.isEmpty);
});

test("an output that went to a file as it arrived is that of a done job, once it has its name", async () => {
  const scene = new Scene();
  const moving = Promise.withResolvers<void>();
  scene.commitHuge = () => moving.promise;
  const stored = { byteLength: 2 ** 31, crc32: 7, discard: () => {}, finish: () => {} };
  const result = { exitCode: 0, output: new Uint8Array(0) };
  const answer = { kind: "result", result, stored } as unknown as Answer;
  scene.committer.onCompleted(completion("a", answer));
  await turn();
  assert.deepEqual([scene.records, scene.window.isEmpty], [[], false]);
  moving.resolve();
  await turn();
  assert.deepEqual(scene.records, ["a: done"]);
  const { done, failed } = scene.counter.counts;
  assert.deepEqual([scene.finished, done, failed, scene.window.isEmpty], [1, 1, 0, true]);
});

test("a failed job is recorded when the output of an earlier run is removed, and not before", async () => {
  const answers: Answer[] = [
    result(3, 5),
    { kind: "error", cause: "crash", message: "crashed: SIGSEGV" },
  ];
  for (const answer of answers) {
    const scene = new Scene();
    const removing = Promise.withResolvers<void>();
    scene.remove = () => removing.promise;
    scene.committer.onCompleted(completion("a", answer));
    await turn();
    assert.deepEqual([scene.records, scene.removed], [[], ["a"]]);
    removing.resolve();
    await turn();
    assert.deepEqual(scene.records, ["a: failed"]);
    assert(scene.window.isEmpty);
  }
});

test("a file that stays in the place of a failed job's output is told and noted, and the job has failed", async () => {
  const scene = new Scene();
  scene.remove = () => Promise.resolve("out/a");
  let isNoted: boolean | undefined;
  scene.add = ({ kept }) => isNoted = kept;
  scene.committer.onCompleted(completion("a", result(3, 5)));
  await turn();
  assert.deepEqual([scene.kept, isNoted, scene.finished], [["out/a"], true, 1]);
});

test("an output that cannot have its name fails its job, and any other error ends the run", async () => {
  for (const isLate of [false, true]) {
    for (const isNameError of [false, true]) {
      const scene = new Scene();
      const error = isNameError ? new OutputNameError("no such name") : new Error("no disk");
      scene.commit = () => {
        if (isLate) return Promise.reject(error);
        throw error;
      };
      scene.committer.onCompleted(completion("a", result(0, 5)));
      await turn();
      assert.deepEqual(scene.records, isNameError ? ["a: failed"] : []);
      assert.deepEqual(scene.errors, isNameError ? [] : [error]);
      assert(scene.window.isEmpty);
    }
  }
});

test("a record that cannot be added, or an output that cannot be removed, ends the run", async () => {
  const scene = new Scene();
  scene.add = () => {
    throw new Error("the journal is gone");
  };
  scene.committer.onCompleted(completion("a", result(0, 5)));
  scene.remove = () => Promise.reject(new Error("the disk is gone"));
  scene.committer.onCompleted(completion("b", result(1, 0)));
  await turn();
  assert.deepEqual(scene.errors.map(({ message }) => message), [
    "the journal is gone",
    "the disk is gone",
  ]);
  assert(scene.window.isEmpty);
});

test("inputs that are skipped or unreadable are finished without a worker, and keep their outputs", async () => {
  const scene = new Scene();
  for (let job = 0; job < 3; job++) scene.counter.onAdded();
  scene.counter.onAllAdded();
  scene.committer.onUnreadable({ kind: "unreadable", index: 0, name: "a", reason: "gone" });
  scene.committer.onSkipped({
    kind: "skipped",
    index: 1,
    name: "b",
    outcome: {
      state: "failed",
      reason: () => Promise.resolve({ error: "exit code 3", shared: "exit code 3" }),
    },
  });
  scene.committer.onSkipped({ kind: "skipped", index: 2, name: "c", outcome: { state: "done" } });
  assert.equal(scene.counter.needsWorkers, false);
  assert.deepEqual([scene.finished, scene.records, scene.removed], [3, ["a: failed"], []]);
  await turn();
  assert.deepEqual(scene.counter.counts.failures[1], { name: "b", reason: "exit code 3" });
  assert(scene.window.isEmpty);
});

test("however many reasons of earlier failures are looked up, no worker waits, and the run waits for all", async () => {
  const scene = new Scene();
  const disk = Promise.withResolvers<void>();
  for (let index = 0; index < 200; index++) {
    const reason = async () => {
      await disk.promise;
      return { error: `exit code ${index}`, shared: "exit code" };
    };
    const outcome = { state: "failed", reason } as const;
    scene.committer.onSkipped({ kind: "skipped", index, name: `${index}`, outcome });
  }
  assert.equal(scene.window.isFull, false);
  const empty = scene.window.empty();
  disk.resolve();
  await empty;
  const [group] = scene.counter.counts.failureGroups;
  assert.deepEqual([group?.jobs, scene.window.isEmpty], [200, true]);
});

test("a job whose output had to be checked is recorded again", () => {
  const scene = new Scene();
  const repeat = { input: "a", state: "done" } as JobRecord;
  const outcome = { state: "done", repeat } as const;
  scene.committer.onSkipped({ kind: "skipped", index: 0, name: "a", outcome });
  assert.deepEqual(scene.records, ["a: done"]);
});

test("the memory of an input and an output is given back when the output is written, and not before", async () => {
  const scene = new Scene();
  const writing = Promise.withResolvers<void>();
  scene.commit = () => writing.promise;
  const ended = completion("a", result(0, 5));
  scene.committer.onCompleted(ended);
  await turn();
  assert.deepEqual(scene.given, [1]); // the input, of one byte
  writing.resolve();
  await turn();
  assert.deepEqual(scene.given, [1, 5]);
  scene.committer.onCompleted(completion("b", result(3, 5)));
  await turn();
  assert.deepEqual(scene.given, [1, 5]); // that of a failed job may be kept
});

/** A committer whose disk does what the test says. */
class Scene {
  readonly records: string[] = [];
  readonly removed: string[] = [];
  readonly kept: string[] = [];
  readonly errors: Error[] = [];
  readonly given: number[] = [];
  finished = 0;
  readonly counter = new JobCounter(0);
  readonly window = new CommitWindow(() => {});
  commit: () => Promise<void> | void = () => {};
  commitHuge: () => Promise<void> = () => Promise.resolve();
  remove: () => Promise<string | void> = () => Promise.resolve();
  add: (record: JobRecord) => void = ({ input, state }) =>
    void this.records.push(`${input}: ${state}`);
  readonly committer = new Committer({
    sink: {
      commit: () => this.commit(),
      commitHuge: () => this.commitHuge(),
      remove: (name: string) => {
        this.removed.push(name);
        return this.remove();
      },
    } as unknown as DirectorySink,
    journal: {
      add: (record: JobRecord) => this.add(record),
      addDone: (record: JobRecord) => this.add(record),
    } as unknown as Journal,
    counter: this.counter,
    window: this.window,
    memory: {
      give: ({ byteLength }: Uint8Array) => void this.given.push(byteLength),
    } as PayloadMemory,
  }, {
    onFinished: () => void (this.finished += 1),
    onKept: (path) => void this.kept.push(path),
    onError: (error) => void this.errors.push(error as Error),
  });
}

function result(exitCode: number, bytes: number): Answer {
  return { kind: "result", result: { exitCode, output: new Uint8Array(bytes) } };
}

function completion(name: string, answer: Answer): Completion<ReadyTask> {
  const payload = { kind: "ready", index: 0, name, identity: "x", input: new Uint8Array(1) };
  const job = { payload, attempt: 1, bytes: 1, sentAtMs: 0, addedAtMs: 0 };
  const meter = new WorkerMeter(new WallTime(systemClock));
  const answered = { answer, worker: "a worker", meter, answeredAtMs: 1 };
  return { job, ...answered } as unknown as Completion<ReadyTask>;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
