/** How each job has ended in its last record, and the failures by reason. */

import { NameIndex } from "../controller/output/journal/name_index.ts";
import { type FailedJobs, FailureGroup } from "./failure_group.ts";
import type { JobFacts } from "./journal_facts.ts";

/** Failures of further reasons are only counted. */
const GROUPS_MAX = 1_000;

/** Kinds of failures are few words; a damaged or foreign journal might have any. */
const CAUSES_MAX = 50;

/** Of jobs that failed on further nodes, the node is not remembered. */
const NODES_MAX = 4_096;

const FIRST_JOBS_MAX = 1_024;

/** The state of a job whose last record is `done`. */
const DONE = -1;

/** The state of a job that failed for a reason without a group is this, minus the number of its cause. */
const LEFT_OUT = -2;

/** The outcomes of jobs. A million take 27 MB. */
export class Outcomes {
  readonly #names = new NameIndex();
  /** By the number of a job: the number of its group, or how else it has ended. */
  #states = new Int16Array(FIRST_JOBS_MAX);
  /** By the number of a job: the number of the node on which it failed. */
  #failedOn = new Uint16Array(FIRST_JOBS_MAX);
  readonly #groups: FailureGroup[] = [];
  readonly #groupNumbers = new Map<string, number>();
  readonly #nodes = new Words(NODES_MAX);
  readonly #causes = new Words(CAUSES_MAX);
  #done = 0;
  /** Failures of reasons that have no group, by the number of their cause. */
  readonly #leftOut: number[] = Array.from({ length: CAUSES_MAX + 1 }, () => 0);

  get done(): number {
    return this.#done;
  }

  get failed(): number {
    return this.#names.size - this.#done;
  }

  /** Failed jobs that are in no group. */
  get leftOut(): number {
    return this.#leftOut.reduce((sum, jobs) => sum + jobs, 0);
  }

  onJob(facts: JobFacts): void {
    const before = this.#names.size;
    const job = this.#names.add(facts.input);
    if (job < before) this.#forget(job);
    if (job >= this.#states.length) this.#grow();
    if (!facts.isDone) return this.#fail(job, facts);
    this.#states[job] = DONE;
    this.#done += 1;
  }

  /** The groups, the largest first. */
  groups(): FailedJobs[] {
    return this.#groups.map(({ facts }) => facts)
      .filter(({ jobs }) => jobs > 0)
      .sort((one, other) => other.jobs - one.jobs);
  }

  /** How many jobs have failed for each cause. */
  causes(): ReadonlyMap<string, number> {
    const causes = new Map<string, number>();
    const add = (cause: string | undefined, jobs: number) => {
      if (cause !== undefined && jobs > 0) causes.set(cause, (causes.get(cause) ?? 0) + jobs);
    };
    for (const { cause, jobs } of this.groups()) add(cause, jobs);
    for (const [number, jobs] of this.#leftOut.entries()) add(this.#causes.at(number), jobs);
    return causes;
  }

  #fail(job: number, facts: JobFacts): void {
    const { node, cause } = facts;
    this.#failedOn[job] = this.#nodes.numberOf(node);
    const group = this.#groupOf(facts);
    if (group !== undefined) {
      this.#states[job] = group;
      this.#groups[group]?.add(job, facts);
      return;
    }
    const number = this.#causes.numberOf(cause);
    this.#states[job] = LEFT_OUT - number;
    this.#leftOut[number] = (this.#leftOut[number] ?? 0) + 1;
  }

  /** Another record of the job follows. */
  #forget(job: number): void {
    const state = this.#states[job] ?? DONE;
    if (state === DONE) this.#done -= 1;
    else if (state <= LEFT_OUT) {
      const number = LEFT_OUT - state;
      this.#leftOut[number] = (this.#leftOut[number] ?? 0) - 1;
    } else this.#groups[state]?.forget(job, this.#nodes.at(this.#failedOn[job] ?? 0));
  }

  #groupOf(facts: JobFacts): number | undefined {
    const known = this.#groupNumbers.get(facts.reason);
    if (known !== undefined || this.#groups.length >= GROUPS_MAX) return known;
    this.#groupNumbers.set(facts.reason, this.#groups.length);
    return this.#groups.push(new FailureGroup(facts)) - 1;
  }

  #grow(): void {
    const [states, failedOn] = [this.#states, this.#failedOn];
    this.#states = new Int16Array(2 * states.length);
    this.#states.set(states);
    this.#failedOn = new Uint16Array(2 * failedOn.length);
    this.#failedOn.set(failedOn);
  }
}

/** Numbers a few words from 1 on. A word for which there is no place has the number 0, as that which is not known. */
class Words {
  readonly #max: number;
  readonly #words: string[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  numberOf(word: string | undefined): number {
    if (word === undefined) return 0;
    const known = this.#numbers.get(word);
    if (known !== undefined || this.#words.length >= this.#max) return known ?? 0;
    const number = this.#words.push(word);
    this.#numbers.set(word, number);
    return number;
  }

  at(number: number): string | undefined {
    return this.#words[number - 1];
  }
}
