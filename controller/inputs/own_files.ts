/** Where files of this run itself are below a folder of inputs, written as the files in it are. */

import { join, relative } from "../../runtime/files/path.ts";
import type { Files } from "../../runtime/files/files.ts";
import { placesOf, realPath, withRealParent } from "./paths.ts";

/** What a run writes, and what it runs. */
interface RunFiles {
  /** The output folder; with a pack, the folder beside it. */
  readonly outputs: string;
  readonly pack?: string | undefined;
  readonly core?: string | undefined;
  /** The file of `--log`. */
  readonly log?: string | undefined;
}

/** What is not an input in a folder. Paths that are not below the folder do no harm. */
export interface OwnFiles {
  readonly excluded: string;
  readonly pack: string | undefined;
  readonly core: string | undefined;
  /** The log, and where it leads if it is a link. */
  readonly logs: readonly string[];
}

export async function ownFilesIn(
  files: Files,
  folder: string,
  { outputs, pack, core, log }: RunFiles,
): Promise<OwnFiles> {
  const realFolder = await realPath(files, folder);
  const inFolder = (real: string) => join(folder, relative(realFolder, real));
  const fileIn = async (path?: string) => path && inFolder(await withRealParent(files, path));
  return {
    excluded: inFolder(await realPath(files, outputs)),
    pack: await fileIn(pack),
    core: await fileIn(core),
    logs: log === undefined ? [] : (await placesOf(files, log)).map(inFolder),
  };
}
