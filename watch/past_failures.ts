/** The failed jobs of a run that is over, by reason. */

import { NameIndex } from "../controller/output/journal/name_index.ts";
import type { ReadRecord } from "../controller/output/journal/journal_record.ts";
import { type FailureEntry, type PastRun, TEXT_CHARS_MAX } from "./snapshot.ts";

/** Further reasons are one together. A journal may have a million, each with the name of its job. */
const REASONS_MAX = 1_000;

/** Groups of failures that are shown. */
const GROUPS_MAX = 20;

/** Jobs that are named for each reason. */
const NAMES_MAX = 3;

/** Jobs that may be named: some of them may have succeeded later. */
const CANDIDATES_MAX = 16;

const OTHER_REASONS = "other reasons";

/** A job whose last record says that it is done. Others have the number of a reason. */
const DONE = -1;

interface Reason {
  readonly text: string;
  readonly candidates: { readonly job: number; readonly name: string }[];
}

/** Numbers the reasons. */
class Reasons {
  readonly all: Reason[] = [];
  readonly #numbers = new Map<string, number>();

  /** The number of the reason of a failed job. */
  add(job: number, { input, reason, error, exitCode }: ReadRecord): number {
    const text = reason ?? error ?? `exit code ${exitCode ?? "unknown"}`;
    const number = this.#numberOf(text.slice(0, TEXT_CHARS_MAX));
    const { candidates } = this.all[number] as Reason;
    if (candidates.length < CANDIDATES_MAX) {
      candidates.push({ job, name: input.slice(0, TEXT_CHARS_MAX) });
    }
    return number;
  }

  #numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.all.length >= REASONS_MAX && text !== OTHER_REASONS) {
      return this.#numberOf(OTHER_REASONS);
    }
    this.#numbers.set(text, this.all.length);
    return this.all.push({ text, candidates: [] }) - 1;
  }
}

/** The jobs that were sent, by their last records. A million of them take 40 MB. */
export class PastJobs {
  readonly #names = new NameIndex();
  /** By the numbers of names: `DONE`, or the number of the reason. */
  readonly #outcomes: number[] = [];
  readonly #reasons = new Reasons();

  onRecord(record: ReadRecord): void {
    const job = this.#names.add(record.input);
    this.#outcomes[job] = record.state === "done" ? DONE : this.#reasons.add(job, record);
  }

  get counts(): PastRun["jobs"] {
    const done = this.#outcomes.reduce((sum, outcome) => sum + Number(outcome === DONE), 0);
    return { done, failed: this.#outcomes.length - done };
  }

  get failures(): FailureEntry[] {
    return entriesOf(this.#reasons, this.#outcomes);
  }
}

/** The inputs that one run could not use. Another one with the same output may be done: their names do not tell them apart. */
export class UnusedInputs {
  /** By their order: the number of the reason. */
  readonly #outcomes: number[] = [];
  readonly #reasons = new Reasons();

  onRecord(record: ReadRecord): void {
    this.#outcomes.push(this.#reasons.add(this.#outcomes.length, record));
  }

  get count(): number {
    return this.#outcomes.length;
  }

  get failures(): FailureEntry[] {
    return entriesOf(this.#reasons, this.#outcomes);
  }
}

/** The most frequent ones first. */
export function mostFrequent(failures: readonly FailureEntry[]): FailureEntry[] {
  return failures.toSorted((one, other) => other.jobs - one.jobs).slice(0, GROUPS_MAX);
}

function entriesOf({ all }: Reasons, outcomes: readonly number[]): FailureEntry[] {
  const counts = all.map(() => 0);
  for (const outcome of outcomes) if (outcome !== DONE) (counts[outcome] as number) += 1;
  const entries = all.map(({ text, candidates }, number) => {
    const names = candidates.filter(({ job }) => outcomes[job] === number).map(({ name }) => name);
    const named = [...new Set(names)].slice(0, NAMES_MAX);
    return { reason: text, jobs: counts[number] as number, names: named };
  });
  return entries.filter(({ jobs }) => jobs > 0);
}
