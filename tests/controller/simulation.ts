/** A cluster and scripted workers on a network in memory, in virtual time. */

import assert from "node:assert/strict";
import { Cluster, type ClusterOptions } from "../../controller/cluster/cluster.ts";
import type { Completion, Task } from "../../controller/cluster/cluster_types.ts";
import { coreImage } from "../../controller/workers/core_image.ts";
import type { ByteStream, PeerProof, Runtime } from "../../runtime/ports.ts";
import { type Log, silentLog } from "../../system/log.ts";
import { type Peer, type Script, startPeer } from "../fixtures/peers/scripted_worker.ts";
import {
  type Options2,
  type ReceivedJob,
  ScriptedWorker2,
} from "../fixtures/peers/scripted_worker_2.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { peerHost } from "../lib/memory_peers.ts";
import { test as plainTest } from "../lib/test.ts";

/** Scripted workers do not load it. */
export const CORE = coreImage("any.so", new TextEncoder().encode("any core"));

/** A round of reads that has begun when everything closes ends by itself within this time. */
const READ_ROUND_MS = 20;

/** Waits for something to be seen; `VirtualClock.until` is one way. */
export type Until = <T>(what: string, look: () => T | undefined | false) => Promise<T>;

/** Declares a test that has a simulation of its own, in which no timer may be left at the end. */
export function test(
  name: string,
  body: (simulation: Simulation) => void | Promise<void>,
): void {
  plainTest(name, async () => {
    const simulation = new Simulation();
    try {
      await body(simulation);
    } finally {
      await simulation.close();
    }
    assert.equal(simulation.network.clock.timers, 0, "timers are left");
  });
}

/** Everything that takes part. It is closed at the end of the test. */
export class Simulation {
  readonly network = new MemoryNetwork();
  readonly #host = peerHost(this.network);
  readonly #clusters: RecordedCluster[] = [];
  readonly #peers: { close(): Promise<void> }[] = [];

  /** A cluster, as a run has one. */
  cluster(options: ClusterOptions = {}, core = CORE): RecordedCluster {
    const { clock, runtime } = this.network;
    const until: Until = (what, look) => clock.until(what, look);
    const cluster = new RecordedCluster(runtime, until, options, core);
    this.#clusters.push(cluster);
    return cluster;
  }

  /** A worker of version 2 that listens. */
  async worker(options?: Options2): Promise<ScriptedWorker2> {
    return this.#closed(await ScriptedWorker2.start(options, this.#host));
  }

  /** Several workers of version 2. */
  workers(...options: Options2[]): Promise<ScriptedWorker2[]> {
    return Promise.all(options.map((own) => this.worker(own)));
  }

  /** A worker of version 2 that connects to a cluster which listens on `port`. */
  async dialingWorker(port: number, options?: Options2): Promise<ScriptedWorker2> {
    return this.#closed(await ScriptedWorker2.dialing(port, options, this.#host));
  }

  /** A worker of version 1 that listens, or a faulty peer. */
  async peer(script: Script): Promise<Peer> {
    return this.#closed(await startPeer(script, undefined, this.#host));
  }

  /** A connection with a worker that listens, of which this is proven. */
  async streamTo(port: number, proof: PeerProof): Promise<ByteStream> {
    const stream = await this.network.dial({ kind: "tcp", host: "127.0.0.1", port });
    return {
      peer: stream.peer,
      proof,
      read: (into) => stream.read(into),
      write: (bytes) => stream.write(bytes),
      endWrites: () => stream.endWrites(),
      close: () => stream.close(),
    };
  }

  /** Lets time pass until `look` returns a value, and returns that value. */
  until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    return this.network.clock.until(what, look);
  }

  /** Lets time pass. */
  advance(ms: number): Promise<void> {
    return this.network.clock.advance(ms);
  }

  async close(): Promise<void> {
    for (const { cluster } of this.#clusters) cluster.close();
    assert.deepEqual(this.#clusters.flatMap(({ problems }) => problems), []);
    for (const peer of this.#peers) await peer.close();
    await this.advance(READ_ROUND_MS);
  }

  #closed<P extends { close(): Promise<void> }>(peer: P): P {
    this.#peers.push(peer);
    return peer;
  }
}

/** A cluster that records all its events. */
export class RecordedCluster {
  readonly cluster: Cluster<Task>;
  readonly completions: Completion<Task>[] = [];
  readonly warnings: string[] = [];
  readonly infos: string[] = [];
  /** What jobs have printed. */
  readonly printed: string[] = [];
  /** Why the run should end. */
  readonly disagreements: Error[] = [];
  /** Why no worker is left; undefined while there are some, or some are awaited. */
  noWorkerReasons: readonly string[] | undefined;
  /** Tasks that were canceled after `cancelUnstarted` had returned. */
  canceled = 0;
  /** Errors that no cluster may have. */
  readonly problems: string[] = [];
  readonly #unended = new Set<Task>();
  readonly #until: Until;
  #added = 0;

  constructor(runtime: Runtime, until: Until, options: ClusterOptions = {}, core = CORE) {
    const log: Log = {
      ...silentLog,
      info: (text) => this.infos.push(text),
      warn: (text) => this.warnings.push(text),
    };
    this.#until = until;
    this.cluster = new Cluster<Task>(
      runtime,
      core,
      {
        onCompleted: (completion) => this.#onCompleted(completion),
        onCanceled: (count) => void (this.canceled += count),
        onPrinted: ({ lines }) => void this.printed.push(...lines),
        onDisagreement: (error) => void this.disagreements.push(error),
        onNoWorkerLeft: (reasons) => {
          if (this.noWorkerReasons) this.problems.push("it gives up twice");
          this.noWorkerReasons = reasons;
        },
      },
      log,
      options,
    );
  }

  /** Dials a worker. */
  dial({ port }: { readonly port: number }): void {
    this.cluster.dial({ kind: "tcp", host: "127.0.0.1", port });
  }

  /** Removes a worker that was dialed. */
  leave({ port }: { readonly port: number }): void {
    this.cluster.stopDialing({ kind: "tcp", host: "127.0.0.1", port });
  }

  /** Accepts workers. Returns the port. */
  listen(): number {
    const address = this.cluster.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    assert(address.kind === "tcp");
    return address.port;
  }

  /** Adds tasks, and returns them. */
  add(inputs: readonly Uint8Array<ArrayBuffer>[]): Task[] {
    const tasks = inputs.map((input) => ({ index: this.#added++, input }));
    tasks.forEach((task) => this.addTask(task));
    return tasks;
  }

  /** Adds a task that may have ended before. */
  addTask(task: Task, client: { add(task: Task): unknown } = this.cluster): void {
    this.#unended.add(task);
    client.add(task);
  }

  /** Adds tasks and says that there will be no more. */
  addAll(inputs: readonly Uint8Array<ArrayBuffer>[]): void {
    this.add(inputs);
    this.cluster.end();
  }

  #onCompleted(completion: Completion<Task>): void {
    const { payload } = completion.job;
    if (!this.#unended.delete(payload)) this.problems.push(`task ${payload.index} ends twice`);
    this.completions.push(completion);
  }

  /** Waits until `count` tasks have ended. */
  async completed(count: number): Promise<void> {
    await this.#until(`${count} tasks are completed`, () => {
      assert.equal(this.noWorkerReasons, undefined);
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
    for (const { job, answer } of sorted) {
      assert(answer.kind === "result", `task ${job.payload.index} failed`);
      assert.equal(answer.result.exitCode, 0);
      assert.deepEqual(answer.result.output, inputs[job.payload.index]);
    }
  }

  /** Waits until nothing is queued or in flight, and audits the pool. */
  async settled(): Promise<void> {
    await this.#until("nothing is queued or in flight", () => {
      const { queued, inFlight } = this.cluster.status;
      return queued === 0 && inFlight === 0;
    });
    this.cluster.audit();
    assert.equal(this.cluster.status.queuedBytes, 0);
  }

  /** Waits until this many workers are ready. */
  async connected(count: number): Promise<void> {
    await this.#until(`${count} workers`, () => this.cluster.status.workers === count);
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

  /** Waits until no worker is left, and gives the reasons. */
  async noWorkerLeft(): Promise<readonly string[]> {
    return await this.#until("the cluster gives up", () => this.noWorkerReasons);
  }
}

/** Inputs whose text is their index. */
export function numberedInputs(count: number): Uint8Array<ArrayBuffer>[] {
  const utf8 = new TextEncoder();
  return Array.from({ length: count }, (_, index) => utf8.encode(`input ${index}`));
}

/** The input of a job as text. */
export function textOf({ input }: Pick<ReceivedJob, "input">): string {
  return new TextDecoder().decode(input);
}

/** How often each input was sent to a worker, by its text. */
export function countsOf({ received }: ScriptedWorker2): Map<string, number> {
  const counts = new Map<string, number>();
  for (const job of received.jobs) counts.set(textOf(job), (counts.get(textOf(job)) ?? 0) + 1);
  return counts;
}

/** Asserts that the workers saw no protocol errors. */
export function assertPolite(...workers: { readonly complaints: readonly string[] }[]): void {
  assert.deepEqual(workers.flatMap(({ complaints }) => complaints), []);
}
