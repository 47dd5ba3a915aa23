/** The source of files: files, folders, and `-` for a list on stdin. */

import { type FileReading, readFiles, READS_MAX } from "./file_reader.ts";
import { type FileListing, listFiles } from "./list.ts";
import type { IndexedFile } from "./listed_file.ts";
import { NameSet } from "./name_set.ts";
import type { Source } from "./source.ts";

const SAME_OUTPUT = "another input has the same output";

/** Which files are inputs, and how they are read. */
export type FileOptions = FileListing & FileReading;

/** A source of files. */
export function fileSource(options: FileOptions): Source {
  return {
    batches: fileBatches(options),
    count: () => options.paths.includes("-") ? Promise.resolve(undefined) : countFiles(options),
  };
}

async function* fileBatches(options: FileOptions): Source["batches"] {
  let group: IndexedFile[] = [];
  for await (const file of indexedFiles(options)) {
    if (file) group.push(file);
    if (file && group.length < READS_MAX) continue;
    yield* readFiles(group, options);
    group = [];
  }
  yield* readFiles(group, options);
}

/** All files in order. If two have the same name, the second one fails: both would have the same output. */
async function* indexedFiles(options: FileOptions): AsyncIterable<IndexedFile | undefined> {
  const { paths, naming } = options;
  const isOneFolder = paths.length === 1 && paths[0] !== "-";
  // Names within one folder are unique, so no check is needed. Two names may become one: `a.jpg`, `a.png`.
  const names = isOneFolder && (naming?.isSame ?? true) ? undefined : new NameSet();
  let index = 0;
  for await (const file of listFiles(options)) {
    if (!file) yield undefined;
    else if (names && !names.add(file.name)) {
      yield { ...file, index: index++, failure: SAME_OUTPUT };
    } else yield { ...file, index: index++ };
  }
}

async function countFiles(options: FileOptions): Promise<number> {
  let count = 0;
  for await (const file of listFiles({ ...options, warn: () => {} })) if (file) count += 1;
  return count;
}
