/** What it costs to look for slots for copies of stragglers. */

import assert from "node:assert/strict";
import { Speculation } from "../../../controller/cluster/speculation.ts";
import type { CoreKey } from "../../../pool/types.ts";
import { Pool } from "../../../pool/pool.ts";
import { test } from "../../lib/test.ts";

const JOBS = 100;
const CORE = "core" as CoreKey;

test("once no slot is idle, no more late jobs are looked at", () => {
  const nothing = () => {};
  const actions = {
    load: nothing,
    send: nothing,
    crashed: nothing,
    dropped: nothing,
    coreUnavailable: nothing,
  };
  const options = { onLost: "retry", isLocal: false, endpointBytesMax: 1_000 } as const;
  const pool = new Pool<number>(actions, options);
  const [busy, idle] = [pool.onEndpointUp(JOBS), pool.onEndpointUp(1)];
  pool.load(busy, CORE);
  pool.onLoaded(busy, 0);
  const client = pool.onClientUp();
  const jobs = Array.from({ length: JOBS }, (_, name) => pool.onJob(client, CORE, 1, name, 0));
  pool.schedule(0);
  pool.load(idle, CORE);
  pool.onLoaded(idle, 0);
  let looks = 0;
  const speculation = new Speculation(pool, nothing, nothing, () => {
    looks += 1;
    return [];
  });
  for (const job of jobs.slice(0, 10)) if (job) speculation.onCompleted(job, 1);
  speculation.findLate(5_000);
  speculation.copyLate(5_000);
  assert.equal(speculation.counts.started, 1);
  assert.equal(looks, 1);
});
