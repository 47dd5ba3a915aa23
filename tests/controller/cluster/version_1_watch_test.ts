/** When a worker of version 1, which answers no pings, counts as hung. */

import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import { Version1Watch } from "../../../controller/cluster/version_1_watch.ts";
import { silentLog } from "../../../system/log.ts";
import { test } from "../../lib/test.ts";

const TIME_MS = 1_000;

/** Twice the time limit of a job, and the time of its transfer. */
const HUNG_MS = 2 * TIME_MS + 10_000;

const watch = () => new Version1Watch({ ...DEFAULT_POLICY, timeMs: TIME_MS }, silentLog);

test("a worker is hung when it has not answered for twice the time limit and ten seconds", () => {
  for (const [sentAtMs, answeredAtMs] of [[100, 0], [0, 100]] as const) {
    assert.equal(watch().problem(sentAtMs, answeredAtMs, 100 + HUNG_MS - 1), undefined);
    const problem = watch().problem(sentAtMs, answeredAtMs, 100 + HUNG_MS);
    assert.match(problem?.message ?? "", /has not answered any job for 12s; .* of a job is 1s$/);
  }
});

test("the time in which no answers are read does not count", () => {
  const watched = watch();
  watched.onPaused(true, 0);
  assert.equal(watched.problem(0, 0, 10 * HUNG_MS), undefined);
  watched.onPaused(false, 10 * HUNG_MS);
  assert.equal(watched.problem(0, 0, 11 * HUNG_MS - 1), undefined);
  assert(watched.problem(0, 0, 11 * HUNG_MS));
});
