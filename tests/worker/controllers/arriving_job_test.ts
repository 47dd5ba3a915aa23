/** Whose place the payload of a large job is, from its first byte until the job has it. */

import assert from "node:assert/strict";
import {
  HUGE_BLOB_BYTES_MAX,
  JOB_LIMITS_BYTES,
  JOB_PREFIX_BYTES,
  MessageType,
} from "../../../protocol/mod.ts";
import { ArrivingJob } from "../../../worker/controllers/arriving_job.ts";
import type { CurrentCore } from "../../../worker/controllers/current_core.ts";
import type { JobPlace } from "../../../worker/job.ts";
import { HugeInput } from "../../../worker/slots/transport/huge_input.ts";
import { HugeInputs } from "../../../worker/slots/transport/huge_inputs.ts";
import type { SharedMemory } from "../../../runtime/native/shared_memory.ts";
import { withMemory } from "../../lib/made_up_system.ts";
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

test("an input over the limit has a place as soon as a core is current, and in version 1 only a job of it", () => {
  const bytes = 2 ** 31;
  const findIn = (arriving: ArrivingJob, type: number) =>
    arriving.findHugePlace(type, 1, bytes)?.head.byteLength;
  assert.equal(findIn(arrivingJob(), MessageType.job), JOB_PREFIX_BYTES);
  const limited = JOB_LIMITS_BYTES + JOB_PREFIX_BYTES;
  assert.equal(findIn(arrivingJob(), MessageType.limitedJob), limited);
  assert.equal(findIn(arrivingJob(), MessageType.core), undefined);
  assert.equal(findIn(arrivingJob({ version: 1 }), MessageType.limitedJob), undefined);
  assert.equal(findIn(arrivingJob({ problem: "no core" }), MessageType.job), undefined);
  const most = HUGE_BLOB_BYTES_MAX + JOB_PREFIX_BYTES;
  assert(arrivingJob().findHugePlace(MessageType.job, 1, most));
  assert.throws(() => arrivingJob().findHugePlace(MessageType.job, 1, most + 1), {
    name: "PayloadTooLargeError",
    payloadBytesMax: most,
  });
});

function arrivingJob(
  { version = 2, problem }: { version?: number; problem?: string } = {},
): ArrivingJob {
  const place = (_: unknown, bytes: number): JobPlace => {
    const memory = new Uint8Array(BYTES);
    const payload = memory.subarray(0, bytes);
    return { memory, payload, withHeader: memory, at: 0, release: () => {} };
  };
  const cores = { ready: {}, problem } as unknown as CurrentCore;
  const hugeInputs = new HugeInputs({
    placeAt: () => undefined,
    placeHere: (bytes, headBytes) => placeOf(bytes, headBytes),
    system: withMemory(2 ** 40),
  });
  return new ArrivingJob(cores, { place, hugeInputs }, () => version);
}

function placeOf(bytes: number, headBytes: number): HugeInput {
  const memory = {} as SharedMemory;
  return new HugeInput({ memory, owner: {}, roomAt: 0, headBytes, bytes, onReleased: () => {} });
}
