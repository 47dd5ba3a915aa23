/** The workers that a session uses, and the cores of the session that share them. */

import { resolve } from "node:path";
import { AddressError, formatAddress, parseAddress } from "../../link/address.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import { slotsFor } from "../../system/usable_cpus.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { LocalWorker } from "../workers/local_worker.ts";
import type { SessionTask } from "./session_jobs.ts";
import type { SessionOptions } from "./types.ts";

type SessionCluster = Cluster<SessionTask>;

/** The workers of all cores of a session. Each core has connections of its own. */
export class SessionWorkers {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #options: SessionOptions;
  /** By the text that `formatAddress` gives: callers may write an address in several ways. */
  readonly #addresses = new Map<string, Address>();
  readonly #clusters = new Set<SessionCluster>();
  #local: Promise<LocalWorker> | undefined;

  /** Throws an `AddressError`. */
  constructor(runtime: Runtime, log: Log, options: SessionOptions) {
    this.#runtime = runtime;
    this.#log = log;
    this.#options = options;
    for (const worker of options.workers ?? []) {
      const address = addressOf(worker);
      this.#addresses.set(formatAddress(address), address);
    }
    this.hasLocal = this.#addresses.size === 0;
  }

  /** Whether it has a worker of its own, on this machine. */
  readonly hasLocal: boolean;

  /** Connects a core to all workers. If the own worker cannot be started, the cluster is closed, and this rejects. */
  async attach(cluster: SessionCluster): Promise<void> {
    this.#clusters.add(cluster);
    for (const address of this.#addresses.values()) cluster.dial(address);
    if (!this.hasLocal) return;
    if (this.#local) return (await this.#local).share(cluster);
    this.#local = this.#startLocal(cluster);
    await this.#local.catch(async (error) => {
      this.#local = undefined; // there is none that would have to be closed
      await this.detach(cluster);
      throw error;
    });
  }

  /** A core is not used any more. The worker of the last one ends. */
  async detach(cluster: SessionCluster): Promise<void> {
    if (!this.#clusters.delete(cluster)) return;
    const local = await this.#local;
    local?.unshare(cluster);
    cluster.close();
    if (this.#clusters.size === 0) await local?.close();
  }

  add(worker: string): void {
    const address = addressOf(worker);
    this.#addresses.set(formatAddress(address), address);
    for (const cluster of this.#clusters) cluster.dial(address);
  }

  remove(worker: string): void {
    const address = addressOf(worker);
    this.#addresses.delete(formatAddress(address));
    for (const cluster of this.#clusters) cluster.stopDialing(address);
  }

  #startLocal(cluster: SessionCluster): Promise<LocalWorker> {
    const { threads, workdir, slots = slotsFor(threads), worker } = this.#options;
    const command = worker?.command;
    const runtime = command ? { ...this.#runtime, selfCommand: () => command } : this.#runtime;
    const shares = { slots, threads, workdir: workdir && resolve(workdir) };
    return LocalWorker.start(runtime, cluster, { shares, log: this.#log, isShared: true });
  }
}

/** No worker listens at port 0, which means any free one. Throws an `AddressError`. */
function addressOf(worker: string): Address {
  const address = parseAddress(worker);
  if (address.kind !== "tcp" || address.port > 0) return address;
  throw new AddressError(worker, "no worker is at port 0");
}
