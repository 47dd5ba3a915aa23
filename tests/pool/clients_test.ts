/** How the jobs of several clients share endpoints. */

import assert from "node:assert/strict";
import type { ClientId, CoreKey, EndpointId, Job } from "../../pool/types.ts";
import { test } from "../lib/test.ts";
import { Recorder } from "./recorder.ts";

const A = "core-a" as CoreKey, B = "core-b" as CoreKey;

test("clients of the same core take turns, job by job", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const [one, two, three] = [recorder.client(), recorder.client(), recorder.client()];
  recorder.queue(one, "a1 a2 a3 a4");
  recorder.queue(two, "b1 b2");
  recorder.queue(three, "c1 c2 c3");
  const order = recorder.answerAll(1_000);
  assert.deepEqual(order, ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "c3", "a4"]);
  recorder.assertNothingIsLeft();
});

test("clients of one core take turns whatever clients of another core do in between", () => {
  const recorder = new Recorder();
  const [first, second] = [recorder.endpoint(), recorder.endpoint()];
  const [one, two, three] = [recorder.client(), recorder.client(), recorder.client()];
  recorder.queue(one, "a1 a2 a3 a4", { core: A });
  recorder.queue(two, "b1 b2 b3 b4", { core: A });
  recorder.queue(three, "c1 c2 c3 c4", { core: B });
  recorder.schedule();
  const order: string[] = [];
  for (let round = 0; round < 4; round++) {
    order.push(...recorder.out(first));
    recorder.answer([...recorder.out(first), ...recorder.out(second)].join(" "), 1_000);
    recorder.schedule();
  }
  assert.deepEqual(order.slice(0, 4), ["a1", "b1", "a2", "b2"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a client that arrives late waits for at most one job of each other client", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const early = recorder.client();
  recorder.queue(early, "a1 a2 a3 a4");
  recorder.schedule();
  const late = recorder.client();
  recorder.queue(late, "b1 b2");
  assert.deepEqual(recorder.answerAll(1_000), ["a1", "b1", "a2", "b2", "a3", "a4"]);
  recorder.assertNothingIsLeft();
});

test("a slot has jobs of one client at a time, and clients with short jobs take turns window by window", () => {
  const recorder = new Recorder();
  const slot = recorder.endpoint();
  const clients = [recorder.client(), recorder.client(), recorder.client()];
  runQuickJobs(recorder, clients[2] as ClientId);
  for (const client of clients) recorder.queue(client, names(`${client}-`, 1_000));
  const turns: { client: ClientId; jobs: number }[] = [];
  recorder.onSend = (_, { client }) => {
    const last = turns.at(-1);
    if (last?.client === client) last.jobs += 1;
    else turns.push({ client, jobs: 1 });
    for (const name of recorder.out(slot)) assert.ok(name.startsWith(`${client}-`), name);
  };
  recorder.answerAll(0.01);
  const order = turns.slice(0, 9).map(({ client }) => client);
  assert.deepEqual(order, [...clients, ...clients, ...clients]);
  const most = Math.max(...turns.map(({ jobs }) => jobs));
  assert.ok(most > 50 && most < 500, `${most} jobs in a turn`);
  recorder.assertNothingIsLeft();
});

test("no job waits behind a long job of another client while other slots become free", () => {
  const recorder = new Recorder();
  const slots = [recorder.endpoint(), recorder.endpoint()];
  const [one, two] = [recorder.client(), recorder.client()];
  runQuickJobs(recorder, one);
  recorder.queue(one, `long ${names("a", 20)}`);
  recorder.schedule();
  const free = slots.find((slot) => recorder.out(slot)[0] !== "long") as EndpointId;
  recorder.queue(two, names("b", 40));
  recorder.schedule();
  for (; recorder.out(free).length > 0; recorder.schedule()) {
    recorder.answer(recorder.out(free)[0] as string, 0.01);
  }
  assert.deepEqual(recorder.out().filter((name) => name.startsWith("b")), []);
  assert.deepEqual(recorder.pool.queueOf(two), { queued: 0, queuedBytes: 0 });
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a slot that runs one job for more than 20 ms gets no further job until it has answered that one", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const client = recorder.client();
  for (const [elapsedMs, isFilled] of [[19, true], [21, false]] as const) {
    runQuickJobs(recorder, client);
    recorder.queue(client, "head");
    recorder.schedule();
    recorder.queue(client, names("behind", 20));
    assert.equal(recorder.scheduleAfter(elapsedMs).length > 0, isFilled, `${elapsedMs} ms`);
    recorder.answer("head");
    recorder.schedule();
    assert.ok(recorder.out().length > 0);
    recorder.answerAll(0.01);
  }
  recorder.assertNothingIsLeft();
});

test("an endpoint runs jobs of other clients while all that one client has must avoid it, whatever its priority", () => {
  for (const priority of [0, 1]) {
    const recorder = new Recorder({ onLost: "retry", isLocal: false });
    const [busy, free] = [recorder.endpoint(), recorder.endpoint()];
    for (const endpoint of [busy, free]) recorder.pool.onLimited(endpoint, 1);
    const [picky, other] = [recorder.pool.onClientUp(priority), recorder.client()];
    recorder.queue(picky, "long");
    recorder.schedule();
    recorder.queue(picky, "retried");
    const [, retried] = recorder.pool.jobsOf(picky);
    const antiAffinity = { endpoints: [free], isRequired: true };
    recorder.pool.onAntiAffinity(retried as Job<string>, antiAffinity, recorder.nowMs);
    recorder.queue(other, names("b", 17));
    recorder.schedule();
    const order: string[] = [];
    for (let count = 0; count < 17; count++) {
      const [name] = recorder.out(free);
      assert(name, `it is idle after ${count} jobs`);
      order.push(name);
      if (count === 8) recorder.answer("long");
      recorder.answer(name, 1_000);
      recorder.schedule();
    }
    assert.deepEqual(order, names("b", 17).split(" "));
    assert.deepEqual(recorder.out(), ["retried"], "it has gone before the others");
    recorder.answerAll();
    recorder.assertNothingIsLeft();
  }
});

test("a blocked client gets no more slots, and the others get its share", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const [one, two] = [recorder.client(), recorder.client()];
  recorder.queue(one, "a1 a2 a3");
  recorder.queue(two, "b1 b2");
  recorder.schedule();
  recorder.pool.onClientBlocked(one, true);
  assert.deepEqual(recorder.answerAll(1_000), ["a1", "b1", "b2"]);
  assert.deepEqual(recorder.pool.queueOf(one), { queued: 2, queuedBytes: 2 });
  recorder.pool.onClientBlocked(one, false);
  assert.deepEqual(recorder.answerAll(1_000), ["a2", "a3"]);
  recorder.assertNothingIsLeft();
});

test("no endpoint loads a core for a client that is blocked", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const client = recorder.client();
  recorder.pool.onClientBlocked(client, true);
  recorder.queue(client, "a");
  assert.deepEqual(recorder.schedule(), []);
  recorder.pool.onClientBlocked(client, false);
  assert.deepEqual(recorder.schedule(), ["load core at 1", "send a to 1"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a client that leaves gets its queue back in order, and its jobs in flight are abandoned", () => {
  const recorder = new Recorder();
  const slot = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a b c");
  recorder.schedule();
  assert.deepEqual(recorder.abandoned(), []);
  assert.deepEqual(recorder.leave(client), ["b", "c"]);
  assert.deepEqual(recorder.abandoned(), [slot]);
  assert.deepEqual(recorder.answer("a").map((job) => recorder.pool.isWanted(job)), [false]);
  recorder.assertNothingIsLeft();
});

test("abandoned jobs are dropped when their endpoint is lost", () => {
  for (const onLost of ["isolate", "retry"] as const) {
    const recorder = new Recorder({ onLost, isLocal: false });
    const slot = recorder.endpoint();
    const [gone, client] = [recorder.client(), recorder.client()];
    recorder.queue(gone, "a");
    recorder.queue(client, "b");
    recorder.schedule();
    assert.deepEqual(recorder.out(slot), ["a", "b"]);
    assert.deepEqual(recorder.leave(gone), []);
    assert.deepEqual(recorder.abandoned(), [slot], "the job that runs is abandoned");
    assert.deepEqual(recorder.lose(slot), ["dropped a"]);
    recorder.endpoint();
    assert.deepEqual(recorder.answerAll(), ["b"]);
    recorder.assertNothingIsLeft();
  }
});

test("an abandoned job that was alone on a lost endpoint is dropped, and not reported as crashed", () => {
  const recorder = new Recorder({ onLost: "isolate" });
  const slot = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a");
  recorder.schedule();
  recorder.leave(client);
  assert.deepEqual(recorder.lose(slot), ["dropped a"]);
  recorder.assertNothingIsLeft();
});

test("a job that was on a lost endpoint together with an abandoned one runs again", () => {
  const recorder = new Recorder({ onLost: "isolate", isLocal: false });
  const slot = recorder.endpoint();
  const [gone, client] = [recorder.client(), recorder.client()];
  recorder.queue(gone, "a");
  recorder.queue(client, "b");
  recorder.schedule();
  recorder.leave(gone);
  assert.deepEqual(recorder.lose(slot), ["dropped a"]);
  recorder.endpoint();
  assert.deepEqual(recorder.answerAll(), ["b"]);
  recorder.assertNothingIsLeft();
});

test("a client that cancels its queue gets it back, and may queue more jobs", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a b c");
  recorder.schedule();
  assert.deepEqual(recorder.cancel(client), ["b", "c"]);
  assert.deepEqual(recorder.pool.queueOf(client), { queued: 0, queuedBytes: 0 });
  recorder.queue(client, "d");
  assert.deepEqual(recorder.answerAll(), ["a", "d"]);
  recorder.assertNothingIsLeft();
});

test("calls for a client that has left do nothing", () => {
  const recorder = new Recorder();
  recorder.endpoint();
  const client = recorder.client();
  assert.deepEqual(recorder.leave(client), []);
  assert.deepEqual(recorder.leave(client), []);
  recorder.pool.onJob(client, A, 1, "late", recorder.nowMs);
  recorder.pool.onClientBlocked(client, true);
  recorder.pool.onClientEnded(client, true);
  assert.deepEqual(recorder.cancel(client), []);
  assert.deepEqual(recorder.pool.queueOf(client), { queued: 0, queuedBytes: 0 });
  assert.notEqual(recorder.client(), client);
  recorder.assertNothingIsLeft();
});

test("jobs queued and in flight are counted, and their bytes", () => {
  const recorder = new Recorder();
  const slot = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a b", { bytes: 10 });
  recorder.queue(client, "c", { bytes: 300 });
  recorder.schedule();
  const { queued, queuedBytes, inFlight } = recorder.pool.counts();
  assert.deepEqual([queued, queuedBytes, inFlight], [2, 310, 1]);
  assert.deepEqual(recorder.pool.queueOf(client), { queued: 2, queuedBytes: 310 });
  assert.equal(recorder.pool.inFlightAt(slot), 1);
  assert.deepEqual(recorder.pool.currentJobs().map(({ endpoint }) => endpoint), [slot]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

/** That many names. */
function names(prefix: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`).join(" ");
}

/** Runs short jobs. From then on slots get many jobs at once. */
function runQuickJobs(recorder: Recorder, client: ClientId): void {
  recorder.queue(client, names("quick", 2_000));
  recorder.answerAll(0.01);
}
