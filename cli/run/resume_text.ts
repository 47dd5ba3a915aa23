/** Messages about earlier runs in the same output folder. */

import { hasOtherFiles } from "../../controller/output/other_files.ts";
import type { PastJobs } from "../../controller/output/past_jobs.ts";
import type { Files } from "../../runtime/files/files.ts";
import { formatCount, formatNoun } from "../../system/format.ts";
import type { RunFlags } from "./run_options.ts";
import type { OutputFlags } from "./run_outputs.ts";

/** What the command line says about earlier runs. */
export type ResumeFlags = Pick<RunFlags, "retryFailed" | "keepDone">;

/** One line about the jobs in the journal; `undefined` if it has none. */
export function resumeText(
  past: Pick<PastJobs, "counts"> | undefined,
  { retryFailed = false, keepDone = false }: ResumeFlags,
): string | undefined {
  if (!past) return undefined;
  const { done, failed, failedOtherCore, doneOtherCore } = past.counts;
  if (done + failed > 0) {
    const next = retryFailed ? "retrying" : "retry with --retry-failed";
    const known = [
      `earlier runs: ${formatNoun(done, "job")} done`,
      ...(failed > 0 ? [`${formatCount(failed)} failed (${next})`] : []),
      ...(keepDone && failedOtherCore > 0
        ? [`${formatCount(failedOtherCore)} failed with another core (retrying)`]
        : []),
    ].join(", ");
    if (doneOtherCore === 0) return known;
    const them = doneOtherCore === 1 ? "it" : "them";
    return `${known}; ${formatNoun(doneOtherCore, "job")} done with another core: ` +
      `rerunning ${them} (--keep-done would keep ${them})`;
  }
  if (failedOtherCore + doneOtherCore === 0) return undefined;
  const changed = "the core, its files or its variables have changed: rerunning all jobs";
  return keepDone ? changed : `${changed} (--keep-done would keep those that are done)`;
}

/** A warning before the first run in a folder; `undefined` if nothing is there that an output could replace. */
export async function otherFilesText(
  files: Files,
  { output, pack }: OutputFlags,
): Promise<string | undefined> {
  if (pack !== undefined || !await hasOtherFiles(files, output)) return undefined;
  return `the folder "${output}" has files, but no journal of a run; ` +
    "outputs of the same names replace them";
}

/** Warnings about lines of the journal that cannot be used. */
export function damageText(past: Pick<PastJobs, "flaws"> | undefined): string[] {
  if (!past) return [];
  const { damaged, newer } = past.flaws;
  return [
    flawText(damaged, "damaged"),
    flawText(newer, "from a newer version of distcomp"),
  ].filter((text) => text !== "");
}

function flawText(count: number, flaw: string): string {
  if (count === 0) return "";
  const lines = `${formatNoun(count, "journal line")} ${count === 1 ? "is" : "are"} ${flaw}`;
  return `${lines}; jobs recorded only there run again`;
}
