/**
 * The workers of a run: which are connected, which may come, which are not to be used. It alone opens and
 * closes their connections. Which jobs they have is not known here.
 */

import { formatAddress } from "../../link/address.ts";
import { LATEST_VERSION, type WorkerDescription } from "../../protocol/mod.ts";
import type { Address, ByteStream, Runtime } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import { connectionEnd, dialFailure } from "./attempt_end.ts";
import { ConnectedWorker, type WorkerOrigin } from "./connected_worker.ts";
import { ConnectionWarnings } from "./connection_warnings.ts";
import { Listeners } from "./listeners.ts";
import { isAwaited, reasonsForNone } from "./prospects.ts";
import { GIVE_UP_MS, ReconnectingAddress } from "./reconnect.ts";
import { WorkerConnection } from "./worker_connection.ts";
import { RenegotiateError, UnusableWorkerError } from "./worker_errors.ts";
import { WorkerHistory } from "./worker_history.ts";

/** One attempt to connect. */
const DIAL_MS_MAX = 10_000;

/** How a worker that was ready has gone. */
export interface Departure {
  /** `drained`: it was to leave. `failed`: it was lost. `unusable`: it was rejected. */
  readonly kind: "drained" | "failed" | "unusable";
  readonly reason: string;
  /** It, or one before it, has answered jobs: one of the jobs that it had may be what ended it. */
  readonly mayBeJobsFault: boolean;
}

/** What the owner hears of workers. */
export interface WorkersEvents {
  /** A worker can be used. Its answers go to whom `connection.serve` names. */
  onReady(worker: ConnectedWorker): void;
  onCoreLoaded(worker: ConnectedWorker): void;
  /** A ready worker starts no more jobs. */
  onDraining(worker: ConnectedWorker): void;
  /** A worker that was ready is gone. */
  onGone(worker: ConnectedWorker, departure: Departure): void;
  /** Too few workers are left, and no other may come. Called once. */
  onNoneLeft(reasons: readonly string[]): void;
}

/** A run's workers. */
export class Workers {
  readonly #runtime: Runtime;
  readonly #events: WorkersEvents;
  readonly #log: Log;
  /** Fewer workers are of no use. */
  readonly #workersMin: number;
  readonly #warnings: ConnectionWarnings;
  readonly #connected = new Set<ConnectedWorker>();
  readonly #addresses = new Map<string, ReconnectingAddress>();
  /** Of workers that are not dialed, by their host: each connects from another port. */
  readonly #histories = new Map<string, WorkerHistory>();
  /** Why instances are not used again. */
  readonly #excluded = new Map<string, string>();
  readonly #listeners: Listeners;
  #isPaused = false;
  #isClosed = false;

  constructor(runtime: Runtime, log: Log, workersMin: number, events: WorkersEvents) {
    this.#runtime = runtime;
    this.#log = log;
    this.#workersMin = workersMin;
    this.#events = events;
    this.#warnings = new ConnectionWarnings(log);
    this.#listeners = new Listeners(runtime, (stream) => this.join(stream));
  }

  /** Whether workers may come that are not connected now. */
  get expectsMore(): boolean {
    return this.#listeners.count > 0 || [...this.#addresses.values()].some(isAwaited);
  }

  /** Dials a worker, and dials again when it is gone. One that was given up is dialed at once. */
  dial(target: Address): void {
    const name = formatAddress(target);
    const known = this.#addresses.get(name);
    if (known) return known.onNamed();
    const address: ReconnectingAddress = new ReconnectingAddress(name, this.#runtime, {
      dial: () => this.#dial(target, address),
      onGivenUp: () => this.#checkLeft(),
      report: (kind, reason) => {
        if (kind === "failed") this.#warnings.add(name, reason);
        else this.#log.warn(`cannot use worker ${name}: ${reason}`);
      },
    });
    this.#addresses.set(name, address);
    address.start();
  }

  /** Accepts workers that connect to us. Returns where. */
  listen(address: Address): Address {
    return this.#listeners.open(address);
  }

  /** Takes a worker that is connected already. `isLocal`: this process has started it. */
  join(stream: ByteStream, name = stream.peer, isLocal = false): void {
    const history = this.#historyOf(name);
    this.#connect(stream, { name, address: undefined, history, isLocal });
  }

  /** Stops dialing a worker. It finishes the jobs that it has. */
  stopDialing(target: Address): void {
    const name = formatAddress(target);
    const address = this.#addresses.get(name);
    if (!address) return;
    this.#addresses.delete(name);
    address.remove();
    for (const worker of [...this.#connected]) {
      if (worker.address === address) this.drain(worker);
    }
    this.#checkLeftSoon();
  }

  /** A worker that was to be handed in will not come (again). */
  giveUp(name: string, reason: string): void {
    this.#reject(name, this.#historyOf(name), reason);
  }

  /** The worker starts no more jobs: it has said so, or it shows. */
  drain(worker: ConnectedWorker): void {
    const { kind } = worker.state;
    if (kind === "connecting") this.disconnect(worker, new Error("it is draining"));
    if (kind !== "ready") return;
    worker.onDraining();
    this.#log.info(`worker ${worker.name} is draining`);
    this.#events.onDraining(worker);
  }

  /** Ends a worker's connection. After an `UnusableWorkerError` it is not used until that has changed. */
  disconnect(worker: ConnectedWorker, reason?: Error): void {
    worker.connection.close(reason);
  }

  /** A worker is not to be used again, whatever address it comes from. */
  exclude(instance: string, reason: string): void {
    this.#excluded.set(instance, reason);
    for (const worker of this.#members) {
      if (worker.instance === instance) this.disconnect(worker, new UnusableWorkerError(reason));
    }
  }

  /** Stops reading answers, so that workers have to wait, or reads on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const { connection } of this.#members) connection.pause(isPaused);
  }

  /** Call it several times a second. */
  onTick(nowMs: number): void {
    for (const { connection } of [...this.#connected]) connection.onTick(nowMs);
    this.#warnings.flush(this.#addresses.size);
    const members = this.#members;
    const hasWaited = ({ connectedAtMs }: ConnectedWorker) => nowMs - connectedAtMs > GIVE_UP_MS;
    if (members.length < this.#workersMin && members.some(hasWaited)) this.#checkLeft();
  }

  /** Disconnects all workers. */
  close(): void {
    this.#isClosed = true;
    for (const address of this.#addresses.values()) address.remove();
    this.#listeners.close();
    for (const worker of [...this.#connected]) this.disconnect(worker);
  }

  get #members(): ConnectedWorker[] {
    return [...this.#connected].filter(({ isMember }) => isMember);
  }

  #historyOf(name: string): WorkerHistory {
    const host = name.replace(/:\d+$/, "");
    const history = this.#histories.get(host) ?? new WorkerHistory();
    this.#histories.set(host, history);
    return history;
  }

  // A connection from its beginning to its end.

  #dial(target: Address, address: ReconnectingAddress): void {
    const { name, history } = address;
    this.#runtime.dial(target, DIAL_MS_MAX).then(
      (stream) => {
        if (address.isRemoved) stream.close();
        else this.#connect(stream, { name, address, history, isLocal: false });
      },
      (error) => address.onEnded(dialFailure(error)),
    );
  }

  #connect(stream: ByteStream, origin: WorkerOrigin): void {
    if (this.#isClosed) return stream.close();
    const { clock } = this.#runtime;
    const version = origin.isLocal ? LATEST_VERSION : origin.history.versions.version;
    const connection = new WorkerConnection(stream, clock, version, {
      onIntroduced: (description) => this.#onIntroduced(worker, description),
      onCoreLoaded: () => {
        worker.address?.onCoreLoaded();
        this.#events.onCoreLoaded(worker);
      },
      onCoreFailed: (reason) => this.disconnect(worker, new UnusableWorkerError(reason)),
      onDraining: () => this.drain(worker),
      onClosed: (reason) => this.#onClosed(worker, reason),
    });
    const worker = new ConnectedWorker(origin, connection, clock.now());
    this.#connected.add(worker);
    connection.start();
  }

  /** A worker has introduced itself. Is it to be used? */
  #onIntroduced(worker: ConnectedWorker, description: WorkerDescription | undefined): void {
    const { address, connection, history } = worker;
    if (!history.versions.onAgreed(connection.version)) {
      return this.disconnect(worker, new RenegotiateError());
    }
    const instance = description?.instance ?? worker.name;
    const excluded = this.#excluded.get(instance);
    if (excluded !== undefined) return this.disconnect(worker, new UnusableWorkerError(excluded));
    const other = description && this.#readyInstance(instance);
    if (other && address) {
      address.onDuplicate(instance);
      const problem = `it is the same worker as ${other.name}, which is already connected`;
      return this.disconnect(worker, new UnusableWorkerError(problem));
    }
    // It has connected to us again: it no longer uses the old connection, for whatever reason.
    if (other) this.disconnect(other, new Error("it connected again"));
    worker.onReady(description);
    address?.onReady();
    connection.pause(this.#isPaused);
    this.#events.onReady(worker);
  }

  #readyInstance(instance: string): ConnectedWorker | undefined {
    return this.#members.find((worker) =>
      worker.state.kind === "ready" && worker.instance === instance
    );
  }

  #onClosed(worker: ConnectedWorker, error: Error | undefined): void {
    this.#connected.delete(worker);
    if (this.#isClosed) return;
    const { address, history, instance, name, state } = worker;
    const end = connectionEnd(worker, error, this.#runtime.clock.now());
    worker.onGone();
    if (end.kind !== "renegotiate" && end.wasReady) {
      const isDraining = state.kind === "draining";
      this.#onMemberGone(worker, isDraining ? "drained" : end.kind, end.reason);
      for (const other of this.#addresses.values()) other.onInstanceGone(instance);
    }
    address?.onEnded(end);
    if (address?.isRemoved) this.#checkLeftSoon();
    if (!address && end.kind === "unusable") this.#reject(name, history, end.reason);
  }

  #onMemberGone(worker: ConnectedWorker, kind: Departure["kind"], reason: string): void {
    const { history, answers } = worker;
    const isRejected = kind === "unusable";
    history.hasAnswered ||= answers > 0;
    const mayBeJobsFault = history.hasAnswered && !(isRejected && history.wasRejected);
    history.wasRejected ||= isRejected;
    this.#events.onGone(worker, { kind, reason, mayBeJobsFault });
  }

  /** A worker that is not dialed cannot be used. If it was the last, the run's end says why. */
  #reject(name: string, history: WorkerHistory, reason: string): void {
    const isNews = history.isNews(reason); // it may connect again and again
    if (isNews) history.unusable = `${name}: ${reason}`;
    this.#checkLeft();
    if (isNews && !this.#isClosed) this.#log.warn(`cannot use worker ${name}: ${reason}`);
  }

  /** Ends the run's wait for workers if there is nothing to wait for. */
  #checkLeft(): void {
    if (this.#isClosed || this.#listeners.count > 0) return;
    const addresses = [...this.#addresses.values()];
    const reasons = reasonsForNone([...this.#connected], addresses, this.#workersMin);
    if (!reasons) return;
    for (const { unusable } of this.#histories.values()) if (unusable) reasons.unshift(unusable);
    this.close();
    this.#events.onNoneLeft(reasons.length > 0 ? reasons : ["the worker list is empty"]);
  }

  /** The same when the caller is done: it may be about to name other workers. */
  #checkLeftSoon(): void {
    queueMicrotask(() => this.#checkLeft());
  }
}
