/** Jobs that are copied, canceled, returned or retried. */

import assert from "node:assert/strict";
import { Pool } from "../../pool/pool.ts";
import type {
  ClientId,
  CoreKey,
  DispatchId,
  EndpointId,
  Job,
  PoolOptions,
} from "../../pool/types.ts";
import { test } from "../lib/test.ts";
import { CORE, sanityCheck } from "./recorder.ts";

/** A pool that allows two runs of one job at once, and audits itself after everything that happens. */
class Scene {
  readonly pool: Pool<string>;
  readonly client: ClientId;
  nowMs = 1_000;
  /** Jobs in flight: "a1 to 2" is the first attempt at job a, at endpoint 2. */
  readonly #out = new Map<string, Job<string>>();
  readonly told: string[] = [];
  #loading: EndpointId[] = [];

  constructor(options: Partial<PoolOptions> = {}) {
    this.pool = new Pool<string>({
      load: (endpoint, core) => {
        this.told.push(`load ${core} at ${endpoint}`);
        this.#loading.push(endpoint);
      },
      send: (endpoint, _dispatch, job) => {
        this.#out.set(`${job.payload}${job.attempt} to ${endpoint}`, job);
      },
      crashed: ({ payload }) => void this.told.push(`crashed ${payload}`),
      dropped: ({ payload }) => void this.told.push(`dropped ${payload}`),
      coreUnavailable: () => assert.fail("every endpoint can load the core"),
    }, { onLost: "retry", isLocal: false, endpointBytesMax: 1_000, ...options });
    this.client = this.pool.onClientUp();
  }

  endpoints(count: number, slots = 1): EndpointId[] {
    return Array.from({ length: count }, () => this.pool.onEndpointUp(slots));
  }

  queue(names: string, bytes = 1): void {
    for (const name of names.split(" ")) {
      this.pool.onJob(this.client, CORE, bytes, name, this.nowMs);
    }
  }

  end(): void {
    this.pool.onClientEnded(this.client, true);
  }

  /** Schedules, and returns the jobs in flight. */
  out(afterMs = 0): string[] {
    this.nowMs += afterMs;
    do {
      for (const id of this.#loading.splice(0)) this.pool.onLoaded(id, this.nowMs);
      this.pool.schedule(this.nowMs);
      this.pool.audit();
    } while (this.#loading.length > 0);
    return [...this.#out.keys()];
  }

  job(what: string): Job<string> {
    const job = this.#out.get(what);
    assert(job, `"${what}" is in flight`);
    return job;
  }

  answer(what: string): Job<string> {
    const { endpoint, dispatch } = this.#taken(what);
    const job = this.pool.onAnswer(endpoint, dispatch, ++this.nowMs);
    this.pool.audit();
    assert(job);
    return job;
  }

  giveBack(what: string): void {
    const { endpoint, dispatch } = this.#taken(what);
    this.pool.onReturned(endpoint, dispatch, ++this.nowMs);
    this.pool.audit();
  }

  retry(what: string): void {
    this.pool.onRetried(this.answer(what), this.nowMs);
    this.pool.audit();
  }

  copy(what: string, avoids = [this.#locate(what).endpoint]): Job<string> {
    const copy = this.pool.onCopied(this.job(what), avoids, this.nowMs);
    this.pool.audit();
    return copy;
  }

  cancel(job: Job<string>): boolean {
    const isOut = this.pool.onCanceled(job);
    this.pool.audit();
    return isOut;
  }

  lose(endpoint: EndpointId): void {
    for (const what of this.#out.keys()) {
      if (this.#locate(what).endpoint === endpoint) this.#out.delete(what);
    }
    this.pool.onEndpointLost(endpoint, "gone");
    this.pool.audit();
  }

  /** The job of this name, wherever it is, if its client still waits for its result. */
  wanted(name: string): Job<string> | undefined {
    return this.pool.jobsOf(this.client).find(({ payload }) => payload === name);
  }

  get inFlightOfClient(): string[] {
    return [...this.pool.inFlight()].map(({ payload }) => payload);
  }

  assertNothingIsLeft(): void {
    assert.deepEqual(this.out(), []);
    sanityCheck(this.pool);
  }

  #taken(what: string): { endpoint: EndpointId; dispatch: DispatchId } {
    const at = this.#locate(what);
    this.#out.delete(what);
    return at;
  }

  #locate(what: string): { endpoint: EndpointId; dispatch: DispatchId } {
    const at = this.pool.locate(this.job(what));
    assert(at, `"${what}" is in flight`);
    return at;
  }
}

test("a retried job goes to another endpoint, before other jobs", () => {
  const scene = new Scene();
  scene.endpoints(2);
  scene.queue("a b c d e f");
  assert.deepEqual(scene.out(), ["a1 to 1", "b1 to 2", "c1 to 1", "d1 to 2"]);
  scene.retry("a1 to 1");
  assert.deepEqual(scene.out(), ["b1 to 2", "c1 to 1", "d1 to 2", "e1 to 1"]);
  scene.answer("b1 to 2");
  assert.deepEqual(scene.out(), ["c1 to 1", "d1 to 2", "e1 to 1", "a2 to 2"]);
  for (const what of scene.out()) scene.answer(what);
  assert.deepEqual(scene.out(), ["f1 to 1"]);
  scene.answer("f1 to 1");
  scene.assertNothingIsLeft();
});

test("a retried job goes to the same endpoint if that is the only one, or after 10 seconds", () => {
  const scene = new Scene();
  const [, other] = scene.endpoints(2);
  scene.queue("a b c d");
  scene.out();
  scene.retry("a1 to 1");
  scene.answer("c1 to 1");
  assert.deepEqual(scene.out(9_000), ["b1 to 2", "d1 to 2"], "the other may have room soon");
  assert.deepEqual(scene.out(1_000), ["b1 to 2", "d1 to 2", "a2 to 1"]);
  scene.retry("a2 to 1");
  scene.pool.onEndpointLeaving(other as EndpointId);
  assert.deepEqual(scene.out(), ["b1 to 2", "d1 to 2", "a3 to 1"]);
  for (const what of scene.out()) scene.answer(what);
  scene.assertNothingIsLeft();
});

test("a returned job is sent again first, and its attempt does not count", () => {
  const scene = new Scene();
  const [leaving] = scene.endpoints(1);
  scene.queue("a b c");
  assert.deepEqual(scene.out(), ["a1 to 1", "b1 to 1"]);
  scene.pool.onEndpointLeaving(leaving as EndpointId);
  scene.giveBack("b1 to 1");
  assert.deepEqual(scene.out(), ["a1 to 1"]);
  scene.endpoints(1);
  assert.deepEqual(scene.out(), ["a1 to 1", "b1 to 2", "c1 to 2"]);
  for (const what of scene.out()) scene.answer(what);
  scene.assertNothingIsLeft();
});

test("an abandoned job is dropped when it is returned", () => {
  const scene = new Scene();
  scene.endpoints(1);
  scene.queue("a");
  scene.out();
  assert(!scene.cancel(scene.job("a1 to 1")));
  scene.giveBack("a1 to 1");
  assert.deepEqual(scene.told, ["load core at 1", "dropped a"]);
  scene.assertNothingIsLeft();
});

test("a copy never runs on the endpoint of its job, however long it has to wait for another one", () => {
  const scene = new Scene();
  scene.endpoints(1);
  scene.queue("a");
  scene.end();
  scene.out();
  scene.copy("a1 to 1");
  assert.deepEqual(scene.out(60_000), ["a1 to 1"]);
  scene.endpoints(1);
  assert.deepEqual(scene.out(), ["a1 to 1", "a2 to 2"], "endpoint 2 loads the core for it");
  assert.deepEqual(scene.inFlightOfClient, ["a", "a"]);
  scene.answer("a2 to 2");
  scene.answer("a1 to 1");
  scene.assertNothingIsLeft();
});

test("a copy that must avoid several endpoints runs on none of them", () => {
  const scene = new Scene();
  const [one, two] = scene.endpoints(3) as [EndpointId, EndpointId];
  scene.queue("a b c d e f");
  scene.out();
  scene.copy("a1 to 1", [one, two]);
  for (const what of ["a1 to 1", "b1 to 2", "d1 to 1", "e1 to 2"]) scene.answer(what);
  assert.deepEqual(scene.out(), ["c1 to 3", "f1 to 3"]);
  scene.answer("c1 to 3");
  assert.deepEqual(scene.out(), ["f1 to 3", "a2 to 3"]);
  for (const what of scene.out()) scene.answer(what);
  scene.assertNothingIsLeft();
});

test("a retried copy still avoids the endpoints that it must avoid", () => {
  const scene = new Scene();
  scene.endpoints(2);
  scene.queue("a");
  scene.end();
  scene.out();
  scene.copy("a1 to 1");
  assert.deepEqual(scene.out(), ["a1 to 1", "a2 to 2"]);
  scene.answer("a1 to 1");
  scene.retry("a2 to 2");
  assert.deepEqual(scene.out(), ["a3 to 2"]);
  scene.answer("a3 to 2");
  scene.assertNothingIsLeft();
});

test("a canceled job leaves the pool at once if it is queued, and with its answer if it is in flight", () => {
  const scene = new Scene();
  scene.endpoints(1);
  scene.queue("a b c d");
  scene.out();
  const queued = scene.wanted("d") as Job<string>;
  assert(scene.cancel(queued));
  assert(scene.cancel(queued), "canceling twice does nothing");
  const out = scene.wanted("a") as Job<string>;
  assert(!scene.cancel(out));
  assert(!scene.cancel(out));
  assert.deepEqual(scene.inFlightOfClient, ["b"]);
  assert.equal(scene.wanted("a"), undefined);
  assert.equal(scene.pool.counts().inFlight, 2);
  assert(!scene.pool.isWanted(scene.answer("a1 to 1")));
  assert.deepEqual(scene.out(), ["b1 to 1", "c1 to 1"]);
  for (const what of scene.out()) scene.answer(what);
  scene.assertNothingIsLeft();
});

test("canceling a job that is answered, returned or canceled already changes no count", () => {
  const scene = new Scene();
  scene.endpoints(1);
  scene.queue("a b c");
  scene.out();
  const [a, b] = [scene.job("a1 to 1"), scene.job("b1 to 1")];
  scene.giveBack("b1 to 1");
  assert(scene.cancel(b));
  scene.answer("a1 to 1");
  assert(scene.cancel(a));
  assert(scene.cancel(b));
  assert.deepEqual(scene.pool.queueOf(scene.client), { queued: 1, queuedBytes: 1 });
  assert.deepEqual(scene.out(), ["c1 to 1"]);
  scene.answer("c1 to 1");
  scene.assertNothingIsLeft();
});

test("canceling a queue also takes out copies and retried jobs", () => {
  const scene = new Scene();
  scene.endpoints(2);
  scene.queue("a b c d e f", 10);
  scene.out();
  scene.copy("a1 to 1");
  scene.retry("b1 to 2");
  const taken = scene.pool.onQueueCanceled(scene.client).map(({ payload }) => payload);
  assert.deepEqual(taken.sort(), ["a", "b", "e", "f"]);
  assert.equal(scene.pool.counts().queuedBytes, 0);
  for (const what of scene.out()) scene.answer(what);
  scene.assertNothingIsLeft();
});

test("when an endpoint is lost, its copies run elsewhere and its abandoned jobs do not", () => {
  const scene = new Scene();
  const [, second] = scene.endpoints(3);
  scene.queue("a b c");
  scene.end();
  assert.deepEqual(scene.out(), ["a1 to 1", "b1 to 2", "c1 to 3"]);
  scene.answer("b1 to 2");
  scene.answer("c1 to 3");
  scene.copy("a1 to 1");
  assert.deepEqual(scene.out(), ["a1 to 1", "a2 to 2"]);
  scene.lose(second as EndpointId);
  assert.deepEqual(scene.out(), ["a1 to 1", "a3 to 3"]);
  assert(!scene.cancel(scene.job("a3 to 3")));
  scene.lose(3 as EndpointId);
  assert.equal(scene.told.at(-1), "dropped a");
  assert.deepEqual(scene.out(), ["a1 to 1"]);
  scene.answer("a1 to 1");
  scene.assertNothingIsLeft();
});

test("when a queued copy is dropped, the other one may run anywhere and inherits its crash count", () => {
  const scene = new Scene({ crashesMax: 2 });
  const [one, two] = scene.endpoints(2) as [EndpointId, EndpointId];
  scene.queue("a");
  scene.end();
  assert.deepEqual(scene.out(), ["a1 to 1"]);
  const original = scene.job("a1 to 1");
  const copy = scene.copy("a1 to 1");
  assert.deepEqual(scene.out(), ["a1 to 1", "a2 to 2"]);
  scene.lose(one);
  assert.equal(original.crashCount, 1);
  scene.pool.onCopyDropped(original, [copy]);
  scene.pool.audit();
  assert.deepEqual([copy.crashCount, copy.antiAffinity.isRequired], [1, false]);
  scene.lose(two);
  assert.equal(scene.told.at(-1), "crashed a", "both crashes count");
  scene.assertNothingIsLeft();
});

test("a job that is allowed anywhere runs on the only endpoint although it prefers another", () => {
  const scene = new Scene();
  scene.endpoints(1);
  scene.queue("a");
  scene.end();
  scene.out();
  const copy = scene.copy("a1 to 1");
  scene.answer("a1 to 1");
  assert.deepEqual(scene.out(), []);
  scene.pool.onAllowedAnywhere(copy);
  assert.deepEqual(scene.out(), ["a2 to 1"]);
  scene.answer("a2 to 1");
  scene.assertNothingIsLeft();
});

test("idle slots are listed per ready endpoint, once for each slot", () => {
  const scene = new Scene();
  const [first] = scene.endpoints(2, 2);
  assert.deepEqual(scene.pool.idleSlots(9), [], "they have no core yet");
  scene.queue("a b c");
  scene.end();
  scene.out();
  assert.deepEqual(scene.pool.idleSlots(9), [2]);
  for (const what of scene.out()) scene.answer(what);
  assert.deepEqual(scene.pool.idleSlots(9), [1, 1, 2, 2]);
  scene.pool.onEndpointLeaving(first as EndpointId);
  assert.deepEqual(scene.pool.idleSlots(9), [2, 2]);
  scene.assertNothingIsLeft();
});

test("a core is loaded elsewhere although an endpoint is idle that its waiting job must avoid", () => {
  const scene = new Scene();
  scene.endpoints(1, 4);
  scene.queue("a");
  scene.end();
  scene.out();
  scene.copy("a1 to 1");
  scene.answer("a1 to 1");
  scene.endpoints(1);
  assert.deepEqual(scene.out(), ["a2 to 2"]);
  scene.answer("a2 to 2");
  scene.assertNothingIsLeft();
});

test("an endpoint has no more bytes in flight than the limit, however many slots, unless it is a single job", () => {
  const scene = new Scene({ endpointBytesMax: 10, endpointBytesLimit: 100 });
  scene.endpoints(1, 8);
  scene.queue("a b c d e", 40);
  scene.queue("x", 500);
  scene.queue("y", 1);
  assert.deepEqual(scene.out(), ["a1 to 1", "b1 to 1"]);
  scene.answer("a1 to 1");
  assert.deepEqual(scene.out(), ["b1 to 1", "c1 to 1"]);
  scene.answer("b1 to 1");
  scene.answer("c1 to 1");
  assert.deepEqual(scene.out(), ["d1 to 1", "e1 to 1"]);
  scene.answer("d1 to 1");
  assert.deepEqual(scene.out(), ["e1 to 1"], "x is above the limit and has to be alone");
  scene.answer("e1 to 1");
  assert.deepEqual(scene.out(), ["x1 to 1"]);
  scene.answer("x1 to 1");
  assert.deepEqual(scene.out(), ["y1 to 1"]);
  scene.answer("y1 to 1");
  scene.assertNothingIsLeft();
});

test("a job has crashed when as many endpoints as the limit says were lost while they may have run it", () => {
  const scene = new Scene({ crashesMax: 3 });
  scene.queue("a b c");
  for (let count = 1; count <= 3; count++) {
    const [endpoint] = scene.endpoints(1);
    assert.deepEqual(scene.out(), [`a${count} to ${count}`, `b${count} to ${count}`]);
    scene.lose(endpoint as EndpointId);
  }
  assert.equal(scene.told.at(-1), "crashed a");
  scene.endpoints(1);
  assert.deepEqual(scene.out(), ["b4 to 4", "c1 to 4"], "b has only waited behind a");
  for (const what of scene.out()) scene.answer(what);
  scene.assertNothingIsLeft();
});

test("losing an endpoint that is leaving does not count as a crash", () => {
  const scene = new Scene({ crashesMax: 1 });
  const [endpoint] = scene.endpoints(1);
  scene.queue("a");
  scene.out();
  scene.pool.onEndpointLeaving(endpoint as EndpointId);
  scene.lose(endpoint as EndpointId);
  scene.endpoints(1);
  assert.deepEqual(scene.out(), ["a2 to 2"]);
  scene.answer("a2 to 2");
  scene.assertNothingIsLeft();
});

test("a copy loads its core on an endpoint that holds another one", () => {
  const scene = new Scene();
  const [one, two] = scene.endpoints(2) as [EndpointId, EndpointId];
  scene.queue("a");
  scene.out();
  scene.pool.onJob(scene.client, "second" as CoreKey, 1, "b", scene.nowMs);
  assert.deepEqual(scene.out(), ["a1 to 1", "b1 to 2"]);
  scene.copy("a1 to 1", [one]);
  scene.answer("b1 to 2");
  assert.deepEqual(scene.out(), ["a1 to 1", `a2 to ${two}`]);
  for (const what of scene.out()) scene.answer(what);
  scene.assertNothingIsLeft();
});
