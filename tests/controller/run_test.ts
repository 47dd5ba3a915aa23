/** The ways in which a run ends. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { TooManyFailuresError } from "../../controller/failure_limit.ts";
import { numberSource } from "../../controller/inputs/numbers.ts";
import type { Source } from "../../controller/inputs/source.ts";
import type { DirectorySink } from "../../controller/output/directory_sink.ts";
import { formatRunEvent } from "../../controller/output/journal/journal_record.ts";
import { OutputFolder } from "../../controller/output/output_folder.ts";
import { Run, type RunParts } from "../../controller/run.ts";
import { InterruptedError, TimeLimitError } from "../../controller/run_errors.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import type { ProcessEnd } from "../../runtime/ports.ts";
import { silentLog } from "../../system/log.ts";
import { Workspace } from "../cli/workspace.ts";
import { KINDS } from "../fixtures/peers/frames.ts";
import { type JobAnswer, ScriptedWorker2 } from "../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { CORE } from "./simulation.ts";

/** A run that takes longer never ends. */
const END_LIMIT_MS = 30_000;

/** Nothing of what a view may show. */
const NO_LIMITS = { oldestMax: 0, workerJobsMax: 0 };

const JOURNAL = "outputs/.distcomp/jobs.jsonl";

test("a run ends when each input has its output and its record", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  await using started = await StartedRun.start(worker, { source: numberSource(300) });
  await started.ended;
  const { done, failed, total, bytesIn, bytesOut } = started.run.status;
  assert.deepEqual([done, failed, total, bytesIn, bytesOut], [300, 0, 300, 790, 790]);
  const outputs = await started.workspace.outputsByNumber();
  assert.equal(Object.keys(outputs).length, 300);
  for (const [name, text] of Object.entries(outputs)) assert.equal(text, name);
  const records = await started.workspace.records();
  assert.deepEqual(records.map(({ input }) => Number(input)), [...Array(300).keys()]);
});

test("an interrupted run starts no more jobs, and has the results of those that ran", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  worker.hold();
  await using started = await StartedRun.start(worker, { source: numberSource(1_000_000) });
  await eventually("the slots are busy", () => worker.slots.busy === 2);
  started.run.interrupt();
  worker.release();
  await assert.rejects(started.ended, InterruptedError);
  const { done } = started.run.status;
  assert(done >= 2 && done < 32, `${done} of at least 64 queued jobs are done`);
  assert.equal((await started.workspace.records()).length, done);
  assert.equal(Object.keys(await started.workspace.outputs()).length, done);
});

test("an interrupted run does not wait for retries of the jobs that fail then", async () => {
  await using worker = await ScriptedWorker2.start({
    slots: 2,
    answerJob: () => ({ kind: KINDS.crash, text: "crashed" }),
  });
  worker.hold();
  await using started = await StartedRun.start(worker, { source: numberSource(1_000) });
  await eventually("the slots are busy", () => worker.slots.busy === 2);
  started.run.interrupt();
  worker.release();
  await assert.rejects(started.ended, InterruptedError);
  assert.deepEqual([started.run.status.done, started.run.status.failed], [0, 0]);
});

test("a run that has exceeded its limit of failures takes no further input, not even of the same batch", async () => {
  await using worker = await ScriptedWorker2.start();
  const batch = Array.from({ length: 5 }, (_, index) => {
    return { kind: "unreadable", index, name: String(index), reason: "gone" } as const;
  });
  const source: Source = {
    batches: (async function* () {
      yield await Promise.resolve(batch);
    })(),
    count: () => Promise.resolve(undefined),
  };
  const failureLimit = { unit: "jobs", max: 1 } as const;
  await using started = await StartedRun.start(worker, { source, failureLimit });
  await assert.rejects(started.ended, TooManyFailuresError);
  assert.equal(started.run.status.failed, 2);
});

test("an abandoned run does not wait for the jobs that run", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  worker.hold();
  await using started = await StartedRun.start(worker, { source: numberSource(1000) });
  await eventually("the slots are busy", () => worker.slots.busy === 2);
  started.run.interrupt();
  started.run.abandon();
  await assert.rejects(started.ended, InterruptedError);
  assert.equal(started.run.status.done, 0);
  worker.release();
});

test("an abandoned run does not wait for outputs that are being written", async () => {
  await using worker = await ScriptedWorker2.start();
  await using started = await StartedRun.start(worker, { source: numberSource(3) }, (sink) => {
    const stuck = { commit: () => new Promise<void>(() => {}), close: () => sink.close() };
    return stuck as unknown as DirectorySink;
  });
  await eventually("all jobs are answered", () => started.run.status.bytesOut === 3);
  started.run.abandon();
  await assert.rejects(started.ended, InterruptedError);
  assert.deepEqual(await started.workspace.records(), []);
});

test("a run that ends early waits for the outputs that are being written, and records them", async () => {
  await using worker = await ScriptedWorker2.start();
  const isAnswered = Promise.withResolvers<void>();
  const writing = Promise.withResolvers<void>();
  const source = failingSource(3, isAnswered.promise);
  await using started = await StartedRun.start(worker, { source }, delayed(writing.promise));
  let hasEnded = false;
  void started.ended.catch(() => hasEnded = true);
  await eventually("all jobs are answered", () => started.run.status.bytesOut === 3);
  isAnswered.resolve();
  await turns();
  assert(!hasEnded);
  writing.resolve();
  await assert.rejects(started.ended, { message: "no more paper" });
  assert.equal((await started.workspace.records()).length, 3);
  assert.equal(Object.keys(await started.workspace.outputs()).length, 3);
});

test("a local worker that exits while the last outputs are written is neither reported nor started again", async () => {
  await using worker = await ScriptedWorker2.start();
  const isAnswered = Promise.withResolvers<void>();
  const writing = Promise.withResolvers<void>();
  const processes: PromiseWithResolvers<ProcessEnd>[] = [];
  const runtime = {
    ...await detectRuntime(),
    spawn: () => {
      const end = Promise.withResolvers<ProcessEnd>();
      processes.push(end);
      return { pid: 4711, outputs: [], ended: end.promise, kill: () => {}, unref: () => {} };
    },
  };
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (text: string) => void warnings.push(text) };
  const parts = { source: failingSource(3, isAnswered.promise), local: { slots: 1 }, runtime, log };
  await using started = await StartedRun.start(worker, parts, delayed(writing.promise));
  await eventually("all jobs are answered", () => started.run.status.bytesOut === 3);
  isAnswered.resolve();
  await eventually(
    "the run ends",
    () => started.run.status.phase === "ending",
  );
  processes[0]?.resolve({ exitCode: 0 });
  await turns();
  writing.resolve();
  await assert.rejects(started.ended, { message: "no more paper" });
  assert.deepEqual([processes.length, warnings], [1, []]);
});

test("a resumed run has ended in its journal only if every output that it wrote has its record", async () => {
  for (const isAbandoned of [true, false]) {
    await using worker = await ScriptedWorker2.start();
    const before = formatRunEvent("begun", "a host", 4711, 0) +
      formatRunEvent("ended", "a host", 4711, 0);
    const stuck = (sink: DirectorySink) => {
      const commit = () => new Promise<void>(() => {});
      return { commit, close: () => sink.close() } as unknown as DirectorySink;
    };
    const sinkOf = isAbandoned ? stuck : undefined;
    await using started = await StartedRun.start(
      worker,
      { source: numberSource(3) },
      sinkOf,
      before,
    );
    await eventually("all jobs are answered", () => started.run.status.bytesOut === 3);
    if (isAbandoned) started.run.abandon();
    await started.ended.catch(() => {});
    const events = (await started.journal()).flatMap(({ run }) => run ?? []);
    assert.deepEqual(events.slice(2), isAbandoned ? ["begun"] : ["begun", "ended"]);
  }
});

test("an interrupt after the last job changes nothing", async () => {
  await using worker = await ScriptedWorker2.start();
  await using started = await StartedRun.start(worker, { source: numberSource(10) });
  await eventually("all jobs are done", () => started.run.status.done === 10);
  started.run.interrupt();
  await started.ended;
});

test("an error of the source ends the run with that error", async () => {
  await using worker = await ScriptedWorker2.start();
  await using started = await StartedRun.start(worker, { source: failingSource(3) });
  await assert.rejects(started.ended, { message: "no more paper" });
});

test("a time limit and failures that come while the last jobs run end nothing, and an interrupt is told", async () => {
  const failing = (): JobAnswer => ({ exitCode: 3, output: new Uint8Array(0) });
  const failureLimit = { unit: "jobs", max: 0 } as const;
  const cases = [
    { drain: (run: Run) => run.interrupt(new TimeLimitError(1)), end: "complete" },
    { drain: (run: Run) => run.interrupt(), error: InterruptedError, end: "interrupted" },
    { answerJob: failing, failureLimit, error: TooManyFailuresError, end: "complete" },
  ];
  for (const { drain, answerJob, failureLimit, error, end } of cases) {
    await using worker = await ScriptedWorker2.start({ slots: 3, ...answerJob && { answerJob } });
    worker.hold();
    const parts = { source: numberSource(3), failureLimit };
    await using started = await StartedRun.start(worker, parts);
    await eventually("the slots are busy", () => worker.slots.busy === 3);
    await eventually("all inputs are read", () => !started.run.view(NO_LIMITS).isReading);
    drain?.(started.run);
    worker.release();
    const problem = await started.ended.then(() => undefined, (error) => error);
    assert.equal(problem?.constructor, error);
    if (problem instanceof TooManyFailuresError) assert.equal(problem.wasStopped, false);
    const [done, failed] = answerJob ? [0, 3] : [3, 0];
    const noted = end === "complete" ? { end, left: 0, done, failed } : { end, left: 0 };
    assert.deepEqual(started.run.status.ending, noted);
  }
});

test("a time limit has ended a run that leaves an input, or a retry", async () => {
  for (const jobs of [3, 4]) {
    await using worker = await ScriptedWorker2.start({
      slots: 3,
      answerJob: () => jobs === 4 ? undefined : { kind: KINDS.crash, text: "crashed" },
    });
    worker.hold();
    await using started = await StartedRun.start(worker, { source: numberSource(jobs) });
    await eventually("the slots are busy", () => worker.slots.busy === 3);
    await eventually("all inputs are read", () => !started.run.view(NO_LIMITS).isReading);
    started.run.interrupt(new TimeLimitError(1));
    worker.release();
    await assert.rejects(started.ended, TimeLimitError);
    assert.equal(started.run.status.ending?.end, "time limit");
    assert.equal(started.run.status.ending?.left, jobs === 4 ? 1 : 3);
  }
});

test("too many failures stop a run, or make it fail in the end", async () => {
  const cases = [
    { jobs: 1000, failureLimit: { unit: "jobs", max: 2 }, wasStopped: true },
    { jobs: 10, failureLimit: { unit: "percent", max: 50 }, wasStopped: false },
  ] as const;
  for (const { jobs, failureLimit, wasStopped } of cases) {
    await using worker = await ScriptedWorker2.start({
      answerJob: () => ({ exitCode: 3, output: new Uint8Array(0) }),
    });
    await using started = await StartedRun.start(worker, {
      source: numberSource(jobs),
      failureLimit,
    });
    await assert.rejects(started.ended, (error) => {
      assert(error instanceof TooManyFailuresError);
      return error.wasStopped === wasStopped;
    });
    const { done, failed } = started.run.status;
    assert.equal(done, 0);
    assert(
      wasStopped ? failed > 2 && failed < jobs : failed === jobs,
      `${failed} jobs have failed`,
    );
  }
});

/** This many jobs, and then an error, once `failing` resolves. */
function failingSource(jobs: number, failing: Promise<void> = Promise.resolve()): Source {
  return {
    batches: (async function* () {
      yield* numberSource(jobs).batches;
      await failing;
      throw new Error("no more paper");
    })(),
    count: () => Promise.resolve(undefined),
  };
}

/** Makes a sink that writes nothing before `writing` resolves. */
function delayed(writing: Promise<void>): (sink: DirectorySink) => DirectorySink {
  return (sink) => {
    const commit = async (name: string, output: Uint8Array) => {
      await writing;
      await sink.commit(name, output);
    };
    return { commit, close: () => sink.close() } as unknown as DirectorySink;
  };
}

/** Rejects if a run does not end: a test that waited for it would not end either. */
async function inTime(ended: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`The run has not ended within ${END_LIMIT_MS / 1000} s`)),
    END_LIMIT_MS,
  );
  try {
    await Promise.race([ended, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Some turns of the event loop. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A run on one worker, in a folder of its own. */
class StartedRun implements AsyncDisposable {
  private constructor(
    readonly workspace: Workspace,
    readonly folder: OutputFolder,
    readonly run: Run,
    readonly ended: Promise<void>,
  ) {
    ended.catch(() => {}); // the test looks at it later
  }

  static async start(
    { port }: ScriptedWorker2,
    parts: Partial<RunParts> & Pick<RunParts, "source">,
    sinkOf = (sink: DirectorySink) => sink,
    /** The journal of earlier runs. */
    before = "",
  ): Promise<StartedRun> {
    const runtime = await detectRuntime();
    const workspace = await Workspace.make();
    if (before !== "") await workspace.write(JOURNAL, before);
    const options = { core: CORE.key, fresh: false, retryFailed: false };
    const folder = await OutputFolder.open(runtime, workspace.at("outputs"), options);
    const run = new Run({
      runtime,
      core: CORE,
      sink: sinkOf(folder.sink),
      journal: folder.journal,
      log: silentLog,
      workers: [{ kind: "tcp", host: "127.0.0.1", port }],
      ...parts,
    });
    return new StartedRun(workspace, folder, run, inTime(run.complete()));
  }

  /** All lines of the journal. */
  async journal(): Promise<{ readonly run?: string }[]> {
    const text = await readFile(this.workspace.at(JOURNAL), "utf8");
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.run.abandon();
    await this.ended.catch(() => {});
    await this.folder.release();
    assert.deepEqual(await this.workspace.leftovers(), []);
    await this.workspace[Symbol.asyncDispose]();
  }
}
