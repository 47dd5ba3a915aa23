/** How each job has ended in its last record, and the failures by reason. */

import { NameIndex } from "../controller/output/name_index.ts";
import type { JobFacts } from "./journal_facts.ts";

/** Failures of further reasons are only counted. */
const GROUPS_MAX = 1_000;

/** Jobs and nodes that are named for each reason. One may have succeeded later, so more are kept than are shown. */
const NAMES_KEPT_MAX = 20;
const NAMES_MAX = 3;
const NODES_MAX = 50;

const FIRST_JOBS_MAX = 1_024;

/** The state of a job whose last record is `done`, and of one that failed for a reason without a group. */
const DONE = -1;
const LEFT_OUT = -2;

/** Jobs that have failed for the same reason. */
export interface FailedJobs {
  readonly reason: string;
  readonly cause: string | undefined;
  readonly jobs: number;
  /** The first of them. */
  readonly names: readonly string[];
  /** What one of them printed last. */
  readonly printed: readonly string[];
  /** How many of them failed on each node. */
  readonly nodes: readonly { readonly name: string; readonly jobs: number }[];
}

interface Group {
  readonly reason: string;
  readonly cause: string | undefined;
  jobs: number;
  readonly names: { readonly job: number; readonly name: string }[];
  printed: readonly string[];
  readonly nodes: Map<string, number>;
}

/** The outcomes of all jobs. A million take 25 MB. */
export class Outcomes {
  readonly #names = new NameIndex();
  /** By the number of a job: the number of its group, or how else it has ended. */
  #states = new Int16Array(FIRST_JOBS_MAX);
  readonly #groups: Group[] = [];
  readonly #numbers = new Map<string, number>();
  #done = 0;
  /** Failures of reasons that have no group. */
  #leftOut = 0;

  get done(): number {
    return this.#done;
  }

  get failed(): number {
    return this.#names.size - this.#done;
  }

  /** Failed jobs that are in no group. */
  get leftOut(): number {
    return this.#leftOut;
  }

  onJob(facts: JobFacts): void {
    const before = this.#names.size;
    const job = this.#names.add(facts.input);
    if (job < before) this.#forget(job);
    if (job >= this.#states.length) this.#grow();
    const state = facts.isDone ? DONE : this.#groupOf(facts);
    this.#states[job] = state;
    if (state === DONE) this.#done += 1;
    else if (state === LEFT_OUT) this.#leftOut += 1;
    else this.#join(this.#groups[state] as Group, job, facts);
  }

  /** The groups, the largest first. */
  groups(): FailedJobs[] {
    return this.#groups
      .map((group, number) => ({
        reason: group.reason,
        cause: group.cause,
        jobs: group.jobs,
        names: group.names.filter(({ job }) => this.#states[job] === number)
          .slice(0, NAMES_MAX).map(({ name }) => name),
        printed: group.printed,
        nodes: [...group.nodes].map(([name, jobs]) => ({ name, jobs }))
          .sort((one, other) => other.jobs - one.jobs),
      }))
      .filter(({ jobs }) => jobs > 0)
      .sort((one, other) => other.jobs - one.jobs);
  }

  /** Another record of the job follows. */
  #forget(job: number): void {
    const state = this.#states[job] as number;
    if (state === DONE) this.#done -= 1;
    else if (state === LEFT_OUT) this.#leftOut -= 1;
    else (this.#groups[state] as Group).jobs -= 1;
  }

  #groupOf({ reason, cause }: JobFacts): number {
    const known = this.#numbers.get(reason);
    if (known !== undefined) return known;
    if (this.#groups.length >= GROUPS_MAX) return LEFT_OUT;
    this.#numbers.set(reason, this.#groups.length);
    this.#groups.push({ reason, cause, jobs: 0, names: [], printed: [], nodes: new Map() });
    return this.#groups.length - 1;
  }

  #join(group: Group, job: number, { input, printed, node }: JobFacts): void {
    group.jobs += 1;
    if (group.names.length < NAMES_KEPT_MAX) group.names.push({ job, name: input });
    if (group.printed.length === 0) group.printed = printed;
    if (node === undefined) return;
    const known = group.nodes.get(node);
    if (known !== undefined || group.nodes.size < NODES_MAX) {
      group.nodes.set(node, (known ?? 0) + 1);
    }
  }

  #grow(): void {
    const states = new Int16Array(2 * this.#states.length);
    states.set(this.#states);
    this.#states = states;
  }
}
