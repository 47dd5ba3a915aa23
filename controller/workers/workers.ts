/**
 * The workers of a run: which are connected, expected or excluded. Only this class opens and closes their
 * connections. It does not know about jobs.
 */

import { formatAddress } from "../../link/address.ts";
import { ReadRounds } from "../../link/read_rounds.ts";
import { LATEST_VERSION, type WorkerDescription } from "../../protocol/mod.ts";
import type { Address, ByteStream, Runtime } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import { connectionEnd, dialFailure } from "./attempt_end.ts";
import { AnswerMemory } from "./answer_memory.ts";
import { WorkerIdentities } from "./worker_identities.ts";
import { ConnectedWorker, type WorkerOrigin } from "./connected_worker.ts";
import { ConnectionWarnings } from "./connection_warnings.ts";
import { CoreRefusals } from "./core_refusals.ts";
import { DialPlaces } from "./dial_places.ts";
import { Listeners } from "./listeners.ts";
import { Histories } from "./histories.ts";
import { isAwaited, reasonsForNone, reasonsForWaiting, votesOf } from "./awaited_workers.ts";
import { Outage } from "./outage.ts";
import type { WorkerNeeds } from "./wait_policy.ts";
import { DIAL_MS_MAX, ReconnectingAddress } from "./reconnect.ts";
import { workerAdmission } from "./worker_admission.ts";
import { WorkerConnection } from "./worker_connection.ts";
import { LeavingError, RenegotiateError, UnusableWorkerError } from "./worker_errors.ts";
import type { WorkerHistory } from "./worker_history.ts";
import type { OnConnectionEnded } from "./local_worker_options.ts";
import type { WorkersEvents } from "./workers_events.ts";

/** The workers of a run. */
export class Workers {
  readonly #runtime: Runtime;
  readonly #events: WorkersEvents;
  readonly #log: Log;
  readonly #needs: WorkerNeeds;
  readonly #warnings: ConnectionWarnings;
  readonly #refusals: CoreRefusals;
  readonly #outage: Outage;
  readonly #connected = new Set<ConnectedWorker>();
  readonly #addresses = new Map<string, ReconnectingAddress>();
  readonly #histories = new Histories();
  readonly #identities = new WorkerIdentities();
  readonly #memory = new AnswerMemory((...answer) => this.#events.onDiscarded(...answer));
  readonly #listeners: Listeners;
  readonly #rounds: ReadRounds;
  readonly #places: DialPlaces;
  #isPaused = false;
  #isClosed = false;
  #hasHadMember = false;

  constructor(runtime: Runtime, log: Log, needs: WorkerNeeds, events: WorkersEvents) {
    this.#needs = needs;
    this.#runtime = runtime;
    this.#log = log;
    this.#events = events;
    this.#warnings = new ConnectionWarnings(log);
    this.#refusals = new CoreRefusals(log);
    this.#outage = new Outage(runtime.clock, log, this.#addresses);
    this.#rounds = new ReadRounds(runtime.clock, () => this.#connected.size);
    this.#places = new DialPlaces(log, runtime.system);
    const admission = workerAdmission(runtime, log, this.#places, () => this.#connected);
    this.#listeners = new Listeners(runtime, admission, (stream) => this.join(stream));
  }

  /** Whether more workers may connect. */
  get expectsMore(): boolean {
    return this.#listeners.count > 0 || this.awaitsAddress || this.isCutOff;
  }

  /** Why no worker has joined yet; `undefined` once one has. */
  get whyNone(): string[] | undefined {
    if (this.#hasHadMember) return undefined;
    const waiting = reasonsForWaiting([...this.#addresses.values()], this.#listeners.addresses);
    return [...this.#histories.problems, ...waiting];
  }

  /** Whether a worker that is dialed will probably connect soon. */
  get awaitsAddress(): boolean {
    return [...this.#addresses.values()].some(isAwaited);
  }

  /** Whether too few workers are connected, and one that was useful may return. */
  get isCutOff(): boolean {
    return votesOf(this.#members) < this.#needs.workersMin && this.#outage.untilMs !== undefined;
  }

  /** Dials a worker, and dials again whenever its connection ends. A worker that was given up is dialed at once. */
  dial(target: Address): void {
    const name = formatAddress(target);
    const known = this.#addresses.get(name);
    if (known) return known.onNamed();
    if (!this.#places.take(target, name)) return;
    const address: ReconnectingAddress = new ReconnectingAddress(name, this.#runtime, {
      dial: () => this.#dial(target, address),
      onGivenUp: () => this.#checkLeft(),
      report: (kind, reason) => {
        if (kind === "failed") this.#warnings.add(name, reason);
        else this.#refusals.warn(name, reason);
      },
    }, this.#needs);
    this.#addresses.set(name, address);
    address.start();
  }

  /** Accepts workers that connect to this run. Returns the address with the actual port. */
  listen(address: Address): Address {
    return this.#listeners.open(address);
  }

  /** Adds a worker that is already connected. `onEnded`: of one that this process has started. */
  join(stream: ByteStream, name = stream.peer, onEnded?: OnConnectionEnded): void {
    const history = this.#histories.of(name);
    this.#connect(stream, { name, address: undefined, history, onEnded });
  }

  /** Removes a worker that was dialed: it finishes its jobs and is not dialed again. */
  stopDialing(target: Address): void {
    const name = formatAddress(target);
    this.#places.free(name);
    const address = this.#addresses.get(name);
    if (!address) return;
    this.#addresses.delete(name);
    address.remove();
    for (const worker of [...this.#connected]) {
      if (worker.address === address) this.drain(worker);
    }
    this.#checkLeftSoon();
  }

  /** A worker that was expected to `join` will not do so (again). */
  giveUp(name: string, reason: string): void {
    this.#reject(name, this.#histories.of(name), reason);
  }

  /** The worker starts no more jobs. Either it sent a notice, or it refused a job, for `reason`. */
  drain(worker: ConnectedWorker, reason?: string): void {
    const { kind } = worker.state;
    if (kind === "connecting") this.disconnect(worker, new LeavingError());
    if (kind !== "ready") return;
    worker.onDraining();
    this.#events.onDraining(worker, reason);
  }

  /** Closes a worker's connection. `reason` determines when it is dialed again. */
  disconnect(worker: ConnectedWorker, reason?: Error): void {
    worker.connection.close(reason);
  }

  /** Excludes a worker for the rest of the run. */
  exclude(identity: string, reason: string): void {
    this.#identities.exclude(identity, reason);
    for (const worker of this.#members) {
      if (worker.identity === identity) this.disconnect(worker, new UnusableWorkerError(reason));
    }
  }

  /** Pauses or resumes reading answers. While reading is paused, workers have to wait. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const { connection } of this.#members) connection.pause(isPaused);
  }

  /** Call it several times a second. */
  onTick(nowMs: number): void {
    for (const { connection } of [...this.#connected]) connection.onTick(nowMs);
    this.#warnings.onTick(nowMs, this.#addresses.size);
    this.#refusals.onTick(nowMs);
    this.#identities.onTick(nowMs);
    this.#memory.onTick(nowMs, !this.#isPaused);
    const { giveUpMs, workersMin } = this.#needs;
    const hasWaited = ({ connectedAtMs }: ConnectedWorker) => nowMs - connectedAtMs > giveUpMs;
    if (votesOf(this.#members) < workersMin && this.#members.some(hasWaited)) this.#checkLeft();
  }

  /** Disconnects all workers. */
  close(): void {
    this.#isClosed = true;
    this.#refusals.flush();
    for (const address of this.#addresses.values()) address.remove();
    this.#listeners.close();
    for (const worker of [...this.#connected]) this.disconnect(worker);
  }

  get #members(): ConnectedWorker[] {
    return [...this.#connected].filter(({ isMember }) => isMember);
  }

  // The life of a connection.

  #dial(target: Address, address: ReconnectingAddress): void {
    const { name, history } = address;
    this.#runtime.dial(target, DIAL_MS_MAX).then(
      (stream) => {
        if (address.isRemoved) stream.close();
        else this.#connect(stream, { name, address, history });
      },
      (error) => address.onEnded(dialFailure(error)),
    );
  }

  #connect(stream: ByteStream, origin: WorkerOrigin): void {
    if (this.#isClosed) return stream.close();
    const { clock } = this.#runtime;
    const version = origin.onEnded ? LATEST_VERSION : origin.history.versions.version;
    const connection = new WorkerConnection(stream, clock, version, {
      findPlace: this.#events.memory?.findPlace,
      references: this.#events.memory,
      hugeOutputs: this.#events.hugeOutputs,
      onIntroduced: (description) => this.#onIntroduced(worker, description),
      onCoreLoaded: () => {
        worker.address?.onCoreLoaded();
        this.#events.onCoreLoaded(worker);
      },
      onCoreFailed: (reason) => this.disconnect(worker, new UnusableWorkerError(reason)),
      onDraining: () => this.drain(worker),
      onArriving: (payload) => this.#memory.onArriving(worker, payload),
      onClosed: (reason) => this.#onClosed(worker, reason),
    }, this.#rounds);
    const { proof } = stream;
    const worker = new ConnectedWorker({ ...origin, proof }, connection, clock.now());
    this.#connected.add(worker);
    connection.start();
  }

  /** A worker has described itself. Decides whether to use it. */
  #onIntroduced(worker: ConnectedWorker, description: WorkerDescription | undefined): void {
    if (worker.history.versions.onAgreed(worker.connection.version)) {
      this.#decide(worker, description, undefined);
    } else this.disconnect(worker, new RenegotiateError());
  }

  /** `answered`: another worker with the same instance, which is still there. */
  #decide(
    worker: ConnectedWorker,
    description: WorkerDescription | undefined,
    answered: ConnectedWorker | undefined,
  ): void {
    const { address, connection } = worker;
    const instance = description?.instance ?? worker.name;
    const identity = this.#identities.identityOf(worker, instance, answered !== undefined);
    const excluded = this.#identities.exclusionOf(identity) ??
      this.#events.refusalOf?.(worker.name, description);
    if (excluded !== undefined) return this.disconnect(worker, new UnusableWorkerError(excluded));
    const other = description && this.#identities.holderOf(instance, worker, this.#members);
    if (other?.address && address) {
      address.onDuplicate(instance);
      const problem = `it is the same worker as ${other.name}, which is already connected`;
      return this.disconnect(worker, new UnusableWorkerError(problem));
    }
    if (other && !answered) {
      return this.#identities.ask(worker, other, this.#runtime.clock.now(), (isOther) => {
        this.#decide(worker, description, isOther ? other : undefined);
      });
    }
    if (answered) {
      this.#log.info(
        `worker ${worker.name} reports the same id as ${answered.name}; treating them as two workers`,
      );
    }
    this.#hasHadMember = true;
    address?.onReady();
    if (this.isCutOff) this.#outage.onReturn();
    const node = this.#identities.nodeOf(worker, description);
    const voter = this.#identities.voterOf(worker, instance);
    worker.onReady(description, { identity, node, voter });
    connection.pause(this.#isPaused);
    this.#events.onReady(worker);
  }

  #onClosed(worker: ConnectedWorker, error: Error | undefined): void {
    this.#connected.delete(worker);
    if (this.#isClosed) return;
    const { address, history, instance, name, state } = worker;
    const end = connectionEnd(worker, error, this.#runtime.clock.now());
    worker.onGone();
    this.#memory.onGone(worker);
    if (end.kind !== "renegotiate" && end.wasReady) {
      const kind = state.kind === "draining" ? "drained" : end.kind;
      const mayBeJobsFault = history.onGone(worker.answers, kind === "unusable");
      this.#events.onGone(worker, { kind, reason: end.reason, mayBeJobsFault });
      for (const other of this.#addresses.values()) other.onInstanceGone(instance);
      if (this.#isClosed) return; // by the owner, who was told just now
    }
    // Only now, because a newcomer that was waiting for this is ready at once, as the same worker.
    this.#identities.onGone(worker, state.kind !== "connecting");
    address?.onEnded(end);
    worker.onEnded?.(end.kind === "unusable");
    if (address?.isRemoved) this.#checkLeftSoon();
    if (!address && end.kind === "unusable") this.#reject(name, history, end.reason);
  }

  /** A worker that is not dialed cannot be used. If it was the last one, the run's error has the reason. */
  #reject(name: string, history: WorkerHistory, reason: string): void {
    const isNew = history.isNew(reason); // the worker may connect again and again
    if (isNew) history.unusable = `${name}: ${reason}`;
    this.#checkLeft();
    if (isNew && !this.#isClosed) this.#refusals.warn(name, reason);
  }

  /** Reports `onNoneLeft` if too few workers are left and no other is expected. */
  #checkLeft(): void {
    if (this.#isClosed || this.#listeners.count > 0) return;
    const addresses = [...this.#addresses.values()];
    const reasons = reasonsForNone([...this.#connected], addresses, this.#needs.workersMin);
    if (!reasons || this.#outage.isAwaited(this.#members.length)) return;
    reasons.unshift(...this.#histories.problems.reverse());
    if (this.#needs.whenNone === "end") {
      this.#refusals.drop();
      this.close();
    }
    this.#events.onNoneLeft(reasons.length > 0 ? reasons : ["the worker list is empty"]);
  }

  /** `#checkLeft` after the caller has returned, as it may be about to add other workers. */
  #checkLeftSoon(): void {
    queueMicrotask(() => this.#checkLeft());
  }
}
