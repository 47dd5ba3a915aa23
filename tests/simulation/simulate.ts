/**
 * `deno task simulate`: simulates clusters from many seeds, and reports the first seed that fails.
 *
 *     deno task simulate --seeds 1000
 *     deno task simulate --from 4711 --seeds 1 --verbose
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { planFrom, type Scale } from "./plan.ts";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    large: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const scale: Scale = values.large ? "large" : "small";
const first = Number(values.from);
const count = Number(values.seeds);
const tell = values.verbose ? (text: string) => console.log(text) : undefined;
let events = 0, starts = 0;
const startedAtMs = performance.now();
for (let seed = first; seed < first + count; seed++) {
  const plan = planFrom(seed, scale);
  if (values.verbose) console.log(plan);
  try {
    const report = await simulate(plan, tell);
    events += report.events;
    starts += report.starts;
  } catch (error) {
    console.error(`seed ${seed} fails:`, error);
    process.exit(1);
  }
}
const seconds = (performance.now() - startedAtMs) / 1_000;
console.log(`${count} seeds, ${starts} starts, ${events} events in ${seconds.toFixed(1)} s`);
