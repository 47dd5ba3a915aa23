/** A pool whose actions are recorded, with a clock that the test advances. */

import assert from "node:assert/strict";
import { Pool } from "../../pool/pool.ts";
import type {
  ClientId,
  CoreKey,
  DispatchId,
  EndpointId,
  Job,
  PoolActions,
  PoolOptions,
} from "../../pool/types.ts";

/** The core of tests that are not about cores. */
export const CORE = "core" as CoreKey;

/** Where a job is. */
interface Sent {
  readonly endpoint: EndpointId;
  readonly dispatch: DispatchId;
}

/** A pool whose next pass looks at every endpoint. */
class OpenPool extends Pool<string> {
  openAll(): void {
    this.endpoints.onRoomAnywhere();
  }
}

/** A job's payload is its name. Actions are recorded as "send a to 1", "load core at 1", "crashed a". */
export class Recorder implements PoolActions<string> {
  readonly pool: OpenPool;
  nowMs = 1_000;
  /** Whether endpoints load each core at once. */
  loadsAtOnce = true;
  /** Called with every job that is sent. */
  onSend: (endpoint: EndpointId, job: Job<string>) => void = () => {};
  #told: string[] = [];
  readonly #sent = new Map<string, Sent>();
  /** Jobs that are in the pool, by name. */
  readonly #open = new Set<string>();
  #loaded: EndpointId[] = [];

  constructor(options: Partial<PoolOptions> = {}) {
    const { onLost = "isolate", isLocal = true, endpointBytesMax = 1_000 } = options;
    this.pool = new OpenPool(this, { onLost, isLocal, endpointBytesMax });
  }

  // Actions of the pool.

  load(endpoint: EndpointId, core: CoreKey): void {
    assert.equal(this.pool.inFlightAt(endpoint), 0, "only an empty endpoint loads a core");
    this.#told.push(`load ${core} at ${endpoint}`);
    if (this.loadsAtOnce) this.#loaded.push(endpoint);
  }

  send(endpoint: EndpointId, dispatch: DispatchId, job: Job<string>): void {
    const { payload } = job;
    assert.ok(this.#open.has(payload), `"${payload}" is in the pool`);
    assert.ok(!this.#sent.has(payload), `"${payload}" is at one endpoint at a time`);
    this.#sent.set(payload, { endpoint, dispatch });
    this.#told.push(`send ${payload} to ${endpoint}`);
    this.onSend(endpoint, job);
  }

  crashed({ payload }: Job<string>, reason: string): void {
    this.#leave(payload, `crashed ${payload}: ${reason}`);
  }

  dropped(job: Job<string>): void {
    assert.ok(!this.pool.isWanted(job), "only unwanted jobs are dropped");
    this.#leave(job.payload, `dropped ${job.payload}`);
  }

  coreUnavailable({ payload }: Job<string>, reason: string): void {
    this.#leave(payload, `coreUnavailable ${payload}: ${reason}`);
  }

  // Calls from the test.

  client(): ClientId {
    return this.pool.onClientUp();
  }

  endpoint(slots = 1): EndpointId {
    return this.pool.onEndpointUp(slots);
  }

  endpointWithUnknownSlots(): EndpointId {
    return this.pool.onEndpointUp();
  }

  queue(client: ClientId, names: string, { core = CORE, bytes = 1 } = {}): void {
    for (const name of names.split(" ")) {
      this.#open.add(name);
      this.pool.onJob(client, core, bytes, name, this.nowMs);
    }
  }

  /** Runs the scheduler, and returns its actions. */
  schedule(): string[] {
    do {
      for (const endpoint of this.#loaded) this.pool.onLoaded(endpoint, this.nowMs);
      this.#loaded = [];
      this.pool.schedule(this.nowMs);
      this.pool.audit();
      this.#assertNoneWasOverlooked();
    } while (this.#loaded.length > 0);
    return this.told();
  }

  /** A pass looks only at endpoints that have changed. If it looked at all of them, it would find no more room. */
  #assertNoneWasOverlooked(): void {
    const sent = this.#told.length;
    this.pool.openAll();
    this.pool.schedule(this.nowMs);
    assert.deepEqual(this.#told.slice(sent), [], "no endpoint with room was overlooked");
  }

  /** Runs the scheduler some time later, and returns its actions. */
  scheduleAfter(elapsedMs: number): string[] {
    this.nowMs += elapsedMs;
    return this.schedule();
  }

  /** The actions since the last call. */
  told(): string[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  /** Jobs are answered, in this order. */
  answer(names: string, afterMs = 1): Job<string>[] {
    this.nowMs += afterMs;
    return names.split(" ").map((name) => {
      const sent = this.#sent.get(name);
      assert.ok(sent, `"${name}" is in flight`);
      const job = this.pool.onAnswer(sent.endpoint, sent.dispatch, this.nowMs);
      assert.ok(job);
      assert.equal(job.payload, name);
      this.#sent.delete(name);
      this.#open.delete(name);
      const late = this.pool.onAnswer(sent.endpoint, sent.dispatch, this.nowMs);
      assert.equal(late, undefined, "a second answer is unknown");
      return job;
    });
  }

  /** Answers jobs, the oldest first, until none is left, and returns their order. */
  answerAll(afterMs = 1): string[] {
    const order: string[] = [];
    for (this.schedule(); this.#sent.size > 0; this.schedule()) {
      const name = this.out()[0] as string;
      this.answer(name, afterMs);
      order.push(name);
    }
    return order;
  }

  /** The names of the jobs in flight, in the order in which they were sent. */
  out(endpoint?: EndpointId): string[] {
    return [...this.#sent]
      .filter(([, sent]) => endpoint === undefined || sent.endpoint === endpoint)
      .map(([name]) => name);
  }

  /** Endpoints that run an abandoned job. */
  abandoned(): EndpointId[] {
    return this.pool.currentJobs().filter(({ job }) => !this.pool.isWanted(job)).map((
      { endpoint },
    ) => endpoint);
  }

  /** Jobs that are in the pool, queued or in flight. */
  get left(): number {
    return this.#open.size;
  }

  /** The last dispatch of a job. */
  dispatchOf(name: string): DispatchId {
    const sent = this.#sent.get(name);
    assert.ok(sent, `"${name}" is in flight`);
    return sent.dispatch;
  }

  /** An endpoint is lost; returns what happened to its jobs. */
  lose(endpoint: EndpointId, reason = "gone", wasKilled = false): string[] {
    for (const name of this.out(endpoint)) this.#sent.delete(name);
    this.pool.onEndpointLost(endpoint, reason, wasKilled);
    return this.told();
  }

  /** A client leaves; returns the jobs that it gets back. */
  leave(client: ClientId): string[] {
    const names = this.pool.onClientGone(client).map(({ payload }) => payload);
    for (const name of names) this.#open.delete(name);
    return names;
  }

  cancel(client: ClientId): string[] {
    const names = this.pool.onQueueCanceled(client).map(({ payload }) => payload);
    for (const name of names) this.#open.delete(name);
    return names;
  }

  loadFails(endpoint: EndpointId, core: CoreKey = CORE, reason = "bad"): string[] {
    this.pool.onLoadFailed(endpoint, core, reason, this.nowMs);
    return this.told();
  }

  /** Ends a test: the pool has no jobs, and the test has checked all actions. */
  assertNothingIsLeft(): void {
    sanityCheck(this.pool);
    assert.deepEqual(this.schedule(), []);
    assert.deepEqual([...this.#open], [], "every job has left the pool");
    assert.deepEqual([...this.#sent.keys()], [], "no job is in flight");
  }

  #leave(name: string, what: string): void {
    assert.ok(this.#open.delete(name), `"${name}" leaves the pool once`);
    this.#told.push(what);
  }
}

/** Throws unless the pool is empty and its counts are right. */
export function sanityCheck(pool: Pool<unknown>): void {
  pool.audit();
  const { queued, queuedBytes, inFlight } = pool.counts();
  assert.deepEqual({ queued, queuedBytes, inFlight }, { queued: 0, queuedBytes: 0, inFlight: 0 });
  assert.deepEqual(pool.currentJobs(), []);
}
