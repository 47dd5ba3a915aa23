/** What happens to jobs whose endpoint is lost. */

import assert from "node:assert/strict";
import { test } from "../lib/test.ts";
import type { EndpointId } from "../../pool/types.ts";
import { CORE, Recorder } from "./recorder.ts";

/** Slots that have had jobs of microseconds, and so have deep windows, and the client whose jobs those were. */
function inFullSwing(recorder: Recorder, slots: number) {
  const endpoints = Array.from({ length: slots }, () => recorder.endpoint());
  const client = recorder.client();
  const warmUp = Array.from({ length: 1_200 * slots }, (_, index) => `w${index}`);
  recorder.queue(client, warmUp.join(" "));
  recorder.answerAll(0.01);
  return { endpoints: endpoints as [EndpointId, EndpointId], client };
}

/** The endpoint that got the first job comes first. Nothing says which one that is. */
function inOrderOfJobs(recorder: Recorder, endpoints: readonly EndpointId[]) {
  const order = recorder.out();
  const first = (endpoint: EndpointId) => order.indexOf(recorder.out(endpoint)[0] as string);
  return [...endpoints].sort((one, two) => first(one) - first(two)) as [EndpointId, EndpointId];
}

test("a job that was alone on a lost endpoint has crashed it", () => {
  const recorder = new Recorder({ onLost: "isolate" });
  const slot = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "poison next");
  assert.deepEqual(recorder.schedule(), ["load core at 1", "send poison to 1"]);
  assert.deepEqual(recorder.lose(slot, "SIGSEGV"), ["crashed poison: SIGSEGV"]);
  recorder.endpoint();
  assert.deepEqual(recorder.schedule(), ["load core at 2", "send next to 2"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a job whose endpoint was killed runs again, three times at most", () => {
  const recorder = new Recorder({ onLost: "isolate" });
  const client = recorder.client();
  recorder.queue(client, "hungry");
  for (const kill of [1, 2, 3]) {
    const slot = recorder.endpoint();
    assert.deepEqual(recorder.schedule(), [`load core at ${kill}`, `send hungry to ${kill}`]);
    const told = kill < 3 ? [] : ["crashed hungry: SIGKILL"];
    assert.deepEqual(recorder.lose(slot, "SIGKILL", true), told);
  }
  recorder.assertNothingIsLeft();
});

test("several jobs of a lost endpoint run again isolated and in order, until one of them crashes alone", () => {
  const recorder = new Recorder({ onLost: "isolate" });
  const { endpoints: [slot], client } = inFullSwing(recorder, 1);
  recorder.queue(client, "a poison c d e f g h");
  recorder.schedule();
  assert.deepEqual(recorder.out(slot), ["a", "poison", "c", "d"]);
  assert.deepEqual(recorder.lose(slot), []);
  const second = recorder.endpoint();
  assert.deepEqual(recorder.schedule(), ["load core at 2", "send a to 2"]);
  recorder.answer("a");
  assert.deepEqual(recorder.schedule(), ["send poison to 2"]);
  assert.deepEqual(recorder.lose(second), ["crashed poison: gone"]);
  recorder.endpoint();
  assert.deepEqual(recorder.schedule(), ["load core at 3", "send c to 3"]);
  assert.deepEqual(recorder.answerAll(), ["c", "d", "e", "f", "g", "h"]);
  recorder.assertNothingIsLeft();
});

test("isolated jobs run on several endpoints at once, and other jobs still run", () => {
  const recorder = new Recorder({ onLost: "isolate" });
  const { endpoints: [slot], client } = inFullSwing(recorder, 1);
  recorder.queue(client, "a b c d e f g h");
  recorder.schedule();
  recorder.lose(slot);
  for (let count = 0; count < 3; count++) recorder.endpoint();
  recorder.schedule();
  assert.deepEqual(recorder.out(), ["a", "b", "c"]);
  recorder.answer("b");
  recorder.schedule();
  assert.deepEqual(recorder.out(), ["a", "c", "d"]);
  recorder.answer("d");
  recorder.schedule();
  assert.deepEqual(recorder.out(), ["a", "c", "e"], "e had not been sent, it need not be alone");
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("an isolated job waits for an empty endpoint, and the jobs behind it wait too", () => {
  const recorder = new Recorder({ onLost: "isolate" });
  const { endpoints, client } = inFullSwing(recorder, 2);
  recorder.queue(client, "a b c d e f g h i j k l m n o p");
  recorder.schedule();
  const [slot, lost] = inOrderOfJobs(recorder, endpoints);
  assert.deepEqual([recorder.out(slot), recorder.out(lost)], [
    ["a", "c", "d", "e"],
    ["b", "f", "g", "h"],
  ]);
  recorder.lose(lost);
  for (const name of ["a", "c", "d"]) {
    assert.deepEqual(recorder.schedule(), []);
    recorder.answer(name);
  }
  recorder.answer("e");
  assert.deepEqual(recorder.schedule(), [`send b to ${slot}`]);
  assert.deepEqual(recorder.answerAll(), [..."bfghijklmnop"]);
  recorder.assertNothingIsLeft();
});

test("a second client does not keep an endpoint from becoming empty for an isolated job", () => {
  const recorder = new Recorder({ onLost: "isolate" });
  const { endpoints, client } = inFullSwing(recorder, 2);
  const other = recorder.client();
  recorder.queue(client, "a b c d e f g h");
  recorder.schedule();
  const [slot, lost] = inOrderOfJobs(recorder, endpoints);
  assert.deepEqual([recorder.out(slot), recorder.out(lost)], [["a", "c"], ["b", "d"]]);
  recorder.lose(lost);
  recorder.queue(other, "s t u v w x y z");
  // The other client has one turn, then the first one keeps its turn until an endpoint is empty.
  assert.deepEqual(recorder.schedule(), []);
  recorder.answer("a c");
  assert.deepEqual(recorder.schedule(), [..."stuvwx"].map((name) => `send ${name} to ${slot}`));
  recorder.answer("s t u v w");
  assert.deepEqual(recorder.schedule(), []);
  recorder.answer("x");
  assert.deepEqual(recorder.schedule(), [`send b to ${slot}`]);
  assert.equal(recorder.answerAll()[0], "b");
  recorder.assertNothingIsLeft();
});

test("with retry, a lost endpoint's jobs run elsewhere before all others, in order", () => {
  const recorder = new Recorder({ onLost: "retry", isLocal: false });
  const first = recorder.endpoint(2);
  const client = recorder.client();
  recorder.queue(client, "a b c d e");
  recorder.schedule();
  for (let loss = 0; loss < 5; loss++) {
    const endpoint = loss === 0 ? first : recorder.endpoint(2);
    recorder.schedule();
    assert.deepEqual(recorder.out(endpoint), ["a", "b", "c", "d"]);
    recorder.told();
    assert.deepEqual(recorder.lose(endpoint), []);
  }
  recorder.endpoint(1);
  recorder.schedule();
  assert.deepEqual(recorder.out(), ["a", "b"], "they need not be alone");
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a job that is sent again has a new dispatch there, and late answers are ignored", () => {
  const recorder = new Recorder({ onLost: "retry" });
  const attempts: number[] = [];
  recorder.onSend = (_endpoint, { attempt }) => attempts.push(attempt);
  const first = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a");
  recorder.schedule();
  const late = recorder.dispatchOf("a");
  recorder.lose(first);
  const second = recorder.endpoint();
  recorder.schedule();
  assert.equal(recorder.pool.onAnswer(first, late, recorder.nowMs), undefined, "it is gone");
  const before = recorder.dispatchOf("a");
  recorder.answer("a");
  recorder.queue(client, "a");
  recorder.schedule();
  assert.notEqual(recorder.dispatchOf("a"), before);
  assert.deepEqual(attempts, [1, 2, 1]);
  assert.equal(recorder.pool.onAnswer(second, before, recorder.nowMs), undefined, "it has another");
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a leaving endpoint finishes its jobs and gets no more", () => {
  const recorder = new Recorder({ onLost: "retry", isLocal: false });
  const leaving = recorder.endpoint(1);
  const client = recorder.client();
  recorder.queue(client, "a b c d");
  recorder.schedule();
  assert.deepEqual(recorder.out(leaving), ["a", "b"]);
  recorder.pool.onEndpointLeaving(leaving);
  recorder.answer("a b");
  assert.deepEqual(recorder.schedule(), []);
  assert.equal(recorder.pool.counts().slots, 0);
  assert.ok(!recorder.pool.isFree(leaving));
  recorder.endpoint(1);
  assert.deepEqual(recorder.answerAll(), ["c", "d"]);
  recorder.lose(leaving);
  recorder.assertNothingIsLeft();
});

test("a core is loaded elsewhere although a leaving endpoint that holds it is idle", () => {
  const recorder = new Recorder();
  const leaving = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a");
  recorder.answerAll();
  recorder.pool.onEndpointLeaving(leaving);
  recorder.endpoint();
  recorder.told();
  recorder.queue(client, "b");
  assert.deepEqual(recorder.schedule(), ["load core at 2", "send b to 2"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("losing an endpoint that loads a core costs no job an attempt", () => {
  const recorder = new Recorder();
  recorder.loadsAtOnce = false;
  const slot = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a");
  assert.deepEqual(recorder.schedule(), ["load core at 1"]);
  assert.deepEqual(recorder.lose(slot), []);
  recorder.pool.onLoaded(slot, recorder.nowMs);
  recorder.loadsAtOnce = true;
  recorder.endpoint();
  assert.deepEqual(recorder.schedule(), ["load core at 2", "send a to 2"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("an endpoint that was lost while it had room gets no job", () => {
  const recorder = new Recorder({ onLost: "retry", isLocal: false });
  const [first, second] = [recorder.endpoint(2), recorder.endpoint(2)];
  const client = recorder.client();
  recorder.queue(client, "a b");
  recorder.schedule();
  recorder.lose(first);
  recorder.queue(client, "c d");
  recorder.schedule();
  assert.deepEqual(recorder.out().length, 4);
  assert.equal(recorder.out(second).length, 4);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("losing an endpoint a second time does nothing", () => {
  const recorder = new Recorder();
  const slot = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a");
  recorder.schedule();
  assert.deepEqual(recorder.lose(slot), ["crashed a: gone"]);
  recorder.pool.onEndpointLost(slot, "gone");
  recorder.pool.onEndpointLeaving(slot);
  recorder.pool.onLoadFailed(slot, CORE, "gone", recorder.nowMs);
  assert.equal(recorder.pool.counts().endpoints, 0);
  recorder.assertNothingIsLeft();
});
