/** Where the outputs of this run are below a folder of inputs, written as the files in it are. */

import { join, relative } from "../../runtime/path.ts";
import type { Files } from "../../runtime/files.ts";
import { realPath, withRealParent } from "./paths.ts";

/** What a run writes. */
interface RunOutputs {
  /** The output folder; with a pack, the folder beside it. */
  readonly outputs: string;
  readonly pack?: string | undefined;
}

/** What is no input in a folder. Paths that are not below the folder do no harm. */
export interface OwnOutputs {
  readonly excluded: string;
  readonly pack: string | undefined;
}

export async function ownOutputsIn(
  files: Files,
  folder: string,
  { outputs, pack }: RunOutputs,
): Promise<OwnOutputs> {
  const realFolder = await realPath(files, folder);
  const inFolder = (real: string) => join(folder, relative(realFolder, real));
  return {
    excluded: inFolder(await realPath(files, outputs)),
    pack: pack === undefined ? undefined : inFolder(await withRealParent(files, pack)),
  };
}
