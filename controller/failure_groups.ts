/** Failed jobs by reason: a broken core gives a million jobs the same one. */

/** More reasons are only counted. A summary that does not fit on a screen is not read. */
const REASONS_MAX = 20;

/** Jobs that are named for each reason. */
const NAMES_MAX = 3;

/** Jobs that have failed for the same reason. */
export interface FailureGroup {
  /** Without the nodes on which they have failed. */
  readonly reason: string;
  /** The reason with its nodes, where all of these jobs have the same ones. */
  readonly error?: string;
  readonly jobs: number;
  /** The first of these jobs. */
  readonly names: readonly string[];
}

interface Group {
  jobs: number;
  readonly names: string[];
  error: string | undefined;
}

/** The failures of one run. */
export class FailureGroups {
  readonly #groups = new Map<string, Group>();

  /** `error`: the reason, with nodes if it has any. */
  add(name: string, reason: string, error = reason): void {
    const known = this.#groups.get(reason);
    if (!known && this.#groups.size >= REASONS_MAX) return;
    const group = known ?? { jobs: 0, names: [], error };
    group.jobs += 1;
    if (group.error !== error) group.error = undefined;
    if (group.names.length < NAMES_MAX) group.names.push(name);
    this.#groups.set(reason, group);
  }

  /** The groups, the largest first. */
  get all(): FailureGroup[] {
    return [...this.#groups]
      .map(([reason, { jobs, names, error }]) => ({
        reason,
        ...(error === undefined || error === reason ? {} : { error }),
        jobs,
        names,
      }))
      .sort((one, other) => other.jobs - one.jobs);
  }
}
