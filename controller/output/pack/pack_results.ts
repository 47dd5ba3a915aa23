/** What earlier runs have done that wrote to a pack: what its journal says, as far as the pack has it. */

import { codeOf, reasonOf } from "../../../runtime/error_text.ts";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { dirname } from "../../../runtime/files/path.ts";
import { checkPackIsOf } from "./pack_check.ts";
import type { PackFormat } from "./pack_entry.ts";
import type { PackContent } from "./pack_file.ts";
import { PackIndex } from "./pack_index.ts";
import { Resume } from "../resume.ts";
import type { ResumeOptions } from "../resume_options.ts";
import { SinkError } from "../sink_errors.ts";
import { packJournalOf, packStateOf } from "../state_folder.ts";

/** A pack, its journal, and what the pack has. */
export interface FoundPack {
  readonly path: string;
  readonly journal: string;
  readonly format: PackFormat;
  readonly content: PackContent;
}

/** The results of earlier runs, and which entries of the pack these are. */
export interface PackResults {
  readonly resume: Resume;
  readonly pack: PackIndex;
}

/** `undefined` if there were no earlier runs. Rejects if the file is none of theirs. */
export async function packResults(
  files: FolderFiles,
  found: FoundPack,
  options: ResumeOptions,
): Promise<PackResults | undefined> {
  const { path, journal, format, content } = found;
  if (await hasContent(files, journal)) {
    const pack = new PackIndex(content, format.head.byteLength);
    const resume = await Resume.load(files, dirname(path), { ...options, path: journal, pack });
    await checkPackIsOf(files, { ...found, pack, past: resume.past });
    return { resume, pack };
  }
  if (!await hasContent(files, path)) return undefined;
  // A run has its first line on the disk before it writes to the pack. So the journal was lost later, or the file is
  // none of ours: a person decides whether all that is in it may be replaced.
  throw withoutJournal(path);
}

/** Rejects if there is something else in the place of a pack, before anything is made for it. */
export async function checkIsFile(files: FolderFiles, path: string): Promise<void> {
  const info = await files.info(path).catch(() => undefined); // whoever opens it gets the reason
  if (info === undefined || info.kind === "file") return;
  const what = {
    folder: "it is a folder; choose another pack",
    link: `"${path}" is a link, which a run does not follow; name what it leads to, or remove it`,
    socket: "it is not a file; choose another pack",
    other: "it is not a file; choose another pack",
  };
  throw new SinkError(`Cannot write the pack "${path}": ${what[info.kind]}`);
}

/**
 * Rejects if there is a file, but no folder with its journal. A run looks before it makes that folder: who has moved a
 * pack can move the folder after it, which a shell would otherwise put into the new one.
 */
export async function checkHasState(files: FolderFiles, path: string): Promise<void> {
  const hasState = await files.info(packStateOf(path)).then(() => true, () => false);
  if (!hasState && await hasContent(files, path)) throw withoutJournal(path);
}

function withoutJournal(path: string): SinkError {
  const journal = packJournalOf(path);
  return new SinkError(
    `Cannot continue the pack "${path}": its journal "${journal}" is missing or empty; ` +
      "put that file back, choose another pack, or use --fresh to replace this one",
  );
}

async function hasContent(files: FolderFiles, path: string): Promise<boolean> {
  try {
    return (await files.info(path)).bytes > 0;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw new SinkError(`Cannot read "${path}": ${reasonOf(error)}`, { cause: error });
  }
}
