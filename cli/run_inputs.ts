/** The inputs of a run: files and folders, lines, or numbers. */

import {
  checkLines,
  checkPaths,
  filesOf,
  linesOf,
  repeated,
  type Source,
} from "../controller/inputs/source.ts";
import type { Resume } from "../controller/output/resume.ts";
import type { Log } from "../system/log.ts";
import type { RunRequest } from "./run_request.ts";
import { UsageError } from "./usage_error.ts";

/** Rejects unless there are inputs of exactly one kind, and they can be read. */
export async function checkInputs({ inputs, flags }: RunRequest): Promise<void> {
  const { lines, repeat, output } = flags;
  const kinds = [inputs.length > 0, lines !== undefined, repeat !== undefined];
  const named = kinds.filter((isNamed) => isNamed).length;
  if (named === 0) {
    throw new UsageError("No inputs; name files or folders, or use --lines FILE or --repeat N");
  }
  if (named > 1) {
    throw new UsageError("Choose one kind of inputs: files and folders, --lines, or --repeat");
  }
  if (lines === undefined) await checkPaths(inputs, output);
  else await checkLines(lines, output);
}

/** The source that reads them, without the jobs that finished in earlier runs. */
export function sourceOf(
  { inputs, flags }: RunRequest,
  earlier: Resume | undefined,
  log: Log,
): Source {
  if (flags.repeat !== undefined) return repeated(flags.repeat, earlier);
  if (flags.lines !== undefined) return linesOf(flags.lines, earlier);
  return filesOf(inputs, flags.output, (text) => log.warn(text), earlier);
}

/** What has to be on stdin again to resume the run, if anything. */
export function stdinOf({ inputs, flags }: RunRequest): "list" | "lines" | undefined {
  if (flags.lines === "-") return "lines";
  return inputs.includes("-") ? "list" : undefined;
}
