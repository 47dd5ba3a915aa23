/** Jobs that take longer than workers have. */

import assert from "node:assert/strict";
import { GivenUpJobs } from "../../../controller/cluster/given_up_jobs.ts";
import { silentLog } from "../../../system/log.ts";
import { test } from "../../lib/test.ts";

test("a job that three workers had no time for is said once, and jobs that had just begun never", () => {
  const said: string[] = [];
  const log = { ...silentLog, warn: (text: string) => said.push(text) };
  const jobs = new GivenUpJobs(log);
  const [long, other] = [1_000, 1_001];
  for (let job = 0; job < 10; job++) jobs.onGivenUp(job, 3_600_000);
  for (let times = 0; times < 10; times++) jobs.onGivenUp(other, 1_000);
  jobs.onGivenUp(long, 3_600_000);
  jobs.onGivenUp(long, 3_600_000);
  assert.deepEqual(said, []);
  jobs.onGivenUp(long, 3_500_000);
  for (let times = 0; times < 10; times++) jobs.onGivenUp(long, 3_600_000);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /^3 workers in a row have left .* ran for 3500s; give workers more/);
});
