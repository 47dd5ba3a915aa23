/** The source of files: files, folders, and `-` for a list on stdin. */

import { systemClock } from "../../runtime/clock.ts";
import { countFiles } from "./count.ts";
import { readFiles } from "./file_reader.ts";
import type { FileReading } from "./input_file.ts";
import { type FileListing, listFiles } from "./list.ts";
import type { IndexedFile } from "./listed_file.ts";
import { NameSet } from "./name_set.ts";
import { SmallFiles } from "./small_files.ts";
import { OutputNaming } from "./output_naming.ts";
import { join } from "../../runtime/files/path.ts";
import type { Files } from "../../runtime/files/files.ts";
import { LinkedOutputs } from "./linked_outputs.ts";
import type { Source } from "./source.ts";

/** Which files are inputs, and how they are read. */
export type FileOptions = FileListing & FileReading;

/** A source of files. */
export function fileSource(options: FileOptions): Source {
  return {
    batches: fileBatches(options),
    count: () => countFiles(options),
  };
}

async function* fileBatches(options: FileOptions): Source["batches"] {
  const { direct } = options.files;
  const { clock = systemClock } = options;
  const smallFiles = direct && new SmallFiles(direct, clock);
  for await (const files of indexedFiles(options)) yield* readFiles(files, options, smallFiles);
}

/** All files in order. If two have the same name, the second one fails: both would have the same output. */
async function* indexedFiles(options: FileOptions): AsyncIterable<readonly IndexedFile[]> {
  const { paths, naming = OutputNaming.SAME } = options;
  const isOneFolder = paths.length === 1 && paths[0] !== "-";
  // Names within one folder are unique, so no check is needed. Two names may become one: `a.jpg`, `a.png`.
  const names = isOneFolder && naming.isSame ? undefined : new NameSet();
  const sameOutput = sameOutputText(paths.includes("-"), naming);
  const linked = new LinkedOutputs(async (name) =>
    names ? names.has(name) : await isFile(options.files, join(paths[0] as string, name))
  );
  let index = 0;
  for await (const listed of listFiles(options)) {
    const files = await linked.checked(listed);
    yield files.map(({ path, name, failure: reason }) => {
      const failure = !names || names.add(name) ? reason : sameOutput;
      return { path, name, index: index++, failure };
    });
  }
}

/** Which of the two it is would take the path of each input to say. What else is named twice was refused before. */
function sameOutputText(isList: boolean, { remedy }: OutputNaming): string {
  return isList
    ? `it is listed twice, or another input has the same output; list it once, or ${remedy}`
    : `another input has the same output; ${remedy}`;
}

function isFile(files: Files, path: string): Promise<boolean> {
  return files.target(path).then(({ kind }) => kind === "file", () => false);
}
