/** A cluster in this process, and what it says: for tests against workers that follow a script. */

import assert from "node:assert/strict";
import { Cluster, type ClusterOptions } from "../../../controller/cluster/cluster.ts";
import type { Completion, Task } from "../../../controller/cluster/task.ts";
import { coreImage } from "../../../controller/workers/core_image.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import { type Log, silentLog } from "../../../system/log.ts";
import type { ReceivedJob, ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";

/** Scripted workers look at no core. */
export const CORE = coreImage("any.so", new TextEncoder().encode("any core"));

/** A cluster that remembers everything. */
export class RecordedCluster implements Disposable {
  readonly cluster: Cluster<Task>;
  readonly completions: Completion<Task>[] = [];
  readonly warnings: string[] = [];
  /** Why it makes no sense to go on. */
  readonly hopeless: Error[] = [];
  /** Why the cluster has given up; undefined while it has not. */
  forsaken: readonly string[] | undefined;
  #added = 0;

  private constructor(make: (recorder: RecordedCluster) => Cluster<Task>) {
    this.cluster = make(this);
  }

  static async make(limits: ClusterOptions = {}, core = CORE): Promise<RecordedCluster> {
    const runtime = await detectRuntime();
    return new RecordedCluster((recorder) => {
      const log: Log = { ...silentLog, warn: (text) => recorder.warnings.push(text) };
      const events = {
        onHopeless: (error: Error) => void recorder.hopeless.push(error),
        onCompleted: (completion: Completion<Task>) => void recorder.completions.push(completion),
        onForsaken: (reasons: readonly string[]) => {
          assert.equal(recorder.forsaken, undefined, "it gives up once");
          recorder.forsaken = reasons;
        },
      };
      return new Cluster(runtime, core, events, log, limits);
    });
  }

  /** Dials a worker on this machine. */
  dial({ port }: { readonly port: number }): void {
    this.cluster.dial({ kind: "tcp", host: "127.0.0.1", port });
  }

  /** Does without a worker on this machine. */
  leave({ port }: { readonly port: number }): void {
    this.cluster.leave({ kind: "tcp", host: "127.0.0.1", port });
  }

  /** Takes guests on this machine. Returns the port. */
  listen(): number {
    const address = this.cluster.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    assert(address.kind === "tcp");
    return address.port;
  }

  /** Adds tasks. */
  add(inputs: readonly Uint8Array<ArrayBuffer>[]): void {
    for (const input of inputs) this.cluster.add({ index: this.#added++, input });
  }

  /** Adds tasks and says that there will be no more. */
  addAll(inputs: readonly Uint8Array<ArrayBuffer>[]): void {
    this.add(inputs);
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

  /** Waits until nothing is queued or in flight, and checks the books. */
  async settled(): Promise<void> {
    await eventually("nothing is queued or in flight", () => {
      const { queued, inFlight } = this.cluster.status;
      return queued === 0 && inFlight === 0;
    });
    this.cluster.audit();
    assert.equal(this.cluster.status.queuedBytes, 0);
  }

  /** Waits until so many workers are connected. */
  async connected(count: number): Promise<void> {
    await eventually(`${count} workers`, () => this.cluster.status.workers === count);
  }

  /** How the tasks have ended, by their index: the output or the error as text. */
  get ends(): string[] {
    const ends: string[] = [];
    for (const { job, answer } of this.completions) {
      assert.equal(ends[job.payload.index], undefined, "a task ends once");
      ends[job.payload.index] = answer.kind === "error"
        ? `${answer.cause}: ${answer.message}`
        : `${answer.result.exitCode}: ${new TextDecoder().decode(answer.result.output)}`;
    }
    return ends;
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

/** What a job was sent, as text. */
export function textOf({ input }: Pick<ReceivedJob, "input">): string {
  return new TextDecoder().decode(input);
}

/** How often each input has come to a worker, by its text. */
export function countsOf({ received }: ScriptedWorker2): Map<string, number> {
  const counts = new Map<string, number>();
  for (const job of received.jobs) counts.set(textOf(job), (counts.get(textOf(job)) ?? 0) + 1);
  return counts;
}

/** The workers have nothing to complain about. */
export function assertPolite(...workers: { readonly complaints: readonly string[] }[]): void {
  assert.deepEqual(workers.flatMap(({ complaints }) => complaints), []);
}
