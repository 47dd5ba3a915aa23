/** What is reported of workers, and how often. */

import assert from "node:assert/strict";
import { ConnectionWarnings } from "../../../controller/workers/connection_warnings.ts";
import { WorkerHistory } from "../../../controller/workers/worker_history.ts";
import { silentLog } from "../../../system/log.ts";
import { test } from "../../lib/test.ts";

test("a problem is new once, and again after eight others or after the worker was useful", () => {
  const history = new WorkerHistory();
  assert.equal(history.isNew("first"), true);
  for (let count = 0; count < 7; count++) history.isNew(`other ${count}`);
  assert.equal(history.isNew("first"), false);
  history.isNew("other 7");
  assert.equal(history.isNew("first"), true);
  assert.equal(history.isNew("first"), false);
  history.forgetProblems();
  assert.equal(history.isNew("first"), true);
});

test("up to three workers that cannot be reached are listed, and more are counted by reason", () => {
  const lines: string[] = [];
  const warnings = new ConnectionWarnings({ ...silentLog, warn: (text) => lines.push(text) });
  for (const name of ["a", "b", "c"]) warnings.add(name, "no such host");
  warnings.onTick(250, 10);
  assert.deepEqual(lines.splice(0), [
    "worker a: no such host; trying again",
    "worker b: no such host; trying again",
    "worker c: no such host; trying again",
  ]);
  warnings.add("d", "no such host");
  warnings.onTick(500, 10);
  for (const name of ["e", "f", "g"]) warnings.add(name, "connection refused");
  warnings.onTick(2000, 10);
  assert.deepEqual(lines, [], "those of the next two seconds are collected");
  warnings.onTick(2250, 10);
  warnings.onTick(9000, 10);
  assert.deepEqual(lines, [
    "4 of 10 workers cannot be reached: connection refused (3), no such host (1); trying again",
  ]);
});
