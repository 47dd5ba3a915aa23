/** The compute core of a run: the content of a library file, checked before it is sent, and what comes with it. */

import { basename } from "../../runtime/files/path.ts";
import type { CoreKey } from "../../pool/types.ts";
import { type CoreSetup, problemOf, setupKey, type Variable } from "../../protocol/mod.ts";
import { CoreFileError, readCoreFile } from "../../system/core_file.ts";
import { sha256InTurns, sha256Of } from "../../system/sha256.ts";
import { type CoreFile, filesBeside } from "./core_files.ts";

/** A compute core to send. */
export interface CoreImage {
  /** The key of its setup. */
  readonly key: CoreKey;
  /** The name for messages. */
  readonly name: string;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly setup: CoreSetup;
  /** The files beside it, on this machine. */
  readonly files: readonly CoreFile[];
  /** If it is built for several platforms: all builds, of which this is the first, under the key of all. */
  readonly builds?: readonly CoreBuild[];
}

/** A core for one platform. */
export interface CoreBuild {
  /** As workers say it: `linux-x86_64`; only the system if it is for several kinds of machines. */
  readonly platform: string;
  readonly image: CoreImage;
}

/** What comes with a core. */
export interface CoreCompany {
  /** Files and folders to be put beside it. */
  readonly beside?: readonly string[] | undefined;
  /** Variables of its environment. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** Reads and checks a core. `isLocal`: this machine will load it, so it must be built for this machine. */
export async function readCoreImage(
  file: string,
  isLocal: boolean,
  { beside = [], variables = {} }: CoreCompany = {},
): Promise<CoreImage> {
  const content = await readCoreFile(file, isLocal);
  const { path, files } = await filesBeside(file, content, beside);
  const digest = await sha256InTurns(content);
  return imageOf(basename(file), content, digest, { path, files }, variables);
}

/** A core whose content is in memory. There is nothing beside it. `digest`: its SHA-256. */
export function coreImage(
  name: string,
  bytes: Uint8Array,
  variables: Readonly<Record<string, string>> = {},
  digest = sha256Of(bytes),
): CoreImage {
  const content = bytes.buffer instanceof ArrayBuffer
    ? bytes as Uint8Array<ArrayBuffer>
    : new Uint8Array(bytes);
  return imageOf(name, content, digest, { path: "", files: [] }, variables);
}

function imageOf(
  name: string,
  content: Uint8Array<ArrayBuffer>,
  digest: string,
  { path, files }: { readonly path: string; readonly files: readonly CoreFile[] },
  variables: Readonly<Record<string, string>>,
): CoreImage {
  const setup: CoreSetup = {
    core: digest,
    path,
    files: files.map(({ path, digest, bytes }) => ({ path, digest, bytes })),
    variables: sorted(Object.entries(variables)),
  };
  const problem = problemOf(setup);
  if (problem !== undefined) throw new CoreFileError(name, problem);
  return { key: setupKey(setup, sha256Of) as CoreKey, name, content, setup, files };
}

/** The order in which variables are given changes nothing. */
function sorted(variables: readonly Variable[]): readonly Variable[] {
  return variables.toSorted(([one], [other]) => one < other ? -1 : 1);
}
