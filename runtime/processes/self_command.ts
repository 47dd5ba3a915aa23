/**
 * The command that starts this program again. distcomp's own program is a file two folders above this one, or an
 * executable. In a program that was bundled or compiled, distcomp is a part of it: it is started again, and takes its
 * role when it imports distcomp (`own_role.ts`).
 */

/** What a runtime knows of its program. */
export interface ThisProgram {
  /** The runtime, or the executable that contains it. */
  readonly path: string;
  readonly isExecutable: boolean;
  /** What the runtime needs to run a file. */
  readonly run: readonly string[];
  /** The file that the runtime was started with. */
  readonly main: string;
  /** The path of a `file:` URL. */
  pathOf(url: string): string;
}

/** A runtime reads every module that an entry point could import, and these roles need few of them. */
const ENTRY_BY_ROLE: Readonly<Record<string, string>> = {
  "slot": "cli/slot_entry",
  "local-worker": "cli/local_worker_entry",
  "check": "cli/trial_entry",
};

/** Where this file is, unless it is a part of a bundle. */
const OWN_PLACE = /\/runtime\/processes\/self_command\.[tj]s$/;

/** The command, without the arguments for the role. `role`: what it will be. */
export function selfCommandOf(
  program: ThisProgram,
  role = "",
  own = import.meta.url,
): readonly string[] {
  const { path, isExecutable, run, main } = program;
  if (isExecutable) return [path];
  const isBundled = !OWN_PLACE.test(own);
  const entry = isBundled
    ? main
    : new URL(`../../${ENTRY_BY_ROLE[role] ?? "cli"}${own.slice(-3)}`, own).href;
  return [path, ...run, entry.startsWith("file:") ? program.pathOf(entry) : entry];
}
