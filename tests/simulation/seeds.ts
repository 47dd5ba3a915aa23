/** Simulations of many seeds, and of bugs that are planted. */

import assert from "node:assert/strict";
import { slowTest, test } from "../lib/test.ts";
import { type Canary, withCanary } from "./canaries.ts";
import { planFrom, type Scale } from "./plan.ts";
import { simulate } from "./simulation.ts";

/** Simulates some seeds. An error names its seed. */
export async function simulateAll(first: number, count: number, scale: Scale, run = simulate) {
  for (let seed = first; seed < first + count; seed++) {
    await run(planFrom(seed, scale)).catch((cause) => {
      const options = `${scale === "large" ? "--large " : ""}--from ${seed} --seeds 1`;
      throw new Error(`deno task simulate ${options} fails: ${cause}`, { cause });
    });
  }
}

/** Declares a test for each bug: the simulation finds it. */
export function testCanaries(canaries: readonly Canary[]): void {
  for (const canary of canaries) {
    const { name, seeds, from = 1, isSlow } = canary;
    const declare = isSlow ? slowTest : test;
    declare(`a planted bug is found within ${seeds} seeds from ${from}: ${name}`, async () => {
      await withCanary(canary, async (planted) => {
        const found = simulateAll(from, seeds, "small", planted.simulate);
        await assert.rejects(found, /deno task simulate --from \d+ --seeds 1 fails: /);
      });
    });
  }
}
