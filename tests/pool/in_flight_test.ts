/** The jobs in flight at an endpoint are found, removed and listed like in a `Map`. */

import assert from "node:assert/strict";
import { InFlight } from "../../pool/in_flight.ts";
import { type Job, markSent, newJob } from "../../pool/job.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId } from "../../pool/types.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

test("jobs are found by their dispatches, whatever the order in which they are answered", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant("add" as const) },
    { weight: 2, arbitrary: fc.nat({ max: 100 }) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
    const inFlight = new InFlight<number>();
    const model = new Map<DispatchId, Job<number>>();
    for (const one of steps) {
      if (one === "add") model.set(inFlight.next, add(inFlight));
      else {
        const dispatch = [...model.keys()][one % Math.max(1, model.size)] ?? 99 as DispatchId;
        assert.equal(inFlight.remove(dispatch), model.get(dispatch));
        model.delete(dispatch);
        assert.equal(inFlight.get(dispatch), undefined);
      }
      assert.equal(inFlight.size, model.size);
      assert.equal(inFlight.oldest, [...model.values()][0]);
    }
    assert.deepEqual([...inFlight], [...model.values()]);
    for (const [dispatch, job] of model) assert.equal(inFlight.get(dispatch), job);
  }));
});

test("a job that takes very long is still the oldest after thousands of others", () => {
  const inFlight = new InFlight<number>();
  const long = add(inFlight);
  for (let count = 0; count < 10_000; count++) {
    const dispatch = inFlight.next;
    add(inFlight);
    assert.ok(inFlight.remove(dispatch));
  }
  assert.equal(inFlight.oldest, long);
  assert.deepEqual([...inFlight], [long]);
  assert.equal(inFlight.remove(1 as DispatchId), long);
  assert.equal(inFlight.size, 0);
});

test("a number that no job has is no dispatch", () => {
  const inFlight = new InFlight<number>();
  add(inFlight);
  for (const number of [0, 2, 17, -1, 2 ** 32 + 1, 2 ** 52, 0.5, NaN]) {
    assert.equal(inFlight.get(number as DispatchId), undefined, String(number));
    assert.equal(inFlight.remove(number as DispatchId), undefined, String(number));
  }
  assert.equal(inFlight.size, 1);
});

function add(inFlight: InFlight<number>): Job<number> {
  const { next } = inFlight;
  const job = newJob(1 as ClientId, "core" as CoreKey, 1, next as number, 0);
  markSent(job, 1 as EndpointId, next, 0);
  inFlight.add(job);
  return job;
}
