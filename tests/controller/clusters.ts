/** A cluster in this process, and what it says: for tests against workers that follow a script. */

import assert from "node:assert/strict";
import { Cluster, type ClusterOptions } from "../../controller/cluster.ts";
import type { Completion, Task } from "../../controller/task.ts";
import { coreImage } from "../../controller/core_image.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { type Log, silentLog } from "../../runtime/log.ts";
import { eventually } from "../lib/processes.ts";

/** Scripted workers look at no core. */
const CORE = coreImage("any.so", new TextEncoder().encode("any core"));

/** A cluster that remembers everything. */
export class RecordedCluster implements Disposable {
  readonly cluster: Cluster<Task>;
  readonly completions: Completion<Task>[] = [];
  readonly warnings: string[] = [];
  /** Why the cluster has given up; undefined while it has not. */
  forsaken: readonly string[] | undefined;
  #added = 0;

  private constructor(make: (recorder: RecordedCluster) => Cluster<Task>) {
    this.cluster = make(this);
  }

  static async make(limits: ClusterOptions = {}): Promise<RecordedCluster> {
    const runtime = await detectRuntime();
    return new RecordedCluster((recorder) => {
      const log: Log = { ...silentLog, warn: (text) => recorder.warnings.push(text) };
      const events = {
        onCompleted: (completion: Completion<Task>) => void recorder.completions.push(completion),
        onForsaken: (reasons: readonly string[]) => {
          assert.equal(recorder.forsaken, undefined, "it gives up once");
          recorder.forsaken = reasons;
        },
      };
      return new Cluster(runtime, CORE, events, log, limits);
    });
  }

  /** Dials a worker on this machine. */
  dial({ port }: { readonly port: number }): void {
    this.cluster.dial({ kind: "tcp", host: "127.0.0.1", port });
  }

  /** Adds tasks and says that there will be no more. */
  addAll(inputs: readonly Uint8Array<ArrayBuffer>[]): void {
    for (const input of inputs) this.cluster.add({ index: this.#added++, input });
    this.cluster.end();
  }

  /** Waits until `count` tasks have ended. */
  async completed(count: number): Promise<void> {
    await eventually(`${count} tasks are completed`, () => {
      assert.equal(this.forsaken, undefined);
      return this.completions.length >= count;
    });
  }

  /** Every task so far has ended once, with its own input as its output. */
  assertEchoed(inputs: readonly Uint8Array[]): void {
    const sorted = this.completions.toSorted((one, other) =>
      one.job.payload.index - other.job.payload.index
    );
    assert.deepEqual(
      sorted.map(({ job }) => job.payload.index),
      inputs.map((_, index) => index),
    );
    for (const [index, { answer }] of sorted.entries()) {
      assert(answer.kind === "result", `task ${index} has failed`);
      assert.equal(answer.result.exitCode, 0);
      assert.deepEqual(answer.result.output, inputs[index]);
    }
  }

  /** Waits until no worker is left to hope for, and gives the reasons. */
  async givenUp(): Promise<readonly string[]> {
    return await eventually("the cluster gives up", () => this.forsaken);
  }

  [Symbol.dispose](): void {
    this.cluster.close();
  }
}

/** Inputs of which each tells its place. */
export function numberedInputs(count: number): Uint8Array<ArrayBuffer>[] {
  const utf8 = new TextEncoder();
  return Array.from({ length: count }, (_, index) => utf8.encode(`input ${index}`));
}
