/** The request that a `distcomp run` command line makes. */

import type { RunFlags } from "./run_options.ts";

/** A command line of `distcomp run`, parsed but not checked. */
export interface RunRequest {
  /** The file of the compute core. */
  readonly core: string;
  /** Files and folders; `-` is a list on stdin. */
  readonly inputs: readonly string[];
  readonly flags: RunFlags;
  /** All arguments of the program as they were typed. */
  readonly args: readonly string[];
  /** Whether this executable can start a worker of its own. */
  readonly hasLocalWorker: boolean;
}

/** What the user has to supply on stdin again to resume the run, if anything. */
export function stdinOf({ inputs, flags }: RunRequest): "list" | "lines" | "tar" | undefined {
  if (flags.lines === "-") return "lines";
  if (flags.inputs === "-") return "tar";
  return inputs.includes("-") ? "list" : undefined;
}
