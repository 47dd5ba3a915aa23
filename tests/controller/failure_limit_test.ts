/** Tests of the failure limit. */

import assert from "node:assert/strict";
import { isExceeded, TooManyFailuresError } from "../../controller/failure_limit.ts";
import { test } from "../lib/test.ts";

test("a number of jobs is exceeded by the next failure", () => {
  const limit = { unit: "jobs", max: 3 } as const;
  assert(!isExceeded(limit, 3, 3, true));
  assert(isExceeded(limit, 4, 1000, false));
});

test("a percentage counts from 100 finished jobs on, and at the end in any case", () => {
  const limit = { unit: "percent", max: 10 } as const;
  assert(!isExceeded(limit, 99, 99, false));
  assert(isExceeded(limit, 11, 100, false));
  assert(!isExceeded(limit, 10, 100, false));
  assert(isExceeded(limit, 2, 10, true));
  assert(!isExceeded(limit, 1, 10, true));
});

test("the error has the limit, the counts and whether jobs are left", () => {
  const percent = { unit: "percent", max: 10 } as const;
  const jobs = { unit: "jobs", max: 3 } as const;
  assert.equal(
    new TooManyFailuresError(jobs, 4, 20, true).message,
    "Stopped after 4 of 20 jobs failed, more than --max-failures 3 allows",
  );
  assert.equal(
    new TooManyFailuresError(percent, 4, 20, false).message,
    "4 of 20 jobs failed, more than --max-failures 10% allows",
  );
});
