/** The clusters that use one local worker. Each has a connection of its own, so that the worker shares its slots. */

import { Backoff } from "../../link/backoff.ts";
import { delay } from "../../runtime/clock.ts";
import type { ByteStream, ChildProcess, Runtime } from "../../runtime/ports.ts";
import type { LocalWorkerCluster } from "./local_worker_options.ts";
import { UNUSABLE_RETRY_MS } from "./reconnect.ts";

/** The name of the worker in messages. */
const LOCAL_WORKER_NAME = "this machine";

/** A connection that has lasted for this long was fine: its end is the first one again. */
const STABLE_MS = 60_000;

/** A connection that was lost is opened again after pauses of up to this time. */
const RECONNECT_PAUSE_MS_MAX = 10_000;

/** The clusters, and which of them are connected. */
export class LocalClusters {
  readonly #runtime: Runtime;
  readonly #all: Set<LocalWorkerCluster>;
  /** Whether the worker goes on when a connection ends. */
  readonly #isShared: boolean;
  /** Those that have no connection yet. */
  #unconnected: LocalWorkerCluster[] = [];
  #process: ChildProcess | undefined;
  readonly #backoff: Backoff;

  constructor(runtime: Runtime, clusters: readonly LocalWorkerCluster[], isShared: boolean) {
    this.#runtime = runtime;
    this.#all = new Set(clusters);
    this.#isShared = isShared;
    this.#backoff = new Backoff(() => runtime.random.fraction(), RECONNECT_PAUSE_MS_MAX);
  }

  get size(): number {
    return this.#all.size;
  }

  /** Adds one that gets a connection which the process opens anyway. */
  add(cluster: LocalWorkerCluster): void {
    this.#all.add(cluster);
    this.#unconnected.push(cluster);
  }

  /** Adds one for which the process opens one more connection. */
  connect(cluster: LocalWorkerCluster): void {
    this.#all.add(cluster);
    this.#reopen(cluster);
  }

  delete(cluster: LocalWorkerCluster): void {
    this.#all.delete(cluster);
    this.#unconnected = this.#unconnected.filter((other) => other !== cluster);
  }

  /** Another process is about to start, and connects to all. Returns how many these are. */
  onStarting(): number {
    this.#unconnected = [...this.#all];
    return this.#unconnected.length;
  }

  onStarted(process: ChildProcess): void {
    this.#process = process;
  }

  /** The process has opened a connection. */
  onConnected(stream: ByteStream): void {
    const cluster = this.#unconnected.shift();
    if (cluster) this.#join(cluster, stream);
    else stream.close();
  }

  /** The worker will not connect again. */
  giveUp(reason: string): void {
    for (const cluster of this.#all) cluster.giveUp(LOCAL_WORKER_NAME, reason);
  }

  #join(cluster: LocalWorkerCluster, stream: ByteStream): void {
    const { clock } = this.#runtime;
    const process = this.#process;
    const joinedAtMs = clock.now();
    cluster.join(stream, LOCAL_WORKER_NAME, (isUnusable) => {
      if (clock.now() - joinedAtMs >= STABLE_MS) this.#backoff.reset();
      if (this.#isShared) void this.#reconnect(cluster, process, isUnusable);
    });
  }

  /** A process that others still use does not end with a connection. After its end, a new one connects to all. */
  async #reconnect(
    cluster: LocalWorkerCluster,
    process: ChildProcess | undefined,
    isUnusable: boolean,
  ): Promise<void> {
    const isDue = () => this.#all.has(cluster) && this.#process === process;
    if (!isDue()) return;
    const pauseMs = isUnusable ? UNUSABLE_RETRY_MS : this.#backoff.next();
    await delay(this.#runtime.clock, pauseMs);
    if (isDue()) this.#reopen(cluster);
  }

  #reopen(cluster: LocalWorkerCluster): void {
    this.#unconnected.push(cluster);
    this.#process?.tell?.("\n");
  }
}
