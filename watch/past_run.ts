/** What the journal of a run that is over says about its jobs. Nothing is written. */

import { readJournal } from "../controller/output/journal/journal_reader.ts";
import type { ReadRecord, RunEvent } from "../controller/output/journal/journal_record.ts";
import { NameIndex } from "../controller/output/journal/name_index.ts";
import type { RunEnding } from "../controller/output/journal/run_ending.ts";
import type { FolderFiles } from "../runtime/files/files_below.ts";
import type { OverRun } from "./find_run.ts";
import { type FailureEntry, type PastRun, SNAPSHOT_VERSION, TEXT_CHARS_MAX } from "./snapshot.ts";

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
  /** Whether it is about inputs that could not be used. */
  readonly isOfInputs: boolean;
  readonly candidates: { readonly job: number; readonly name: string }[];
}

/** The jobs by their last records. A million of them take 40 MB. */
class PastJobs {
  readonly #names = new NameIndex();
  /** By the numbers of names: `DONE`, or the number of the reason. */
  readonly #outcomes: number[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #reasons: Reason[] = [];

  onRecord({ input, state, reason, error, exitCode, attempt }: ReadRecord): void {
    const job = this.#names.add(input);
    if (state === "done") {
      this.#outcomes[job] = DONE;
      return;
    }
    const text = reason ?? error ?? `exit code ${exitCode ?? "unknown"}`;
    const number = this.#numberOf(text, attempt === 0);
    this.#outcomes[job] = number;
    const { candidates } = this.#reasons[number] as Reason;
    if (candidates.length < CANDIDATES_MAX) candidates.push({ job, name: input });
  }

  get counts(): PastRun["jobs"] {
    const done = this.#outcomes.reduce((sum, outcome) => sum + Number(outcome === DONE), 0);
    return { done, failed: this.#outcomes.length - done };
  }

  /** The jobs whose input could not be used. */
  get unread(): number {
    const counts = this.#reasonCounts;
    return this.#reasons.reduce(
      (sum, { isOfInputs }, number) => sum + (isOfInputs ? counts[number] as number : 0),
      0,
    );
  }

  /** The most frequent first. */
  get failures(): FailureEntry[] {
    const counts = this.#reasonCounts;
    return this.#reasons
      .map((reason, number) => this.#entry(reason, number, counts[number] as number))
      .filter(({ jobs }) => jobs > 0)
      .sort((one, other) => other.jobs - one.jobs)
      .slice(0, GROUPS_MAX);
  }

  get #reasonCounts(): number[] {
    const counts = this.#reasons.map(() => 0);
    for (const outcome of this.#outcomes) if (outcome !== DONE) (counts[outcome] as number) += 1;
    return counts;
  }

  #entry({ text, candidates }: Reason, number: number, jobs: number): FailureEntry {
    const names = candidates
      .filter(({ job }) => this.#outcomes[job] === number)
      .map(({ name }) => name.slice(0, TEXT_CHARS_MAX));
    return { reason: text, jobs, names: [...new Set(names)].slice(0, NAMES_MAX) };
  }

  #numberOf(reason: string, isOfInputs: boolean): number {
    const text = reason.slice(0, TEXT_CHARS_MAX);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#reasons.length >= REASONS_MAX && text !== OTHER_REASONS) {
      return this.#numberOf(OTHER_REASONS, false);
    }
    this.#numbers.set(text, this.#reasons.length);
    return this.#reasons.push({ text, isOfInputs, candidates: [] }) - 1;
  }
}

/** How the last run has ended. */
class LastEnding {
  #ending: RunEnding | undefined;
  #isOpen = false;
  /** How many jobs the last run has finished. */
  finished = 0;
  #queuedAtMs = 0;
  /** When the last job of earlier runs was queued. */
  #queuedBeforeMs = 0;

  onRun(event: RunEvent, ending: RunEnding | undefined): void {
    this.#isOpen = event === "begun";
    if (this.#isOpen) {
      this.finished = 0;
      this.#queuedBeforeMs = this.#queuedAtMs;
    }
    if (ending) this.#ending = ending; // without one, a run has taken the outputs, and has not begun
  }

  /** Some job has ended since: an older ending says nothing of it. */
  onRecord({ queuedAt }: ReadRecord): void {
    // Records of earlier runs are repeated as they are, once their outputs are checked.
    if (queuedAt === undefined || queuedAt > this.#queuedBeforeMs) this.finished += 1;
    this.#queuedAtMs = Math.max(this.#queuedAtMs, queuedAt ?? 0);
    if (this.#isOpen) this.#ending = undefined;
  }

  /** The jobs of the last run, if it is complete: the journal may have others, of inputs that are gone since. */
  get jobs(): PastRun["jobs"] | undefined {
    const { done, failed } = this.#ending ?? {};
    return this.#isOpen || done === undefined || failed === undefined
      ? undefined
      : { done, failed };
  }

  get all(): Pick<PastRun, "end" | "left" | "error"> {
    if (this.#isOpen) return { end: "killed", left: null };
    const { end = "ended", left = null, error } = this.#ending ?? {};
    return { end, left, ...(error === undefined ? {} : { error }) };
  }
}

/** Reads the journal of a run that is over. */
export async function readPastRun(
  files: FolderFiles,
  journal: string,
  output: string,
  { end, toRun }: Pick<OverRun, "end" | "toRun">,
): Promise<PastRun> {
  const jobs = new PastJobs();
  const last = new LastEnding();
  let damagedLines = 0;
  await readJournal(files, journal, {
    onRecord: (record) => {
      jobs.onRecord(record);
      last.onRecord(record);
    },
    onRun: (event, ending) => last.onRun(event, ending),
    onFlaw: () => damagedLines += 1,
  });
  const { counts: jobCounts, failures, unread } = jobs;
  const wasKilled = end === "killed";
  const counted = wasKilled ? undefined : last.jobs;
  const left = toRun === undefined ? null : Math.max(0, toRun - last.finished);
  const ending = wasKilled ? { end, left } : last.all;
  return {
    v: SNAPSHOT_VERSION,
    kind: "past",
    output,
    ...ending,
    jobs: counted ?? jobCounts,
    unread,
    otherOutputs: counted ? Math.max(0, jobCounts.done - counted.done) : 0,
    failures,
    damagedLines,
  };
}
