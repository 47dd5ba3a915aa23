/** The source of numbers: `--repeat N`. */

import type { FinishedJobs } from "../output/finished_jobs.ts";
import { numberIdentity } from "./identity.ts";
import { OutputNaming } from "./output_naming.ts";
import { digitsFor, paddedNumber } from "./padded_number.ts";
import { skipFinishedIn } from "./skip.ts";
import { BATCH_INPUTS, type ReadyTask, type Source } from "./source.ts";

/** A source of the decimal numbers from 0 to `count` − 1. The names of their outputs are padded with zeros. */
export function numberSource(
  count: number,
  finished?: FinishedJobs,
  naming: OutputNaming = OutputNaming.SAME,
): Source {
  return {
    batches: skipFinishedIn(numberBatches(count, naming), finished),
    count: () => Promise.resolve(count),
  };
}

async function* numberBatches(count: number, naming: OutputNaming): AsyncIterable<ReadyTask[]> {
  const utf8 = new TextEncoder();
  const digits = digitsFor(count);
  for (let first = 0; first < count; first += BATCH_INPUTS) {
    const length = Math.min(BATCH_INPUTS, count - first);
    yield Array.from({ length }, (_, offset): ReadyTask => {
      const index = first + offset;
      const name = naming.outputOf(paddedNumber(index, digits));
      const input = utf8.encode(String(index));
      return { kind: "ready", index, name, input, identity: numberIdentity(index) };
    });
  }
}
