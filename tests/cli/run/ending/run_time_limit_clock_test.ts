/** When a run with a time limit takes no more jobs, and when it gives up those that run, in virtual time. */

import assert from "node:assert/strict";
import { RunTimeLimit } from "../../../../cli/run/run_time_limit.ts";
import type { RunView } from "../../../../controller/run.ts";
import { test } from "../../../lib/test.ts";
import { VirtualClock } from "../../../lib/virtual_clock.ts";

const LIMIT_MS = 100_000;

/** The last tenth of the time, in which outputs are written. */
const STOP_MS = 90_000;

test("a run ends when a tenth of its time is left, and is told once that the time is near", async () => {
  const run = new LimitedRun(5_000);
  await run.clock.advance(LIMIT_MS);
  assert.deepEqual(run.events, [`interrupt ${STOP_MS - 5_000}`, "write", `abandon ${STOP_MS}`]);
});

test("the longest job that was seen near the end decides, also once it has ended", async () => {
  const run = new LimitedRun(8_000);
  await run.clock.advance(STOP_MS - 15_000);
  assert.deepEqual(run.events, []);
  run.oldestMs = 10;
  await run.clock.advance(15_000);
  assert.equal(run.events[0], `interrupt ${STOP_MS - 8_000}`);
});

/** A run whose oldest job has run for so long at any time. */
class LimitedRun {
  readonly clock = new VirtualClock();
  readonly events: string[] = [];

  constructor(public oldestMs: number) {
    const run = {
      whyNoWorker: undefined,
      interrupt: () => this.events.push(`interrupt ${this.clock.now()}`) > 0,
      abandon: () => void this.events.push(`abandon ${this.clock.now()}`),
      view: () => {
        const view = { status: { inFlight: 1 }, oldest: [{ beganMsAgo: this.oldestMs }] };
        return view as unknown as RunView;
      },
    };
    new RunTimeLimit(this.clock, LIMIT_MS, run, () => this.events.push("write"));
  }
}
