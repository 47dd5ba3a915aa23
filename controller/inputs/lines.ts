/** The source of lines: `--lines FILE`. */

import type { FinishedJobs } from "../output/finished_jobs.ts";
import { countLines, readLines } from "./file_lines.ts";
import { contentIdentity } from "./identity.ts";
import { skipFinishedIn } from "./skip.ts";
import { BATCH_INPUTS, type ReadyTask, type Source } from "./source.ts";

/** A source of the lines of a file, or of stdin for `-`, without line endings. The names count from 0. */
export function lineSource(file: string, finished?: FinishedJobs): Source {
  return {
    batches: skipFinishedIn(lineBatches(file), finished),
    count: () => countLines(file),
  };
}

async function* lineBatches(file: string): AsyncIterable<ReadyTask[]> {
  let index = 0;
  for await (const lines of readLines(file)) {
    for (let first = 0; first < lines.length; first += BATCH_INPUTS) {
      yield lines.slice(first, first + BATCH_INPUTS).map((input): ReadyTask => {
        const name = String(index);
        return { kind: "ready", index: index++, name, input, identity: contentIdentity(input) };
      });
    }
  }
}
