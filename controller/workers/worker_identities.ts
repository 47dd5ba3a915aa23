/**
 * Who a worker is. The instance that a worker says it has is not proof: anybody can claim that of another worker. So
 * a claim never costs the worker that is connected under it. That one is asked whether it is still there; if it is,
 * the newcomer is used as a worker of its own.
 */

import { WORKER_SILENT_MS_MAX, type WorkerDescription } from "../../protocol/mod.ts";
import { oneLine } from "../../system/printable.ts";
import type { ConnectedWorker } from "./connected_worker.ts";
import { NodeNames } from "./node_names.ts";

/** A worker that has connected under the instance of another one, which was asked whether it is still there. */
interface Newcomer {
  readonly worker: ConnectedWorker;
  readonly other: ConnectedWorker;
  readonly sinceMs: number;
  /** `isOther`: the other worker is there, so that this is another one. */
  readonly onDecided: (isOther: boolean) => void;
}

/** The identities of all workers of a run. */
export class WorkerIdentities {
  readonly #newcomers = new Set<Newcomer>();
  /** The reasons why workers are excluded, by their identity. */
  readonly #excluded = new Map<string, string>();
  readonly #nodes = new NodeNames();
  /** Whose votes the results of workers without keys are: by their instances, and by the places of those dialed. */
  readonly #voters = new Map<string, string>();
  #duplicates = 0;

  /**
   * What a worker is called in this run: its instance, at the machine of its key or at the place where it is. If
   * another worker has the same, `isOther`, they are told apart.
   */
  identityOf({ proof, place }: ConnectedWorker, instance: string, isOther: boolean): string {
    const where = proof?.kind === "key" ? proof.machine : place;
    const identity = `${instance} at ${where}`;
    return isOther ? `${identity}, connection ${++this.#duplicates}` : identity;
  }

  /** The name of its node: what it says, with a number if another one says the same, or where it is. */
  nodeOf({ place }: ConnectedWorker, description: WorkerDescription | undefined): string {
    return this.#nodes.take(oneLine(description?.machine ?? "").trim() || place);
  }

  /**
   * Whose vote its results are: two workers on a machine have one. Without a key, the machine is not known. Then a process
   * that is reached at another place, and another process at its place, have the vote that it had.
   */
  voterOf({ proof, address, isLocal, origin }: ConnectedWorker, instance: string): string {
    if (proof?.kind === "key") return proof.machine;
    const known = this.#voters.get(instance);
    if (!address && !isLocal) return known ?? instance; // its port says nothing
    const place = `at ${origin}`;
    const voter = known ?? this.#voters.get(place) ?? instance;
    this.#voters.set(instance, voter).set(place, voter);
    return voter;
  }

  /** The worker among `members` that has the same instance, unless a proof shows that it is on another machine. */
  holderOf(
    instance: string,
    newcomer: ConnectedWorker,
    members: readonly ConnectedWorker[],
  ): ConnectedWorker | undefined {
    return members.find((worker) =>
      worker.state.kind === "ready" && worker.instance === instance && !areApart(worker, newcomer)
    );
  }

  exclude(identity: string, reason: string): void {
    this.#excluded.set(identity, reason);
  }

  /** Why a worker is excluded; `undefined` if it is not. */
  exclusionOf(identity: string): string | undefined {
    return this.#excluded.get(identity);
  }

  /** Asks `other` whether it is still there. `onDecided` follows, unless the newcomer is gone first. */
  ask(
    worker: ConnectedWorker,
    other: ConnectedWorker,
    nowMs: number,
    onDecided: (isOther: boolean) => void,
  ): void {
    const isAsked = [...this.#newcomers].some((newcomer) => newcomer.other === other);
    this.#newcomers.add({ worker, other, sinceMs: nowMs, onDecided });
    if (!isAsked) other.connection.pingOrClose(() => this.#decide(other, true));
  }

  /** A worker has disconnected. `wasReady`: it has the name of a node. */
  onGone(worker: ConnectedWorker, wasReady: boolean): void {
    if (wasReady) this.#nodes.release(worker.node);
    for (const newcomer of this.#newcomers) {
      if (newcomer.worker === worker) this.#newcomers.delete(newcomer);
    }
    this.#decide(worker, false);
  }

  /** Decides about those whose other one is silent about this, but not silent. */
  onTick(nowMs: number): void {
    for (const { other, sinceMs } of [...this.#newcomers]) {
      if (nowMs - sinceMs >= WORKER_SILENT_MS_MAX) this.#decide(other, true);
    }
  }

  #decide(other: ConnectedWorker, isOther: boolean): void {
    for (const newcomer of [...this.#newcomers]) {
      if (newcomer.other !== other || !this.#newcomers.delete(newcomer)) continue;
      newcomer.onDecided(isOther);
    }
  }
}

function areApart({ proof: one }: ConnectedWorker, { proof: other }: ConnectedWorker): boolean {
  return one?.kind === "key" && other?.kind === "key" && one.machine !== other.machine;
}
