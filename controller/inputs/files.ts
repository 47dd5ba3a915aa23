/** The source of files: files, folders, and `-` for a list on stdin. */

import type { FinishedJobs } from "../output/finished_jobs.ts";
import { readFiles, READS_MAX } from "./file_reader.ts";
import { listFiles } from "./list.ts";
import type { IndexedFile } from "./listed_file.ts";
import { NameSet } from "./name_set.ts";
import type { Source, Warn } from "./source.ts";

const SAME_OUTPUT = "another input has the same output";

/** A source of the files that `paths` name. `outputs` is the output folder; files in it are not inputs. */
export function fileSource(
  paths: readonly string[],
  outputs: string,
  warn: Warn,
  finished?: FinishedJobs,
): Source {
  return {
    batches: fileBatches(paths, outputs, warn, finished),
    count: () => paths.includes("-") ? Promise.resolve(undefined) : countFiles(paths, outputs),
  };
}

async function* fileBatches(
  paths: readonly string[],
  outputs: string,
  warn: Warn,
  finished: FinishedJobs | undefined,
): Source["batches"] {
  let group: IndexedFile[] = [];
  for await (const file of indexedFiles(paths, outputs, warn)) {
    if (file) group.push(file);
    if (file && group.length < READS_MAX) continue;
    yield* readFiles(group, finished);
    group = [];
  }
  yield* readFiles(group, finished);
}

/** All files in order. If two have the same name, the second one fails: both would have the same output. */
async function* indexedFiles(
  paths: readonly string[],
  outputs: string,
  warn: Warn,
): AsyncIterable<IndexedFile | undefined> {
  // Names within one folder are unique, so no check is needed.
  const names = paths.length === 1 && paths[0] !== "-" ? undefined : new NameSet();
  let index = 0;
  for await (const file of listFiles(paths, outputs, warn)) {
    if (!file) yield undefined;
    else if (names && !names.add(file.name)) {
      yield { ...file, index: index++, failure: SAME_OUTPUT };
    } else yield { ...file, index: index++ };
  }
}

async function countFiles(paths: readonly string[], outputs: string): Promise<number> {
  let count = 0;
  for await (const file of listFiles(paths, outputs, () => {})) if (file) count += 1;
  return count;
}
