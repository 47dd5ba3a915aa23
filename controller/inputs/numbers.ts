/** The source of numbers: `--repeat N`. */

import type { FinishedJobs } from "../output/finished_jobs.ts";
import { NUMBER_IDENTITY } from "./identity.ts";
import { skipFinishedIn } from "./skip.ts";
import { BATCH_INPUTS, type ReadyTask, type Source } from "./source.ts";

/** A source of the decimal numbers from 0 to `count` − 1. */
export function numberSource(count: number, finished?: FinishedJobs): Source {
  return {
    batches: skipFinishedIn(numberBatches(count), finished),
    count: () => Promise.resolve(count),
  };
}

async function* numberBatches(count: number): AsyncIterable<ReadyTask[]> {
  const utf8 = new TextEncoder();
  for (let first = 0; first < count; first += BATCH_INPUTS) {
    const length = Math.min(BATCH_INPUTS, count - first);
    yield Array.from({ length }, (_, offset): ReadyTask => {
      const index = first + offset;
      const name = String(index);
      return { kind: "ready", index, name, input: utf8.encode(name), identity: NUMBER_IDENTITY };
    });
  }
}
