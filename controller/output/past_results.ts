/** What earlier runs have left at an output folder or a pack, for somebody who only looks: nothing is written. */

import { codeOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files.ts";
import { FilesBelow, type FolderFiles } from "../../runtime/files_below.ts";
import { dirname } from "../../runtime/path.ts";
import { journalIn } from "./journal.ts";
import { packJournalOf } from "./output_pack.ts";
import type { PackFormat } from "./pack_entry.ts";
import { isZstdPack } from "./pack_format.ts";
import { type PackEnds, PackIndex } from "./pack_index.ts";
import { Resume, type ResumeOptions } from "./resume.ts";

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

/** Looks for results. Close them when nobody asks for jobs any more. */
export async function pastResults(
  files: Files,
  place: ResultsPlace,
  options: ResumeOptions,
): Promise<PastResults> {
  const folder = place.kind === "folder" ? place.path : dirname(place.path);
  const below = await openIfThere(files, folder);
  if (!below) return { resume: undefined, close: () => {} };
  try {
    const path = place.kind === "folder" ? journalIn(folder) : packJournalOf(place.path);
    const hasJournal = await bytesOf(below, path) > 0;
    const pack = place.kind === "pack" ? await packIndexOf(below, place) : undefined;
    const resume = hasJournal
      ? await Resume.load(below, folder, { ...options, path, pack })
      : undefined;
    return { resume, close: () => below.close() };
  } catch (error) {
    below.close();
    throw error;
  }
}

async function openIfThere(files: Files, folder: string): Promise<FilesBelow | undefined> {
  try {
    return await FilesBelow.open(files, folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Only reading a pack of zstd would tell how much of it is whole: what its journal says has to do. */
async function packIndexOf(
  files: FolderFiles,
  { path, format }: ResultsPlace & { readonly kind: "pack" },
): Promise<PackIndex> {
  const bytes = isZstdPack(path) && await bytesOf(files, path) > 0
    ? Number.MAX_SAFE_INTEGER
    : await bytesOf(files, path);
  const ends: PackEnds = { bytes, endBefore: (end) => end };
  return new PackIndex(ends, format.head.byteLength);
}

/** 0 if there is no such file. */
async function bytesOf(files: FolderFiles, path: string): Promise<number> {
  try {
    return (await files.info(path)).bytes;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0;
    throw error;
  }
}
