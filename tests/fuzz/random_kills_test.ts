/** Random kills of real processes. `DISTCOMP_TEST_SEED` repeats them, as far as the timing of processes allows. */

import { Choices, randomTest, RUNS_ALL, SEED } from "../lib/random.ts";
import { RandomKills } from "./random_kills.ts";

const KILLS = RUNS_ALL ? 100 : 3;

/** More than can start before the last kill. */
const JOBS_PER_KILL = 400;

randomTest(
  "a run whose processes are killed at random loses no job, and repeats none that was done",
  async () => {
    await using kills = await RandomKills.start(new Choices(SEED), KILLS * JOBS_PER_KILL);
    try {
      for (let kill = 0; kill < KILLS; kill++) await kills.step();
      await kills.complete();
    } catch (error) {
      throw new Error(`After: ${kills.steps.join(", ")}`, { cause: error });
    }
  },
);
