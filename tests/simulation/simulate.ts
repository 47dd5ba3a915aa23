/**
 * `deno task simulate`: simulates clusters, one for each seed, until one fails.
 *
 *     deno task simulate --seeds 1000                        from seed 1
 *     deno task simulate --from 4711 --seeds 1 --verbose     one seed, and what happens in it
 *     deno task simulate --large --seeds 100                 50 workers and 2,000 jobs each
 *     deno task simulate --canary "slot leak"                with a bug planted, which it should find
 */

import process from "node:process";
import { Command, InvalidArgumentError } from "commander";
import { messageOf } from "../../runtime/error_text.ts";
import { CANARIES, PAST_BUGS, withCanary } from "./canaries.ts";
import { planFrom, type Scale } from "./plan.ts";
import { simulate } from "./simulation.ts";

/** The options as commander gives them. */
interface Flags {
  readonly seeds: number;
  readonly from: number;
  readonly large?: boolean;
  readonly verbose?: boolean;
  readonly canary?: string;
}

const flags = new Command("simulate")
  .description("simulate clusters, one for each seed, until one fails")
  .option("--seeds <n>", "how many", positive, 1_000)
  .option("--from <seed>", "the first one", positive, 1)
  .option("--large", "50 workers and 2,000 jobs each")
  .option("--canary <name>", "plant a bug, which should be found")
  .option("--verbose", "say what happens")
  .parse()
  .opts<Flags>();

/** Simulates the seeds that were asked for. Resolves to the exit status. */
async function run(simulateOne: typeof simulate): Promise<number> {
  const { from: first, seeds: count, verbose } = flags;
  const scale: Scale = flags.large ? "large" : "small";
  const sums = { starts: 0, events: 0, virtualMs: 0 };
  const startedAtMs = performance.now();
  for (let seed = first; seed < first + count; seed++) {
    try {
      const plan = planFrom(seed, scale);
      const report = await simulateOne(plan, verbose ? console.log : undefined);
      for (const key of ["starts", "events", "virtualMs"] as const) sums[key] += report[key];
    } catch (error) {
      console.error(`seed ${seed} fails: ${verbose ? (error as Error).stack : messageOf(error)}`);
      console.error(`repeat it: deno task simulate ${repeatOptions(seed)}`);
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

function repeatOptions(seed: number): string {
  const { large, canary } = flags;
  const options = [large && "--large", canary && `--canary "${canary}"`].filter(Boolean);
  return [...options, `--from ${seed} --seeds 1 --verbose`].join(" ");
}

function positive(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It must be a positive number.");
}

async function main(): Promise<number> {
  if (flags.canary === undefined) return await run(simulate);
  const canary = [...CANARIES, ...PAST_BUGS].find(({ name }) => name === flags.canary);
  if (canary) return await withCanary(canary, (module) => run(module.simulate));
  console.error(`There is no canary "${flags.canary}"; there are:`);
  for (const { name } of CANARIES) console.error(`  ${name}`);
  return 2;
}

process.exitCode = await main();
