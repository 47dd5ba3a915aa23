/** Which job counts as the one whose slot was ended, and how often. */

import assert from "node:assert/strict";
import { Pool } from "../../../pool/pool.ts";
import type { CoreKey, DispatchId, Job } from "../../../pool/types.ts";
import { NO_LIMITS } from "../../../protocol/mod.ts";
import { StoredCore } from "../../../worker/cores/stored_core.ts";
import { RECEIVED, type RelayedJob } from "../../../worker/job.ts";
import { Terminations, TERMINATIONS_MAX } from "../../../worker/slots/terminations.ts";
import { test } from "../../lib/test.ts";

const CORE = "key" as CoreKey;

test("of the jobs in an ended slot only the one that ran is counted, and it fails the tenth time", () => {
  const { pool, sent, failed, terminations } = newPool();
  const client = pool.onClientUp();
  const queue = () => pool.onJob(client, CORE, 1, newJob(), 0);
  for (let index = 0; index < 1_200; index++) queue();
  const slot = pool.onEndpointUp(1);
  pool.schedule(0);
  pool.onLoaded(slot, 0);
  let nowMs = 0; // quick jobs: from then on the slot gets several at once
  for (pool.schedule(nowMs); sent.size > 0; pool.schedule(nowMs)) {
    for (const [job, dispatch] of sent) {
      pool.onAnswer(slot, dispatch, nowMs += 0.01);
      sent.delete(job);
    }
  }
  for (let index = 0; index < 8; index++) queue();
  pool.schedule(nowMs);
  const [before, running, ...behind] = sent.keys();
  assert(before && running && behind.length > 0, "several are in the slot");
  for (let time = 1; time <= TERMINATIONS_MAX; time++) {
    assert.deepEqual(failed, []);
    terminations.onLost(slot, "was ended", sent.get(running) as DispatchId, nowMs);
    pool.schedule(nowMs);
  }
  assert.deepEqual(failed, [[running, "was ended, 10 times while it ran"]]);
  const left = [...pool.jobsOf(client)];
  assert.equal(left.length, 7);
  assert(left.every(({ attempt }) => attempt <= 1), "none has lost an attempt");
});

test("the slots that a core has lost while it loaded are counted anew once it was loaded", () => {
  const { terminations } = newPool();
  const core = new StoredCore(CORE, "core.so", 1);
  const lose = () => Array.from({ length: TERMINATIONS_MAX }, () => terminations.onLoadLost(core));
  assert.deepEqual(lose(), [...Array(TERMINATIONS_MAX - 1).fill(false), true]);
  terminations.onLoaded(core);
  assert.deepEqual(lose(), [...Array(TERMINATIONS_MAX - 1).fill(false), true]);
});

function newJob(): RelayedJob {
  const source = {
    answer: () => {},
    fail: () => {},
    printing: { onPrinted: () => {}, onLost: () => {} },
  };
  return { source, id: 1, payload: new Uint8Array(), limits: NO_LIMITS, state: RECEIVED };
}

/** A pool that writes down the last dispatch of each job, and the jobs that fail. */
function newPool() {
  const sent = new Map<Job<RelayedJob>, DispatchId>();
  const failed: [Job<RelayedJob>, string][] = [];
  const pool = new Pool<RelayedJob>({
    load: () => {},
    send: (_endpoint, dispatch, job) => sent.set(job, dispatch),
    crashed: () => assert.fail("no job is blamed"),
    dropped: () => {},
    coreUnavailable: () => {},
  }, { onLost: "isolate", isLocal: true, endpointBytesMax: 1_000_000 });
  const terminations = new Terminations(pool, (job, reason) => failed.push([job, reason]));
  return { pool, sent, failed, terminations };
}
