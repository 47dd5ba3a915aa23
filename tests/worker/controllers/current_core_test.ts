/** Which core is current, and which jobs wait for one. */

import assert from "node:assert/strict";
import type { CoreKey } from "../../../pool/types.ts";
import { NO_LIMITS } from "../../../protocol/mod.ts";
import { type CoreOutcome, CurrentCore } from "../../../worker/controllers/current_core.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { RECEIVED, type RelayedJob } from "../../../worker/job.ts";
import { test } from "../../lib/test.ts";

test("a job before any core gets the reason that there is none", () => {
  const { current } = new Recorded();
  assert.deepEqual(current.outcomeFor(newJob(1)), {
    name: "none",
    reason: "No compute core has been sent yet",
  });
});

test("jobs wait for the core that was current when they arrived, and get that one", async () => {
  const recorded = new Recorded();
  const { current } = recorded;
  const [one, two] = [recorded.change(), recorded.change()];
  const first = newJob(1);
  assert.equal(current.outcomeFor(first), undefined);
  assert.equal(first.state.name, "waiting");
  await two.ready("two");
  assert.deepEqual(recorded.outcomes, ["job 1: two"]);
  await one.ready("one");
  assert.deepEqual(recorded.outcomes, ["job 1: two"], "it did not wait for the first core");
});

test("a core that is replaced is released, even if it was still loading", async () => {
  const recorded = new Recorded();
  const [one, two] = [recorded.change(), recorded.change()];
  await one.ready("one");
  assert.deepEqual(recorded.released, ["one"]);
  await two.ready("two");
  assert.deepEqual(recorded.released, ["one"]);
  const three = recorded.change();
  assert.deepEqual(recorded.released, ["one", "two"]);
  await three.ready("three");
  recorded.current.close();
  assert.deepEqual(recorded.released, ["one", "two", "three"]);
});

test("a core that becomes ready after the connection is closed is released", async () => {
  const recorded = new Recorded();
  const one = recorded.change();
  recorded.current.close();
  await one.ready("one");
  assert.deepEqual(recorded.released, ["one"]);
});

test("jobs that wait when the connection is closed get no outcome, and wait no longer", async () => {
  const recorded = new Recorded();
  const [one, two] = [recorded.change(), recorded.change()];
  recorded.current.outcomeFor(newJob(1));
  recorded.current.close();
  assert.deepEqual(recorded.current.waiting, []);
  await one.ready("one");
  await two.fails("it is broken");
  assert.deepEqual(recorded.outcomes, []);
});

test("a job whose core is known no longer refers to the jobs that waited with it", async () => {
  const recorded = new Recorded();
  const one = recorded.change();
  const jobs = [newJob(1), newJob(2)];
  for (const job of jobs) recorded.current.outcomeFor(job);
  const queues = jobs.map(({ state }) => state.name === "waiting" ? state.queue : undefined);
  await one.ready("one");
  for (const queue of queues) assert.equal(queue?.size, 0);
});

test("jobs behind a core that fails to load get the reason, until another core is sent", async () => {
  const recorded = new Recorded();
  const { current } = recorded;
  const one = recorded.change();
  current.outcomeFor(newJob(1));
  await one.fails("it is broken");
  assert.deepEqual(recorded.outcomes, ["job 1: it is broken"]);
  assert.deepEqual(current.outcomeFor(newJob(2)), { name: "none", reason: "it is broken" });
  recorded.change();
  assert.equal(current.outcomeFor(newJob(3)), undefined);
});

test("cores that load are counted with their bytes", async () => {
  const recorded = new Recorded();
  const { current } = recorded;
  const [one, two] = [recorded.change(10), recorded.change(100)];
  assert.deepEqual([current.count, current.bytes], [2, 110]);
  await one.fails("it is broken");
  assert.deepEqual([current.count, current.bytes], [1, 100]);
  await two.ready("two");
  assert.deepEqual([current.count, current.bytes], [0, 0]);
});

test("jobs that were taken out get no outcome", async () => {
  const recorded = new Recorded();
  const one = recorded.change();
  const jobs = [newJob(1), newJob(2)];
  for (const job of jobs) recorded.current.outcomeFor(job);
  assert.deepEqual(recorded.current.waiting, jobs);
  assert.deepEqual(recorded.current.takeWaiting(), jobs);
  await one.ready("one");
  assert.deepEqual(recorded.outcomes, []);
});

function newJob(id: number): RelayedJob {
  const source = {
    answer: () => {},
    fail: () => {},
    printing: { onPrinted: () => {}, onLost: () => {} },
  };
  return { source, id, payload: new Uint8Array(0), limits: NO_LIMITS, state: RECEIVED };
}

/** A connection's core, and the events for the connection. */
class Recorded {
  readonly outcomes: string[] = [];
  readonly released: string[] = [];
  readonly current = new CurrentCore({
    onOutcome: ({ id }, outcome) => {
      const what = outcome.name === "ready" ? outcome.core.name : outcome.reason;
      this.outcomes.push(`job ${id}: ${what}`);
    },
    onReleased: ({ name }) => void this.released.push(name),
  });

  /** Another core is sent; the test decides its outcome. */
  change(bytes = 1): { ready(name: string): Promise<void>; fails(reason: string): Promise<void> } {
    const { promise, resolve } = Promise.withResolvers<CoreOutcome>();
    const changed = this.current.change(promise, bytes);
    return {
      ready: (name) => {
        resolve({ name: "ready", core: new StoredCore(name as CoreKey, name, 0) });
        return changed;
      },
      fails: (reason) => {
        resolve({ name: "none", reason });
        return changed;
      },
    };
  }
}
