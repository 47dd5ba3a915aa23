/** The ways in which a run ends. */

import assert from "node:assert/strict";
import { TooManyFailuresError } from "../../controller/failure_limit.ts";
import { numberSource } from "../../controller/inputs/numbers.ts";
import type { Source } from "../../controller/inputs/source.ts";
import type { DirectorySink } from "../../controller/output/directory_sink.ts";
import { OutputFolder } from "../../controller/output/output_folder.ts";
import { Run, type RunParts } from "../../controller/run.ts";
import { InterruptedError } from "../../controller/run_errors.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { silentLog } from "../../system/log.ts";
import { Workspace } from "../cli/workspace.ts";
import { ScriptedWorker2 } from "../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { CORE } from "./simulation.ts";

test("a run ends when each input has its output and its record", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  await using started = await StartedRun.start(worker, { source: numberSource(300) });
  await started.ended;
  const { done, failed, total, bytesIn, bytesOut } = started.run.status;
  assert.deepEqual([done, failed, total, bytesIn, bytesOut], [300, 0, 300, 790, 790]);
  const outputs = await started.workspace.outputs();
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

test("an interrupt after the last job changes nothing", async () => {
  await using worker = await ScriptedWorker2.start();
  await using started = await StartedRun.start(worker, { source: numberSource(10) });
  await eventually("all jobs are done", () => started.run.status.done === 10);
  started.run.interrupt();
  await started.ended;
});

test("an error of the source ends the run with that error", async () => {
  await using worker = await ScriptedWorker2.start();
  const failing: Source = {
    batches: (async function* () {
      yield* numberSource(3).batches;
      throw new Error("no more paper");
    })(),
    count: () => Promise.resolve(undefined),
  };
  await using started = await StartedRun.start(worker, { source: failing });
  await assert.rejects(started.ended, { message: "no more paper" });
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
    parts: Pick<RunParts, "source" | "failureLimit">,
    sinkOf = (sink: DirectorySink) => sink,
  ): Promise<StartedRun> {
    const runtime = await detectRuntime();
    const workspace = await Workspace.make();
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
    return new StartedRun(workspace, folder, run, run.complete());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.run.abandon();
    await this.ended.catch(() => {});
    await this.folder.release();
    assert.deepEqual(await this.workspace.leftovers(), []);
    await this.workspace[Symbol.asyncDispose]();
  }
}
