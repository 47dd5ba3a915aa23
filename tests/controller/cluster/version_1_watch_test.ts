/** When a worker of version 1, which answers no pings, counts as hung. */

import assert from "node:assert/strict";
import { Version1Watch } from "../../../controller/cluster/version_1_watch.ts";
import { silentLog } from "../../../system/log.ts";
import { test } from "../../lib/test.ts";

const TIME_MS = 1_000;

/** Twice the time limit of a job, and the time of its transfer. */
const HUNG_MS = 2 * TIME_MS + 10_000;

const watch = () => new Version1Watch(silentLog);

test("a worker is hung when it has not answered for twice the time limit and ten seconds", () => {
  for (const [sentAtMs, answeredAtMs] of [[100, 0], [0, 100]] as const) {
    assert.equal(watch().problem(TIME_MS, sentAtMs, answeredAtMs, 100 + HUNG_MS - 1), undefined);
    const problem = watch().problem(TIME_MS, sentAtMs, answeredAtMs, 100 + HUNG_MS);
    assert.match(problem?.message ?? "", /has not answered any job for 12s; .* of a job is 1s$/);
  }
});

test("the time in which no answers are read does not count", () => {
  const watched = watch();
  watched.onPaused(true, 0);
  assert.equal(watched.problem(TIME_MS, 0, 0, 10 * HUNG_MS), undefined);
  watched.onPaused(false, 10 * HUNG_MS);
  assert.equal(watched.problem(TIME_MS, 0, 0, 11 * HUNG_MS - 1), undefined);
  assert(watched.problem(TIME_MS, 0, 0, 11 * HUNG_MS));
});

test("a job without a time limit may keep a worker silent for as long as it likes", () => {
  assert.equal(watch().problem(0, 0, 0, 1_000 * HUNG_MS), undefined);
});
