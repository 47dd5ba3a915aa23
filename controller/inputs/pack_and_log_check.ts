/** Checks that the pack and the log of a run replace nothing that it reads or writes otherwise, before anything runs. */

import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files/files.ts";
import { chunksOf } from "../output/file_chunks.ts";
import { isInside, placesOf, realPath, withRealParent } from "./paths.ts";
import { SourceError } from "./source.ts";

/** How a log begins: a run writes the first line, or where the disk was full, how many lines are lost. */
const LOG_STARTS = [
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z the run begins: /,
  /^… \d+ lines? (was|were) lost here: /,
];

/** Both starts are shorter. */
const FIRST_BYTES = 128;

/** Checks that a pack is not named as an input. In a folder of inputs, it is left out. */
export async function checkPack(
  files: Files,
  paths: readonly string[],
  pack: string,
): Promise<void> {
  if (!await areAmong(files, [await withRealParent(files, pack)], paths)) return;
  throw new SourceError(`The pack "${pack}" is an input, too; choose another pack`);
}

/** What a run uses, and its log may not be. */
export interface LogUses {
  /** Named inputs. In a folder of inputs, the log is left out. */
  readonly inputs: readonly string[];
  /** Other files that the run reads or writes. */
  readonly others: readonly string[];
  /** Folders in which outputs and the journal are, or whose files come with the core. */
  readonly folders: readonly string[];
}

/** Checks that nothing is lost by a log, before it is opened: a run appends to it, and the run may replace it. */
export async function checkLogFile(
  files: Files,
  log: string,
  { inputs, others, folders }: LogUses,
): Promise<void> {
  const places = await placesOf(files, log);
  if (await areAmong(files, places, inputs)) {
    throw new SourceError(`The log "${log}" is an input, too; choose another file with --log`);
  }
  if (await areAmong(files, places, others)) {
    throw new SourceError(`The run needs "${log}" for something else; choose another --log`);
  }
  for (const folder of folders) {
    const real = await realPath(files, folder);
    if (places.every((place) => place !== real && !isInside(place, real))) continue;
    throw new SourceError(
      `The log "${log}" is in "${folder}", which the run uses otherwise; choose another --log`,
    );
  }
  if (await isNoLog(files, log)) {
    throw new SourceError(
      `The run would append to "${log}", which is not the log of a run; choose another --log`,
    );
  }
}

/** Whether there is a file that no run has begun. What is not a file has no content to lose. */
async function isNoLog(files: Files, log: string): Promise<boolean> {
  try {
    if ((await files.target(log)).kind !== "file") return false;
    for await (const chunk of chunksOf(files, log, 0, FIRST_BYTES)) {
      return !LOG_STARTS.some((start) => start.test(chunk.toString()));
    }
    return false;
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return false;
    throw new SourceError(`Cannot read the log "${log}": ${reasonOf(cause)}`, { cause });
  }
}

/** Whether one of the `places` is among the paths, when links are followed. */
async function areAmong(
  files: Files,
  places: readonly string[],
  paths: readonly string[],
): Promise<boolean> {
  for (const path of paths) {
    if (path !== "-" && places.includes(await realPath(files, path))) return true;
  }
  return false;
}
