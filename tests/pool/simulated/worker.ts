/** A simulated worker: a pool over slots, used like that of a real worker. */

import assert from "node:assert/strict";
import { type CurrentJob, Pool } from "../../../pool/pool.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId, Job } from "../../../pool/types.ts";
import type { Connection } from "./connection.ts";
import type { CoreLuck } from "./core_luck.ts";
import type { Plan, Task, WorkerPlan } from "./plan.ts";
import { SimulatedSlot } from "./slot.ts";
import type { Timeline } from "./timeline.ts";

const ORPHAN_LIMIT_MS = 5_000;
const TICK_MS = 250;

/** An audit looks at every job in flight, which may be thousands. */
const AUDIT_EVERY = 8;
const SLOT_BYTES_MAX = 4 * 1024 * 1024;

/** The answer to a job. After the last two the job is not done: the worker is draining, or the job was canceled. */
export type Outcome = "done" | "failed" | "coreUnavailable" | "returned" | "cancelled";

/** The controller's side of a connection, as its worker uses it. */
export interface Peer {
  onClosed(connection: Connection): void;
  onLoaded(connection: Connection): void;
  onLeaving(connection: Connection): void;
  onLoadFailed(connection: Connection, core: CoreKey): void;
  onAnswer(connection: Connection, dispatch: DispatchId, outcome: Outcome): void;
}

/** A controller's job in a worker. */
interface Relayed {
  readonly guest: Guest;
  readonly dispatch: DispatchId;
  readonly task: Task;
}

/** A connected controller. */
interface Guest {
  readonly peer: Peer;
  readonly connection: Connection;
  readonly client: ClientId;
  core: CoreKey | undefined;
  isBlocked: boolean;
  /** Its unanswered jobs, as the pool has them. */
  readonly open: Map<DispatchId, Job<Relayed> | undefined>;
}

/** A slot, whose process may be replaced. */
interface Place {
  slot: SimulatedSlot | undefined;
  endpoint: EndpointId | undefined;
}

/** A simulated worker: its slots, its controllers, and a pool between them. */
export class SimulatedWorker {
  readonly #timeline: Timeline;
  readonly #plan: Plan;
  readonly #own: WorkerPlan;
  readonly #luck: CoreLuck;
  readonly #guests = new Map<Connection, Guest>();
  readonly #places: Place[];
  readonly #placeOf = new Map<EndpointId, Place>();
  readonly #probes = new Map<CoreKey, ((isLoaded: boolean) => void)[]>();
  readonly #pool: Pool<Relayed>;
  /** The slot whose loss is being reported to the pool, and whether it died by itself. */
  #dying: { readonly isByItself: boolean } | undefined;
  #isScheduled = false;
  #isTicking = false;
  #passes = 0;
  #isLeaving = false;
  isAlive = true;

  constructor(
    timeline: Timeline,
    plan: Plan,
    own: WorkerPlan,
    luck: CoreLuck,
  ) {
    this.#timeline = timeline;
    this.#plan = plan;
    this.#own = own;
    this.#luck = luck;
    this.#pool = new Pool<Relayed>({
      load: (endpoint, core) => this.#load(endpoint, core),
      send: (endpoint, dispatch, job) => this.#send(endpoint, dispatch, job),
      crashed: (job) => this.#onCrashed(job),
      dropped: (job) => assert.ok(!this.#pool.isWanted(job), "only unwanted jobs are dropped"),
      coreUnavailable: (job) => this.#answer(job, "coreUnavailable"),
    }, { onLost: "isolate", isLocal: true, endpointBytesMax: SLOT_BYTES_MAX });
    this.#places = Array.from(
      { length: own.slots },
      () => ({ slot: undefined, endpoint: undefined }),
    );
    for (const place of this.#places) this.#bringUp(place);
  }

  get busyPart(): number {
    return this.#pool.utilization;
  }

  // Messages from controllers.

  onConnected(connection: Connection, peer: Peer): void {
    if (!this.isAlive) return connection.break();
    const client = this.#pool.onClientUp();
    const open = new Map<DispatchId, Job<Relayed> | undefined>();
    this.#guests.set(connection, {
      peer,
      connection,
      client,
      core: undefined,
      isBlocked: false,
      open,
    });
    if (this.#isLeaving) connection.carry(() => peer.onLeaving(connection));
  }

  onCore(connection: Connection, core: CoreKey): void {
    const guest = this.#guests.get(connection);
    if (!guest || !this.isAlive) return;
    this.#probe(core, (isLoaded) => {
      guest.core = isLoaded ? core : undefined;
      if (isLoaded) connection.carry(() => guest.peer.onLoaded(connection));
      else connection.carry(() => guest.peer.onLoadFailed(connection, core));
    });
  }

  onJob(connection: Connection, dispatch: DispatchId, task: Task): void {
    const guest = this.#guests.get(connection);
    if (!guest || !this.isAlive) return;
    assert.equal(guest.core, task.core, "jobs come for the core that is loaded");
    guest.open.set(dispatch, undefined);
    if (this.#isLeaving) return this.#say(guest, dispatch, "returned");
    const { client, open } = guest;
    const relayed = { guest, dispatch, task };
    const { nowMs } = this.#timeline;
    open.set(dispatch, this.#pool.onJob(client, task.core, task.bytes, relayed, nowMs));
    this.#wake();
  }

  /** Cancels a job, wherever it is, unless it is already answered. */
  onCancel(connection: Connection, dispatch: DispatchId): void {
    const guest = this.#guests.get(connection);
    if (!guest?.open.has(dispatch) || !this.isAlive) return;
    const job = guest.open.get(dispatch);
    assert.ok(job, "what is not answered is in the pool");
    const isOut = this.#pool.onCanceled(job);
    assert.ok(this.#pool.onCanceled(job) === isOut, "twice is no harm");
    this.#say(guest, dispatch, "cancelled");
    if (!isOut) this.#after(ORPHAN_LIMIT_MS, () => this.#endAbandoned());
    this.#wake();
  }

  onClosed(connection: Connection): void {
    const guest = this.#guests.get(connection);
    if (!guest || !this.isAlive) return;
    this.#guests.delete(connection);
    this.#pool.onClientGone(guest.client);
    if (this.#abandoned().length > 0) this.#after(ORPHAN_LIMIT_MS, () => this.#endAbandoned());
    this.#retireUnused();
    this.#wake();
  }

  // Failures.

  /** Dies with all its slots. Its connections notice. */
  die(): void {
    this.isAlive = false;
    for (const { slot } of this.#places) slot?.die(false);
    for (const connection of this.#guests.keys()) connection.break();
  }

  /** Drains: says that it takes no more jobs, returns the waiting ones, and keeps running. */
  leave(): void {
    this.#isLeaving = true;
    for (const guest of this.#guests.values()) {
      const { client, connection, peer } = guest;
      connection.carry(() => peer.onLeaving(connection));
      for (const { payload } of this.#pool.onQueueCanceled(client)) {
        this.#say(guest, payload.dispatch, "returned");
      }
    }
  }

  loseSlot(index: number): void {
    this.#places[index % this.#places.length]?.slot?.die(true);
  }

  /** One of its controllers accepts no results for a while. */
  stall(index: number, forMs: number): void {
    const guest = [...this.#guests.values()][index % Math.max(1, this.#guests.size)];
    if (!guest) return;
    this.#setBlocked(guest, true);
    this.#after(forMs, () => this.#setBlocked(guest, false));
  }

  #setBlocked(guest: Guest, isBlocked: boolean): void {
    guest.isBlocked = isBlocked;
    this.#pool.onClientBlocked(guest.client, isBlocked);
    this.#wake();
  }

  /** Checks that nothing is left when all controllers are done. */
  assertIdle(): void {
    if (!this.isAlive) return;
    const { queued, queuedBytes, inFlight } = this.#pool.counts();
    assert.deepEqual({ queued, queuedBytes, inFlight }, { queued: 0, queuedBytes: 0, inFlight: 0 });
    this.#pool.audit();
    for (const { open } of this.#guests.values()) assert.equal(open.size, 0, "all is answered");
  }

  // Slots.

  #bringUp(place: Place): void {
    this.#after(this.#plan.startMs, () => {
      const slot = this.#startSlot(place);
      place.slot = slot;
      place.endpoint = this.#pool.onEndpointUp(1);
      this.#placeOf.set(place.endpoint, place);
      this.#wake();
    });
  }

  #startSlot(place: Place): SimulatedSlot {
    const slot: SimulatedSlot = new SimulatedSlot(
      this.#timeline,
      {
        onAnswer: (dispatch) => this.#onAnswer(place, slot, dispatch),
        onEnded: (isByItself) => this.#onSlotEnded(place, slot, isByItself),
      },
      this.#own.answersAtOnce,
    );
    return slot;
  }

  /** A process that has loaded a core before is replaced. */
  #load(endpoint: EndpointId, core: CoreKey): void {
    const place = this.#placeOf.get(endpoint);
    if (!place?.slot) throw new Error(`endpoint ${endpoint} has no process`);
    const isReplaced = !place.slot.isFresh;
    if (isReplaced) place.slot = this.#startSlot(place);
    place.slot.load(core, this.#loadMs(isReplaced), this.#luck.draw(core), (isLoaded) => {
      if (!this.isAlive) return;
      if (isLoaded) this.#pool.onLoaded(endpoint, this.#timeline.nowMs);
      else this.#pool.onLoadFailed(endpoint, core, "it is bad", this.#timeline.nowMs);
      this.#endProbe(core, isLoaded);
      this.#wake();
    });
  }

  #loadMs(isReplaced: boolean): number {
    return this.#plan.loadMs + (isReplaced ? this.#plan.startMs : 0);
  }

  #onAnswer(place: Place, slot: SimulatedSlot, dispatch: DispatchId): void {
    if (!this.isAlive || place.slot !== slot || place.endpoint === undefined) return;
    const job = this.#pool.onAnswer(place.endpoint, dispatch, this.#timeline.nowMs);
    assert.ok(job, "a slot answers what it was sent");
    this.#answer(job, "done");
    this.#wake();
  }

  #onSlotEnded(place: Place, slot: SimulatedSlot, isByItself: boolean): void {
    if (!this.isAlive || place.slot !== slot) return;
    this.#dying = { isByItself };
    this.#forget(place);
    this.#dying = undefined;
    this.#wake();
  }

  #forget(place: Place): void {
    const { endpoint } = place;
    place.slot = undefined;
    place.endpoint = undefined;
    if (endpoint !== undefined) {
      this.#placeOf.delete(endpoint);
      this.#pool.onEndpointLost(endpoint, "crashed");
    }
    this.#bringUp(place);
  }

  // Cores.

  #probe(core: CoreKey, onEnd: (isLoaded: boolean) => void): void {
    const waiting = this.#probes.get(core);
    if (waiting) return void waiting.push(onEnd);
    const isHeld = this.#places.some(({ slot }) => slot?.core === core);
    if (isHeld) return onEnd(true);
    this.#probes.set(core, [onEnd]);
    const free = this.#pool.freeEndpoint();
    if (free !== undefined) return this.#pool.load(free, core);
    this.#after(this.#loadMs(true), () => this.#endProbe(core, this.#luck.draw(core)));
  }

  #endProbe(core: CoreKey, isLoaded: boolean): void {
    if (!isLoaded) this.#luck.onFailed(core);
    const waiting = this.#probes.get(core) ?? [];
    this.#probes.delete(core);
    for (const onEnd of waiting) onEnd(isLoaded);
  }

  /** Unloads cores that no controller can need any longer. */
  #retireUnused(): void {
    const wanted = new Set([...this.#guests.values()].map(({ core }) => core));
    for (const place of this.#places) {
      if (place.endpoint === undefined || place.slot?.core === undefined) continue;
      if (wanted.has(place.slot.core) || !this.#pool.isFree(place.endpoint)) continue;
      this.#forget(place);
    }
  }

  // Jobs.

  #send(endpoint: EndpointId, dispatch: DispatchId, job: Job<Relayed>): void {
    const slot = this.#placeOf.get(endpoint)?.slot;
    if (!slot) throw new Error(`endpoint ${endpoint} has no process`);
    assert.ok(!slot.isAlive || slot.core === job.core, "a slot gets jobs for the core that it has");
    this.#assertTail(endpoint);
    slot.send(dispatch, job.payload.task);
  }

  #onCrashed(job: Job<Relayed>): void {
    assert.ok(this.#dying, "a job crashes only when its slot is lost");
    if (this.#dying.isByItself) job.payload.task.isUnlucky = true;
    this.#answer(job, "failed");
  }

  #answer(job: Job<Relayed>, outcome: Outcome): void {
    if (this.#pool.isWanted(job)) this.#say(job.payload.guest, job.payload.dispatch, outcome);
  }

  #say(guest: Guest, dispatch: DispatchId, outcome: Outcome): void {
    assert.ok(guest.open.delete(dispatch), "a job is answered once");
    guest.connection.carry(() => guest.peer.onAnswer(guest.connection, dispatch, outcome));
  }

  #abandoned(): CurrentJob<Relayed>[] {
    return this.#pool.currentJobs().filter(({ job }) => !this.#pool.isWanted(job));
  }

  #endAbandoned(): void {
    for (const { endpoint } of this.#abandoned()) {
      this.#pool.onEndpointLeaving(endpoint);
      this.#placeOf.get(endpoint)?.slot?.die(false);
    }
  }

  // The scheduler's pass.

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#after(0, () => {
      this.#isScheduled = false;
      this.#pool.schedule(this.#timeline.nowMs);
      if (++this.#passes % AUDIT_EVERY === 0) this.#pool.audit();
      this.#assertBusy();
      this.#tick();
    });
  }

  /** Checks that no slot is idle while a job waits that it could run. */
  #assertBusy(): void {
    for (const { slot, endpoint } of this.#places) {
      if (endpoint === undefined || !slot?.core || !this.#pool.isFree(endpoint)) continue;
      for (const { client, core, isBlocked } of this.#guests.values()) {
        if (core !== slot.core || isBlocked) continue;
        assert.equal(this.#pool.queueOf(client).queued, 0, "no job waits for an idle slot");
      }
    }
  }

  /** Checks that no job waits behind another one if another slot is free soon. */
  #assertTail(endpoint: EndpointId): void {
    const { queued, inFlight, slots } = this.#pool.counts();
    const limit = Math.max(1, Math.ceil((queued + inFlight) / (2 * slots)));
    assert.ok(this.#pool.inFlightAt(endpoint) <= limit, `at most ${limit} jobs at one slot`);
  }

  /** Schedules again while any job waits, because some decisions depend on time. */
  #tick(): void {
    if (this.#isTicking || this.#pool.counts().queued === 0) return;
    this.#isTicking = true;
    this.#after(TICK_MS, () => {
      this.#isTicking = false;
      this.#wake();
    });
  }

  /** Does something later, if the worker is still running then. */
  #after(delayMs: number, act: () => void): void {
    this.#timeline.after(delayMs, () => this.isAlive && act());
  }
}
