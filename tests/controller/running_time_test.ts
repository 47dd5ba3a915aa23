/** The time of a run, without the time in which its process was stopped. */

import assert from "node:assert/strict";
import { RunningTime } from "../../controller/running_time.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

/** A clock that goes on while the timers of its process do not, as after SIGSTOP. */
class StoppingClock extends VirtualClock {
  stoppedMs = 0;

  override now(): number {
    return super.now() + this.stoppedMs;
  }
}

test("the time in which a run was stopped by SIGSTOP does not count", async () => {
  const clock = new StoppingClock();
  const time = new RunningTime(clock);
  await clock.advance(60_000);
  clock.stoppedMs += 600_000;
  assert.equal(time.ms, 60_000, "also where it is asked before its timer has rung");
  await clock.advance(10_000);
  clock.stoppedMs += 600_000;
  await clock.advance(10_000);
  assert(time.ms > 79_000 && time.ms <= 80_000, `${time.ms}`);
});

test("the time of a run that is only busy counts, and ends with the run", async () => {
  const clock = new StoppingClock();
  const time = new RunningTime(clock);
  await clock.advance(1_000);
  clock.stoppedMs += 3_000;
  await clock.advance(1_000);
  time.end();
  await clock.advance(9_000);
  assert.equal(time.ms, 5_000);
  assert.equal(clock.timers, 0);
});
