/**
 * `deno task simulate`: simulates clusters, one for each seed, until one fails.
 *
 *     deno task simulate --seeds 1000                        from seed 1
 *     deno task simulate --from 4711 --seeds 1 --verbose     one seed, and what happens in it
 *     deno task simulate --large --seeds 100                 50 workers and 2,000 jobs each
 *     deno task simulate --canary "slot leak"                with a bug planted, which it should find
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { CANARIES, withCanary } from "./canaries.ts";
import { planFrom, type Scale } from "./plan.ts";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    large: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
    canary: { type: "string" },
  },
});

/** Simulates the seeds that were asked for. Resolves to the exit status. */
async function run(simulateOne: typeof simulate): Promise<number> {
  const scale: Scale = values.large ? "large" : "small";
  const first = numberOf("--from", values.from);
  const count = numberOf("--seeds", values.seeds);
  const sums = { starts: 0, events: 0, virtualMs: 0 };
  const startedAtMs = performance.now();
  for (let seed = first; seed < first + count; seed++) {
    try {
      const plan = planFrom(seed, scale);
      const report = await simulateOne(plan, values.verbose ? console.log : undefined);
      for (const key of ["starts", "events", "virtualMs"] as const) sums[key] += report[key];
    } catch (error) {
      console.error(`seed ${seed} fails:`, error);
      const options = values.large ? "--large " : "";
      console.error(`repeat it: deno task simulate ${options}--from ${seed} --seeds 1 --verbose`);
      return 1;
    }
  }
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  const hours = (sums.virtualMs / 3_600_000).toFixed(1);
  console.log(
    `${count} seeds passed in ${seconds} s: ${sums.starts} starts of runs, ${sums.events} events, ` +
      `${hours} hours of simulated time`,
  );
  return 0;
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  console.error(`${option} takes a positive number, not "${text}"`);
  process.exit(2);
}

async function main(): Promise<number> {
  if (values.canary === undefined) return await run(simulate);
  const canary = CANARIES.find(({ name }) => name === values.canary);
  if (canary) return await withCanary(canary, (module) => run(module.simulate));
  console.error(`There is no canary "${values.canary}"; there are:`);
  for (const { name } of CANARIES) console.error(`  ${name}`);
  return 2;
}

process.exitCode = await main();
