/** Skips inputs whose jobs finished in earlier runs. */

import type { FinishedJobs, IdentifiedInput } from "../output/finished_jobs.ts";
import type { ReadyTask, SkippedTask, Source } from "./source.ts";

/** Replaces the inputs of finished jobs by skipped tasks. Without `finished`, no job is skipped. */
export async function skipFinished<T extends IdentifiedInput & { readonly index: number }>(
  inputs: readonly T[],
  finished: FinishedJobs | undefined,
): Promise<readonly (T | SkippedTask)[]> {
  if (!finished) return inputs;
  const outcomes = await finished.outcomesOf(inputs);
  return inputs.map((input, place): T | SkippedTask => {
    const outcome = outcomes[place];
    const { index, name } = input;
    return outcome ? { kind: "skipped", index, name, outcome } : input;
  });
}

/** `skipFinished` for each batch. */
export async function* skipFinishedIn(
  batches: AsyncIterable<readonly ReadyTask[]>,
  finished: FinishedJobs | undefined,
): Source["batches"] {
  for await (const batch of batches) yield await skipFinished(batch, finished);
}
