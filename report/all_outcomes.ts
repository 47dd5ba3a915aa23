/** The outcomes of all jobs, and of the inputs that the last run could not use. */

import { OfLastRun } from "../controller/output/journal/last_run.ts";
import type { FailedJobs } from "./failure_group.ts";
import type { JobFacts, RunFacts } from "./journal_facts.ts";
import { Outcomes } from "./outcomes.ts";

/**
 * An input that could not be used says nothing of the job of its name, which may be done: another input may have the same
 * output, or an earlier run have used it. So it counts beside it.
 */
export class AllOutcomes {
  readonly #sent = new Outcomes();
  readonly #unusedOfLast = new OfLastRun(() => new UnusedInputs());

  onRun({ event, ending }: RunFacts): void {
    this.#unusedOfLast.onRun(event, ending);
  }

  onJob(facts: JobFacts): void {
    const unused = this.#unusedOfLast.value;
    if (facts.isUnused) unused.onJob(facts);
    else this.#sent.onJob(facts);
  }

  get done(): number {
    return this.#sent.done;
  }

  get failed(): number {
    return this.#sum(({ failed }) => failed);
  }

  /** Failed jobs that are in no group. */
  get leftOut(): number {
    return this.#sum(({ leftOut }) => leftOut);
  }

  /** The groups, the largest first. */
  groups(): FailedJobs[] {
    return this.#all.flatMap((outcomes) => outcomes.groups())
      .sort((one, other) => other.jobs - one.jobs);
  }

  /** How many jobs have failed for each cause. */
  causes(): ReadonlyMap<string, number> {
    const causes = new Map<string, number>();
    for (const [cause, jobs] of this.#all.flatMap((outcomes) => [...outcomes.causes()])) {
      causes.set(cause, (causes.get(cause) ?? 0) + jobs);
    }
    return causes;
  }

  get #all(): readonly Outcomes[] {
    return [this.#sent, this.#unusedOfLast.value.outcomes];
  }

  #sum(countOf: (outcomes: Outcomes) => number): number {
    return this.#all.reduce((sum, outcomes) => sum + countOf(outcomes), 0);
  }
}

/** Each is one of its own: several may have one name. */
class UnusedInputs {
  readonly outcomes = new Outcomes();
  #count = 0;

  onJob(facts: JobFacts): void {
    this.outcomes.onJob({ ...facts, input: String(this.#count++) });
  }
}
