/** Whose place the payload of a large job is, from its first byte until the job has it. */

import assert from "node:assert/strict";
import { JOB_LIMITS_BYTES, MessageType } from "../../../protocol/mod.ts";
import { ArrivingJob } from "../../../worker/controllers/arriving_job.ts";
import type { CurrentCore } from "../../../worker/controllers/current_core.ts";
import type { JobPlace } from "../../../worker/job.ts";
import { test } from "../../lib/test.ts";

const BYTES = 100;

test("a job gets the place that its payload was read to, once, and no other message does", () => {
  const arriving = arrivingJob();
  const found = arriving.findPlace(MessageType.job, BYTES);
  assert(found);
  assert.equal(arriving.onArrived(new Uint8Array(BYTES)), undefined, "a small message");
  const place = arriving.onArrived(found.bytes);
  assert.equal(place?.payload.byteLength, BYTES);
  assert.equal(arriving.onArrived(found.bytes), undefined);
});

test("a job with limits has its payload behind them, and nothing but jobs has a place", () => {
  const arriving = arrivingJob();
  const found = arriving.findPlace(MessageType.limitedJob, BYTES);
  assert(found);
  assert.equal(found.bytes.byteLength, BYTES);
  const place = arriving.onArrived(found.bytes);
  assert.equal(place?.payload.byteOffset, JOB_LIMITS_BYTES);
  assert.equal(arriving.findPlace(MessageType.core, BYTES), undefined);
});

function arrivingJob(): ArrivingJob {
  const place = (_: unknown, bytes: number): JobPlace => {
    const memory = new Uint8Array(BYTES);
    const payload = memory.subarray(0, bytes);
    return { memory, payload, withHeader: memory, at: 0, release: () => {} };
  };
  const cores = { ready: {} } as unknown as CurrentCore;
  return new ArrivingJob(cores, { place });
}
