/** Bad workers beside good ones, in simulation. */

import { test } from "../lib/test.ts";
import { badNodesPlan } from "./plan.ts";
import { simulate } from "./simulation.ts";

test("no good job fails because of bad workers beside good ones", async () => {
  for (let seed = 1; seed <= 15; seed++) {
    await simulate(badNodesPlan(seed)).catch((cause) => {
      throw new Error(`the plan of seed ${seed} fails: ${cause}`, { cause });
    });
  }
});
