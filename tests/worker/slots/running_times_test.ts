/** How long jobs have been running. */

import assert from "node:assert/strict";
import type { DispatchId, EndpointId } from "../../../pool/ids.ts";
import type { Job } from "../../../pool/job.ts";
import type { CurrentJob } from "../../../pool/types.ts";
import { RunningTimes } from "../../../worker/slots/running_times.ts";
import { test } from "../../lib/test.ts";

test("a job's time counts from when it was first seen running, not while its slot receives it", () => {
  const times = new RunningTimes();
  const look = (head: CurrentJob<string>, nowMs: number) =>
    times.update([head], nowMs)[0]?.runsSinceMs;
  assert.equal(look(head(1, 7, false), 100), undefined);
  assert.equal(look(head(1, 7, true), 200), 200);
  assert.equal(look(head(1, 7, true), 300), 200);
});

test("each job of a slot, and each slot, has its own time", () => {
  const times = new RunningTimes();
  const look = (heads: CurrentJob<string>[], nowMs: number) =>
    times.update(heads, nowMs).map(({ runsSinceMs }) => runsSinceMs);
  assert.deepEqual(look([head(1, 7), head(2, 8)], 100), [100, 100]);
  assert.deepEqual(look([head(1, 9), head(2, 8)], 200), [200, 100]);
  assert.deepEqual(look([head(2, 8)], 300), [100]);
  assert.deepEqual(look([head(1, 9), head(2, 8)], 400), [400, 100]);
});

function head(endpoint: number, dispatch: number, hasBegun = true): CurrentJob<string> {
  const job = {} as Job<string>;
  return { endpoint: endpoint as EndpointId, dispatch: dispatch as DispatchId, job, hasBegun };
}
