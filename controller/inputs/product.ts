/** The source of a sweep: `--param a=1,2 --param b=x,y`, one job for each combination of values. */

import type { FinishedJobs } from "../output/finished_jobs.ts";
import { OutputNaming } from "./output_naming.ts";
import { type Parameter, ParameterTasks } from "./parameters.ts";
import { skipFinishedIn } from "./skip.ts";
import { BATCH_INPUTS, type ReadyTask, type Source } from "./source.ts";

/** A parameter, and the values that it takes. */
export interface Sweep {
  readonly name: string;
  readonly values: readonly string[];
}

/** A source of all combinations. The values of the last parameter change fastest. */
export function productSource(
  sweeps: readonly Sweep[],
  finished?: FinishedJobs,
  naming: OutputNaming = OutputNaming.SAME,
): Source {
  const count = sweeps.reduce((product, { values }) => product * values.length, 1);
  return {
    batches: skipFinishedIn(batchesOf(sweeps, count, naming), finished),
    count: () => Promise.resolve(count),
  };
}

async function* batchesOf(
  sweeps: readonly Sweep[],
  count: number,
  naming: OutputNaming,
): AsyncIterable<ReadyTask[]> {
  const tasks = new ParameterTasks(naming);
  for (let first = 0; first < count; first += BATCH_INPUTS) {
    const length = Math.min(BATCH_INPUTS, count - first);
    yield Array.from({ length }, (_, offset) => tasks.next(combination(sweeps, first + offset)));
  }
}

/** The combination with this number: a number with a digit for each parameter. */
function combination(sweeps: readonly Sweep[], number: number): Parameter[] {
  const parameters: Parameter[] = [];
  let rest = number;
  for (const { name, values } of sweeps.toReversed()) {
    parameters.push([name, values[rest % values.length] as string]);
    rest = Math.floor(rest / values.length);
  }
  return parameters.toReversed();
}
