/**
 * Warns of lines of the journal that cannot be used when the first job runs that they may be about. They stay in the
 * journal, while what ran again has new lines: a run with nothing left to do has lost nothing by them.
 */

import type {
  FinishedJobs,
  FinishedOutcome,
  IdentifiedInput,
} from "../../controller/output/finished_jobs.ts";
import type { Resume } from "../../controller/output/resume.ts";
import type { Log } from "../../system/log.ts";
import { damageText } from "./resume_text.ts";

/** The jobs to skip; `undefined` if the journal has none: then no input is looked up in it. */
export function jobsToSkip(resume: Resume | undefined, log: Log): FinishedJobs | undefined {
  const texts = damageText(resume?.past);
  const warn = () => texts.forEach((text) => log.warn(text));
  if (resume && resume.skipsExpected > 0) {
    return texts.length > 0 ? new DoubtedJobs(resume, warn) : resume;
  }
  warn();
  return undefined;
}

/** Finished jobs of a journal that lacks some. */
class DoubtedJobs implements FinishedJobs {
  readonly #jobs: Resume;
  readonly #warn: () => void;
  #hasWarned = false;

  constructor(jobs: Resume, warn: () => void) {
    this.#jobs = jobs;
    this.#warn = warn;
  }

  get lines() {
    return this.#jobs.lines;
  }

  outcomeNow(input: IdentifiedInput): FinishedOutcome | "unknown" | undefined {
    const outcome = this.#jobs.outcomeNow(input);
    if (!outcome) this.#onUnfinished();
    return outcome;
  }

  async outcomesOf(
    inputs: readonly IdentifiedInput[],
  ): Promise<readonly (FinishedOutcome | undefined)[]> {
    const outcomes = await this.#jobs.outcomesOf(inputs);
    if (outcomes.includes(undefined)) this.#onUnfinished();
    return outcomes;
  }

  #onUnfinished(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#warn();
  }
}
