/** When jobs are scheduled. */

import assert from "node:assert/strict";
import { SchedulingPasses } from "../../../controller/cluster/scheduling_passes.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { test } from "../../lib/test.ts";

test("where single jobs are in a hurry, whoever got an answer adds the next job before jobs are scheduled", async () => {
  const order: string[] = [];
  const scheduled = Promise.withResolvers<void>();
  const passes = new SchedulingPasses(systemClock, true, () => {
    order.push("scheduled");
    scheduled.resolve();
  });
  const answer = Promise.withResolvers<void>();
  const run = async () => await answer.promise;
  const typed = async () => await run();
  const request = typed().then(() => {
    order.push("next job");
    passes.onEvent();
  });
  passes.onEvent();
  passes.onEvent();
  answer.resolve();
  await Promise.all([request, scheduled.promise]);
  assert.deepEqual(order, ["next job", "scheduled"]);
});
