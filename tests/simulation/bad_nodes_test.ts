/** Bad workers beside good ones, in simulation. */

import { RUNS_ALL } from "../lib/random.ts";
import { test } from "../lib/test.ts";
import { badNodesPlan } from "./plan.ts";
import { simulate } from "./simulation.ts";

const SEEDS = RUNS_ALL ? 200 : 8;

test("no good job fails because of bad workers beside good ones", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    await simulate(badNodesPlan(seed)).catch((cause) => {
      throw new Error(`the plan of seed ${seed} fails: ${cause}`, { cause });
    });
  }
});
