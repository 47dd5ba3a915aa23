/** The options of `distcomp worker` that keep cores in a sandbox. */

import type { Command } from "commander";
import { realpathSync, statSync } from "node:fs";
import process from "node:process";
import { reasonOf } from "../../runtime/error_text.ts";
import { keyPlace } from "../../security/key_place.ts";
import type { SandboxOptions } from "../../worker/slots/processes/sandbox.ts";
import type { ShareFlags } from "../options/share_options.ts";
import { UsageError } from "../program/usage_error.ts";

/** The parsed values of the options. */
export interface SandboxFlags extends ShareFlags {
  readonly sandbox?: boolean;
  readonly sandboxWrite?: readonly string[];
  readonly key?: string;
  readonly webToken?: string;
}

/** Adds the options to the parser and the help. */
export function addSandboxOptions(command: Command): Command {
  return command
    .option("--sandbox", "keep cores from the network, other files and processes (bubblewrap)")
    .option(
      "--sandbox-write <dir>",
      "a folder that cores in the sandbox may change; repeatable",
      (dir: string, dirs: readonly string[] = []) => [...dirs, dir],
    );
}

/** The sandbox that the options ask for, if any. Throws if a folder cannot be used. */
export function sandboxFrom(flags: SandboxFlags): SandboxOptions | undefined {
  const { sandbox, sandboxWrite = [], gpus, workdir, key, webToken } = flags;
  if (!sandbox && sandboxWrite.length > 0) {
    throw new UsageError("--sandbox-write has no effect without --sandbox; add it");
  }
  if (!sandbox) return undefined;
  return {
    writable: sandboxWrite.map(writableFolder),
    workdir,
    hiddenFiles: [...keyFiles(key), ...webToken === undefined ? [] : [webToken]],
    hasGpus: gpus !== undefined,
  };
}

function writableFolder(folder: string): string {
  try {
    if (!statSync(folder).isDirectory()) throw new Error("it is not a folder");
    return realpathSync(folder);
  } catch (cause) {
    throw new UsageError(
      `Cannot use --sandbox-write "${folder}": ${reasonOf(cause)}; name an existing folder`,
      { cause },
    );
  }
}

/** The key of this worker, if it has one. */
function keyFiles(named: string | undefined): string[] {
  try {
    return [keyPlace(named, process.env).path];
  } catch {
    return []; // there is no home for one
  }
}
