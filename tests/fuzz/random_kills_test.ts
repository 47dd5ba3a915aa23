/** Random kills of real processes. `DISTCOMP_TEST_SEED` repeats them, as far as the timing of processes allows. */

import assert from "node:assert/strict";
import { Choices, randomTest, RUNS_ALL, SEED } from "../lib/random.ts";
import { RandomKills } from "./random_kills.ts";

const KILLS = RUNS_ALL ? 100 : 3;

/** Mostly more than start before the last kill. */
const JOBS_PER_KILL = 400;

randomTest(
  "a run whose processes are killed at random loses no job, and repeats none that was done",
  async () => {
    await using kills = await RandomKills.start(new Choices(SEED), KILLS * JOBS_PER_KILL);
    try {
      // While a worker starts again on a busy machine, the other one may do all that is left.
      while (kills.steps.length < KILLS && await kills.step());
      assert(kills.steps.includes("kill the run"), "the run ended too early");
      await kills.complete();
    } catch (error) {
      throw new Error(`After: ${kills.steps.join(", ")}`, { cause: error });
    }
  },
);
