/** Failed jobs by reason: a broken core gives a million jobs the same one. */

/** More reasons are only counted. A summary that does not fit on a screen is not read. */
const REASONS_MAX = 20;

/** Jobs that are named for each reason. */
const NAMES_MAX = 3;

/** Jobs that have failed for the same reason. */
export interface FailureGroup {
  readonly reason: string;
  readonly jobs: number;
  /** The first of these jobs. */
  readonly names: readonly string[];
}

/** The failures of one run. */
export class FailureGroups {
  readonly #groups = new Map<string, { jobs: number; readonly names: string[] }>();

  add(name: string, reason: string): void {
    const known = this.#groups.get(reason);
    if (!known && this.#groups.size >= REASONS_MAX) return;
    const group = known ?? { jobs: 0, names: [] };
    group.jobs += 1;
    if (group.names.length < NAMES_MAX) group.names.push(name);
    this.#groups.set(reason, group);
  }

  /** The groups, the largest first. */
  get all(): FailureGroup[] {
    return [...this.#groups]
      .map(([reason, { jobs, names }]) => ({ reason, jobs, names }))
      .sort((one, other) => other.jobs - one.jobs);
  }
}
