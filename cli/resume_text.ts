/** What a run says about the runs before it that it goes on with. */

import type { OutputFolder } from "../controller/output/output_folder.ts";
import type { Resume } from "../controller/output/resume.ts";
import { formatCount, formatNoun } from "./format.ts";

/** One line on what is done already; `undefined` if there is nothing to say. */
export function resumeText(
  { resume }: Pick<OutputFolder, "resume">,
  retryFailed: boolean,
): string | undefined {
  if (!resume) return undefined;
  const { done, failed, otherCore } = resume.counts;
  if (done + failed > 0) {
    const failures = retryFailed
      ? `, ${formatCount(failed)} failed ${failed === 1 ? "one runs" : "ones run"} again`
      : `, ${formatCount(failed)} failed (--retry-failed runs ${
        failed === 1 ? "it" : "them"
      } again)`;
    return `resuming: ${formatNoun(done, "job")} done before${failed > 0 ? failures : ""}`;
  }
  return otherCore > 0 ? "the core has changed: rerunning all jobs" : undefined;
}

/** What is wrong with the journal, and what follows from it. */
export function damageText(earlier: Pick<Resume, "flaws"> | undefined): string[] {
  if (!earlier) return [];
  const { flaws } = earlier;
  return [
    flawText(flaws.damaged, "damaged"),
    flawText(flaws.newer, "of a newer version of distcomp"),
  ].filter((text) => text !== "");
}

function flawText(count: number, what: string): string {
  if (count === 0) return "";
  const lines = `${formatNoun(count, "line")} of the journal ${count === 1 ? "is" : "are"} ${what}`;
  const jobs = count === 1 ? "its job runs" : "their jobs run";
  return `${lines}; ${jobs} again, unless another line has ${count === 1 ? "it" : "them"}`;
}
