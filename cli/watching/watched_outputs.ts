/** The outputs that somebody names to look at their run. */

import { type Stats, statSync } from "node:fs";
import { resolve } from "node:path";
import {
  JOURNAL,
  packOf,
  packStateOf,
  STATE_FOLDER,
} from "../../controller/output/state_folder.ts";
import { PACK_ENDINGS } from "../../controller/output/pack/pack_format.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { FilesBelow } from "../../runtime/files/files_below.ts";
import { basename, dirname, join } from "../../runtime/files/path.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { findRun, type FoundRun } from "../../watch/find_run.ts";
import { readPastRun } from "../../watch/past_run.ts";
import type { PastRun } from "../../watch/snapshot.ts";
import { UsageError } from "../program/usage_error.ts";

/** Where outputs are, and the folder with their journal. */
export interface WatchedOutputs {
  readonly name: string;
  readonly root: string;
  readonly state: string;
}

/** The outputs with this name; `undefined` if it can only be that of a worker. */
export function outputsNamed(typed: string): WatchedOutputs | undefined {
  const name = ownerOf(typed);
  const isPack = PACK_ENDINGS.some((ending) => name.endsWith(ending));
  const isPath = isPack || typed.includes("/") || typed.startsWith(".");
  if (!isPath && !exists(name)) return undefined;
  return isPack && !isFolder(name)
    ? { name, root: dirname(name), state: packStateOf(name) }
    : { name, root: name, state: join(name, STATE_FOLDER) };
}

/** What a shell completes may end with a slash, or be the folder of a journal instead of the outputs beside it. */
function ownerOf(typed: string): string {
  const path = typed.length > 1 ? typed.replace(/\/+$/, "") || "/" : typed;
  if (basename(path) === STATE_FOLDER) return dirname(path);
  const pack = packOf(path);
  return pack && PACK_ENDINGS.some((ending) => pack.endsWith(ending)) ? pack : path;
}

/** The run of these outputs, or what its journal says if it is over. Rejects if there has never been one. */
export async function runOfOutputs(
  runtime: Runtime,
  { name, root, state }: WatchedOutputs,
): Promise<Exclude<FoundRun, { kind: "over" }> | PastRun> {
  if (!isFolder(state)) throw new UsageError(problemOf({ name, root, state }));
  try {
    const files = await FilesBelow.open(runtime.files, root);
    try {
      const found = await findRun(files, state, runtime.clock.date());
      if (found.kind !== "over") return found;
      return await readPastRun(files, join(state, JOURNAL), resolve(name), found);
    } finally {
      files.close();
    }
  } catch (cause) {
    throw new UsageError(`Cannot look at the run in "${name}": ${reasonOf(cause)}`, { cause });
  }
}

/** Why no run has written there. */
function problemOf({ name, root }: WatchedOutputs): string {
  const next = "name the outputs of a run, or a worker as HOST:PORT";
  if (!exists(name)) {
    const what = root === name ? "folder" : "pack";
    return `There is no ${what} "${name}"; ${next}`;
  }
  if (root === name && !isFolder(name)) return `"${name}" is neither a folder nor a pack; ${next}`;
  return `There is no run in "${name}", and there has been none`;
}

function exists(path: string): boolean {
  return infoOf(path) !== undefined;
}

function isFolder(path: string): boolean {
  return infoOf(path)?.isDirectory() ?? false;
}

/** Below a file, there is nothing either. */
function infoOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
