/** Which endpoint holds which core. */

import assert from "node:assert/strict";
import type { ClientId, CoreKey } from "../../pool/types.ts";
import { test } from "../lib/test.ts";
import { CORE, Recorder } from "./recorder.ts";

const A = "a" as CoreKey, B = "b" as CoreKey, C = "c" as CoreKey;

function names(count: number, prefix: string): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`).join(" ");
}

/** Answers all jobs in flight, repeatedly; counts them by their first letter, and all loads. */
function runFor(recorder: Recorder, elapsedMs: number, jobMs = 100): Record<string, number> {
  const counts: Record<string, number> = { loads: 0, a: 0, b: 0, c: 0 };
  for (const endMs = recorder.nowMs + elapsedMs; recorder.nowMs < endMs;) {
    const loads = recorder.schedule().filter((what) => what.startsWith("load"));
    counts.loads = (counts.loads ?? 0) + loads.length;
    const out = recorder.out();
    for (const name of out) counts[name.charAt(0)] = (counts[name.charAt(0)] ?? 0) + 1;
    if (out.length > 0) recorder.answer(out.join(" "), jobMs);
    else recorder.nowMs += jobMs;
  }
  return counts;
}

/** Ends a test that still has jobs. */
function finish(recorder: Recorder, clients: readonly ClientId[]): void {
  for (const client of clients) recorder.cancel(client);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
}

test("as many endpoints load a core as it has jobs, and get them once it is loaded", () => {
  const recorder = new Recorder();
  recorder.loadsAtOnce = false;
  const [first, second] = [recorder.endpoint(), recorder.endpoint(), recorder.endpoint()];
  const client = recorder.client();
  recorder.queue(client, "x y");
  assert.deepEqual(recorder.schedule(), ["load core at 1", "load core at 2"]);
  assert.deepEqual(recorder.schedule(), []);
  recorder.pool.onLoaded(second, recorder.nowMs);
  assert.deepEqual(recorder.schedule(), ["send x to 2"]);
  recorder.pool.onLoaded(first, recorder.nowMs);
  assert.deepEqual(recorder.schedule(), ["send y to 1"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("an endpoint keeps its core while no job waits for another one", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "x");
  recorder.answerAll();
  recorder.told();
  recorder.nowMs += 60_000;
  recorder.queue(client, "y");
  assert.deepEqual(recorder.schedule(), ["send y to 1"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("an endpoint whose core no job waits for loads another one at once", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const [one, two] = [recorder.client(), recorder.client()];
  recorder.queue(one, "x", { core: A });
  recorder.schedule();
  recorder.queue(two, "y", { core: B });
  assert.deepEqual(recorder.schedule(), [], "it still has a job");
  recorder.answer("x");
  assert.deepEqual(recorder.schedule(), ["load b at 1", "send y to 1"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("an endpoint that yields its core keeps it if the client that needed another one leaves", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const [one, two] = [recorder.client(), recorder.client()];
  recorder.queue(one, "x", { core: A });
  recorder.schedule();
  recorder.queue(two, "y", { core: B });
  assert.deepEqual(recorder.schedule(), [], "the endpoint yields A once x has ended");
  recorder.leave(two);
  recorder.schedule();
  recorder.answer("x");
  recorder.queue(one, "z", { core: A });
  assert.deepEqual(recorder.schedule(), ["send z to 1"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("cores share endpoints in proportion to their clients", () => {
  const recorder = new Recorder();
  for (let count = 0; count < 8; count++) recorder.endpoint();
  const clients = [A, A, A, B].map((core, index) => {
    const client = recorder.client();
    recorder.queue(client, names(2_000, `${core}${index}-`), { core });
    return client;
  });
  assert.deepEqual(runFor(recorder, 10_000), { loads: 8, a: 600, b: 200, c: 0 });
  finish(recorder, clients);
});

test("a core that is wanted late gets its fair share after a second, with no needless load", () => {
  const recorder = new Recorder();
  for (let count = 0; count < 4; count++) recorder.endpoint();
  const [early, late] = [recorder.client(), recorder.client()];
  recorder.queue(early, names(1_000, "a"), { core: A });
  recorder.schedule();
  recorder.queue(late, names(1_000, "b"), { core: B });
  assert.deepEqual(runFor(recorder, 1_000), { loads: 0, a: 40, b: 0, c: 0 });
  assert.deepEqual(runFor(recorder, 10_000), { loads: 2, a: 200, b: 200, c: 0 });
  finish(recorder, [early, late]);
});

test("a single endpoint holds each core for a second in turn, and none starves", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const clients = [A, B, C].map((core) => {
    const client = recorder.client();
    recorder.queue(client, names(1_000, core), { core });
    return client;
  });
  assert.deepEqual(runFor(recorder, 30_000), { loads: 30, a: 100, b: 100, c: 100 });
  finish(recorder, clients);
});

test("an endpoint with a long job finishes it before it changes its core", () => {
  const recorder = new Recorder();
  const slot = recorder.endpoint();
  const [one, two] = [recorder.client(), recorder.client()];
  recorder.queue(one, "a0 a1 a2", { core: A });
  recorder.queue(two, "b0 b1", { core: B });
  recorder.schedule();
  recorder.scheduleAfter(60_000);
  assert.deepEqual(recorder.out(slot), ["a0"]);
  recorder.answer("a0");
  assert.deepEqual(recorder.schedule(), ["load b at 1", "send b0 to 1"]);
  assert.deepEqual(recorder.answerAll(60_000), ["b0", "a1", "b1", "a2"]);
  recorder.assertNothingIsLeft();
});

test("of several endpoints that could change their core, the first to be free does", () => {
  const recorder = new Recorder();
  for (let count = 0; count < 3; count++) recorder.endpoint();
  const [one, two] = [recorder.client(), recorder.client()];
  recorder.queue(one, "a0 a1 a2 a3 a4 a5", { core: A });
  recorder.schedule();
  recorder.queue(two, "b0", { core: B });
  assert.deepEqual(recorder.scheduleAfter(2_000), []);
  recorder.answer("a1");
  assert.deepEqual(recorder.schedule(), ["load b at 2", "send b0 to 2"]);
  recorder.answer("a0");
  assert.deepEqual(recorder.schedule(), ["send a3 to 1"], "it is not needed any more");
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("an endpoint does not change to a core that has its fair share while a third core has none", () => {
  const recorder = new Recorder();
  for (let count = 0; count < 4; count++) recorder.endpoint();
  const [one, two, three] = [recorder.client(), recorder.client(), recorder.client()];
  recorder.queue(one, names(100, "a"), { core: A });
  recorder.queue(two, names(100, "b"), { core: B });
  recorder.schedule();
  const fifth = recorder.endpoint();
  recorder.queue(three, "c0", { core: C });
  recorder.loadsAtOnce = false;
  assert.deepEqual(recorder.scheduleAfter(950), ["load c at 5"]);
  recorder.loadFails(fifth, C);
  recorder.lose(fifth);
  recorder.answer(recorder.out().join(" "), 60);
  const told = recorder.schedule();
  assert.deepEqual(told.filter((what) => what.startsWith("load")), []);
  assert.equal(told.length, 4);
  recorder.loadsAtOnce = true;
  finish(recorder, [one, two, three]);
});

test("a free endpoint without a core is preferred for loading one", () => {
  const recorder = new Recorder();
  assert.equal(recorder.pool.freeEndpoint(), undefined);
  const first = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "x");
  recorder.schedule();
  assert.equal(recorder.pool.freeEndpoint(), undefined);
  recorder.answer("x");
  assert.equal(recorder.pool.freeEndpoint(), first);
  const second = recorder.endpoint();
  assert.equal(recorder.pool.freeEndpoint(), second);
  recorder.assertNothingIsLeft();
});

test("a core that is loaded before its first job is used for that job", () => {
  const recorder = new Recorder();
  const slot = recorder.endpoint();
  recorder.pool.load(slot, CORE);
  assert.ok(!recorder.pool.isFree(slot));
  assert.deepEqual(recorder.schedule(), ["load core at 1"]);
  assert.ok(recorder.pool.isFree(slot));
  recorder.queue(recorder.client(), "x");
  assert.deepEqual(recorder.schedule(), ["send x to 1"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a load that failed is tried again after a pause", () => {
  const recorder = new Recorder();
  recorder.loadsAtOnce = false;
  const slot = recorder.endpoint();
  recorder.queue(recorder.client(), "x");
  recorder.schedule();
  for (const pauseMs of [100, 200]) {
    assert.deepEqual(recorder.loadFails(slot), []);
    assert.deepEqual(recorder.scheduleAfter(pauseMs - 1), []);
    assert.deepEqual(recorder.scheduleAfter(1), ["load core at 1"]);
  }
  recorder.pool.onLoaded(slot, recorder.nowMs);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a load that succeeds resets the count of failures", () => {
  const recorder = new Recorder({ onLost: "retry" });
  recorder.loadsAtOnce = false;
  recorder.queue(recorder.client(), "x");
  for (let run = 0; run < 3; run++) {
    const slot = recorder.endpoint();
    for (const pauseMs of [100, 200]) {
      recorder.schedule();
      assert.deepEqual(recorder.loadFails(slot), []);
      recorder.nowMs += pauseMs;
    }
    assert.deepEqual(recorder.schedule(), [`load core at ${slot}`]);
    recorder.pool.onLoaded(slot, recorder.nowMs);
    assert.deepEqual(recorder.schedule(), [`send x to ${slot}`]);
    recorder.lose(slot);
  }
  recorder.loadsAtOnce = true;
  recorder.endpoint();
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("failures of a core that no job waits for are forgotten", () => {
  const recorder = new Recorder();
  recorder.loadsAtOnce = false;
  const slot = recorder.endpoint();
  const client = recorder.client();
  for (let run = 0; run < 3; run++) {
    recorder.queue(client, `x${run}`);
    assert.deepEqual(recorder.schedule(), ["load core at 1"]);
    assert.deepEqual(recorder.loadFails(slot), []);
    recorder.cancel(client);
    assert.deepEqual(recorder.schedule(), []);
  }
  recorder.assertNothingIsLeft();
});

test("a core that fails to load three times in a row is given up with its jobs, and with no others", () => {
  const recorder = new Recorder();
  recorder.loadsAtOnce = false;
  const slot = recorder.endpoint();
  const [one, two] = [recorder.client(), recorder.client()];
  recorder.queue(one, "x1 x2");
  recorder.queue(one, "a1", { core: A });
  recorder.queue(one, "x3");
  recorder.queue(two, "x4");
  for (const pauseMs of [100, 200]) {
    recorder.schedule();
    assert.deepEqual(recorder.loadFails(slot), []);
    recorder.nowMs += pauseMs;
  }
  assert.deepEqual(recorder.schedule(), ["load core at 1"]);
  assert.deepEqual(recorder.loadFails(slot, CORE, "it is for another machine"), [
    "coreUnavailable x1: it is for another machine",
    "coreUnavailable x2: it is for another machine",
    "coreUnavailable x3: it is for another machine",
    "coreUnavailable x4: it is for another machine",
  ]);
  recorder.loadsAtOnce = true;
  assert.deepEqual(recorder.schedule(), ["load a at 1", "send a1 to 1"]);
  recorder.queue(two, "x5");
  assert.deepEqual(recorder.answerAll(), ["a1", "x5"], "who comes later may try again");
  recorder.assertNothingIsLeft();
});

test("a core that one endpoint holds is not given up, however often another fails to load it", () => {
  const recorder = new Recorder();
  const holder = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "x y z");
  recorder.schedule();
  recorder.loadsAtOnce = false;
  const other = recorder.endpoint();
  for (let failure = 0; failure < 10; failure++) {
    assert.deepEqual(recorder.scheduleAfter(5_000), ["load core at 2"]);
    assert.deepEqual(recorder.loadFails(other), []);
  }
  recorder.lose(other);
  assert.deepEqual(recorder.out(holder), ["x"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a core that failed too often is neither given up nor loaded again while an endpoint still loads it", () => {
  const recorder = new Recorder();
  recorder.loadsAtOnce = false;
  const [one, two] = [recorder.endpoint(), recorder.endpoint()];
  const client = recorder.client();
  recorder.queue(client, "x y");
  recorder.schedule();
  for (const pauseMs of [100, 200]) {
    assert.deepEqual(recorder.loadFails(one), []);
    assert.deepEqual(recorder.scheduleAfter(pauseMs), ["load core at 1"]);
  }
  assert.deepEqual(recorder.loadFails(one), []);
  assert.deepEqual(recorder.scheduleAfter(60_000), [], "the second might succeed");
  assert.deepEqual(recorder.loadFails(two), ["coreUnavailable x: bad", "coreUnavailable y: bad"]);
  recorder.assertNothingIsLeft();
});

test("a load that fails after its endpoint is lost counts as well", () => {
  const recorder = new Recorder();
  recorder.loadsAtOnce = false;
  const client = recorder.client();
  recorder.queue(client, "x");
  for (const pauseMs of [100, 200, 400]) {
    const slot = recorder.endpoint();
    assert.deepEqual(recorder.schedule(), [`load core at ${slot}`]);
    assert.deepEqual(recorder.lose(slot), []);
    const told = recorder.loadFails(slot, CORE, "crashed: SIGSEGV");
    assert.deepEqual(told, pauseMs === 400 ? ["coreUnavailable x: crashed: SIGSEGV"] : []);
    recorder.nowMs += pauseMs;
  }
  recorder.assertNothingIsLeft();
});

test("a core that fails does not keep others from being loaded", () => {
  const recorder = new Recorder();
  recorder.loadsAtOnce = false;
  const slot = recorder.endpoint();
  const [one, two] = [recorder.client(), recorder.client()];
  recorder.queue(one, "x");
  recorder.schedule();
  recorder.loadFails(slot);
  recorder.queue(two, "a", { core: A });
  recorder.loadsAtOnce = true;
  assert.deepEqual(recorder.schedule(), ["load a at 1", "send a to 1"]);
  recorder.nowMs += 100;
  assert.deepEqual(recorder.answerAll(), ["a", "x"]);
  recorder.assertNothingIsLeft();
});

test("a client's jobs for a new core wait until those for the old one are sent", () => {
  const recorder = new Recorder();
  const [first, second] = [recorder.endpoint(), recorder.endpoint()];
  const client = recorder.client();
  recorder.queue(client, "a0 a1 a2", { core: A });
  recorder.queue(client, "b0 b1", { core: B });
  recorder.schedule();
  assert.deepEqual([recorder.out(first), recorder.out(second)], [["a0"], ["a1"]]);
  recorder.answer("a0");
  recorder.schedule();
  recorder.answer("a1");
  recorder.told();
  assert.deepEqual(recorder.schedule(), ["load b at 2", "send b0 to 2"]);
  assert.deepEqual(recorder.answerAll(), ["a2", "b0", "b1"]);
  recorder.assertNothingIsLeft();
});
