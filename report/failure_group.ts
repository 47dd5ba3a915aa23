/** Jobs whose last attempt has failed for the same reason. */

import type { JobFacts } from "./journal_facts.ts";

/** Jobs and nodes that are named. A job may succeed later, so more are kept than are shown. */
const NAMES_KEPT_MAX = 20;
const NAMES_MAX = 3;
const NODES_MAX = 50;

/** What a report says of them. */
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

/** The jobs of one reason, by their numbers. */
export class FailureGroup {
  readonly #reason: string;
  readonly #cause: string | undefined;
  #jobs = 0;
  readonly #names = new Map<number, string>();
  #printed: { readonly job: number; readonly lines: readonly string[] } | undefined;
  readonly #nodes = new Map<string, number>();

  constructor({ reason, cause }: Pick<JobFacts, "reason" | "cause">) {
    this.#reason = reason;
    this.#cause = cause;
  }

  add(job: number, { name, printed, node }: JobFacts): void {
    this.#jobs += 1;
    if (this.#names.size < NAMES_KEPT_MAX) this.#names.set(job, name);
    if (!this.#printed && printed.length > 0) this.#printed = { job, lines: printed };
    if (node === undefined) return;
    const known = this.#nodes.get(node);
    if (known !== undefined || this.#nodes.size < NODES_MAX) {
      this.#nodes.set(node, (known ?? 0) + 1);
    }
  }

  /** The job, which failed on this node, has a later record. */
  forget(job: number, node: string | undefined): void {
    this.#jobs -= 1;
    this.#names.delete(job);
    if (this.#printed?.job === job) this.#printed = undefined;
    const known = node === undefined ? undefined : this.#nodes.get(node);
    if (node === undefined || known === undefined) return;
    if (known > 1) this.#nodes.set(node, known - 1);
    else this.#nodes.delete(node);
  }

  get facts(): FailedJobs {
    return {
      reason: this.#reason,
      cause: this.#cause,
      jobs: this.#jobs,
      names: [...this.#names.values()].slice(0, NAMES_MAX),
      printed: this.#printed?.lines ?? [],
      nodes: [...this.#nodes].map(([name, jobs]) => ({ name, jobs }))
        .sort((one, other) => other.jobs - one.jobs),
    };
  }
}
