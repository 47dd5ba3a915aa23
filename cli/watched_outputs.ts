/** The outputs that somebody names to look at their run. */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { STATE_FOLDER } from "../controller/output/directory_sink.ts";
import { packStateOf } from "../controller/output/output_pack.ts";
import { PACK_ENDINGS } from "../controller/output/pack_format.ts";
import { reasonOf } from "../runtime/error_text.ts";
import { FilesBelow } from "../runtime/files_below.ts";
import { dirname, join } from "../runtime/path.ts";
import type { Runtime } from "../runtime/ports.ts";
import { findRun, type FoundRun } from "../watch/find_run.ts";
import { readPastRun } from "../watch/past_run.ts";
import type { PastRun } from "../watch/snapshot.ts";
import { UsageError } from "./usage_error.ts";

/** Where outputs are, and the folder with their journal. */
export interface WatchedOutputs {
  readonly name: string;
  readonly root: string;
  readonly state: string;
}

/** The outputs with this name; `undefined` if it can only be that of a worker. */
export function outputsNamed(name: string): WatchedOutputs | undefined {
  const isPack = PACK_ENDINGS.some((ending) => name.endsWith(ending));
  if (!isPack && !name.includes("/") && !name.startsWith(".") && !exists(name)) return undefined;
  return isPack && !isFolder(name)
    ? { name, root: dirname(name), state: packStateOf(name) }
    : { name, root: name, state: join(name, STATE_FOLDER) };
}

/** The run of these outputs, or what its journal says if it is over. Rejects if there has never been one. */
export async function runOfOutputs(
  runtime: Runtime,
  { name, root, state }: WatchedOutputs,
): Promise<Exclude<FoundRun, { kind: "over" }> | PastRun> {
  if (!isFolder(state)) {
    throw new UsageError(
      isFolder(root)
        ? `There is no run in "${name}", and there has been none`
        : `There is no folder "${root}"; name the outputs of a run, or a worker as HOST:PORT`,
    );
  }
  try {
    const files = await FilesBelow.open(runtime.files, root);
    try {
      const found = await findRun(files, state);
      if (found.kind !== "over") return found;
      return await readPastRun(files, join(state, "jobs.jsonl"), resolve(name), found.end);
    } finally {
      files.close();
    }
  } catch (cause) {
    throw new UsageError(`Cannot look at the run in "${name}": ${reasonOf(cause)}`, { cause });
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
