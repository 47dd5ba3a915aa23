/** What earlier runs have left at an output folder or a pack, for somebody who only looks: nothing is written. */

import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files/files.ts";
import { FilesBelow, type FolderFiles } from "../../runtime/files/files_below.ts";
import { dirname } from "../../runtime/files/path.ts";
import { journalIn } from "./journal/journal.ts";
import { packPathsOf } from "./pack/output_pack.ts";
import type { PackFormat } from "./pack/pack_entry.ts";
import type { PackContent } from "./pack/pack_file.ts";
import { isZstdPack } from "./pack/pack_format.ts";
import { openPackToRead } from "./pack/pack_opener.ts";
import { packResults } from "./pack/pack_results.ts";
import { journalThatCounts } from "./pack/repack.ts";
import { Resume } from "./resume.ts";
import type { ResumeOptions } from "./resume_options.ts";
import { SinkError } from "./sink_errors.ts";

/** Where the results are. */
export type ResultsPlace =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "pack"; readonly path: string; readonly format: PackFormat };

/** The results of earlier runs. */
export interface PastResults {
  /** `undefined` if there are none. */
  readonly resume: Resume | undefined;
  close(): void;
}

/** What is in a pack that does not exist. */
const NO_PACK: PackContent = { bytes: 0, endBefore: () => 0, read: () => Promise.resolve(0) };

/** Looks for results. Close them when nobody asks for jobs any more. */
export async function pastResults(
  files: Files,
  place: ResultsPlace,
  options: ResumeOptions,
): Promise<PastResults> {
  const folder = place.kind === "folder" ? place.path : dirname(place.path);
  const below = await ifThere(FilesBelow.open(files, folder));
  if (!below) return { resume: undefined, close: () => {} };
  try {
    const resume = place.kind === "pack"
      ? await resumeOfPack(below, place, options)
      : await resumeOfFolder(below, folder, options);
    return { resume, close: () => below.close() };
  } catch (error) {
    below.close();
    throw error;
  }
}

async function resumeOfFolder(
  files: FolderFiles,
  folder: string,
  options: ResumeOptions,
): Promise<Resume | undefined> {
  const info = await ifThere(files.info(journalIn(folder)));
  if (!info || info.bytes === 0) return undefined;
  return await Resume.load(files, folder, { ...options, onlyReads: true });
}

async function resumeOfPack(
  files: FolderFiles,
  { path, format }: ResultsPlace & { readonly kind: "pack" },
  options: ResumeOptions,
): Promise<Resume | undefined> {
  const file = await ifThere(openPackToRead(files, path, isZstdPack(path))).catch((cause) => {
    throw new SinkError(`Cannot read the pack "${path}": ${reasonOf(cause)}`, { cause });
  });
  try {
    const journal = await journalThatCounts(packPathsOf(files, path)); // a run may have been killed there
    const found = { path, journal, format, content: file ?? NO_PACK };
    return (await packResults(files, found, options))?.resume;
  } finally {
    await file?.close();
  }
}

/** `undefined` if there is no such file. */
async function ifThere<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
