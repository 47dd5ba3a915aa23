/** What a journal says about the jobs of earlier runs: each by its last record. */

import type { Buffer } from "node:buffer";
import type { KnownLines, Numbering } from "./finished_jobs.ts";
import { identityNumber, type JobEntry, JobState, JobTable } from "./journal/job_table.ts";
import { journalIn } from "./journal/journal.ts";
import { JournalEpochs } from "./journal/journal_epochs.ts";
import { type JournalFlaws, readJournal } from "./journal/journal_reader.ts";
import type { ReadRecord } from "./journal/journal_record.ts";
import { LineTable } from "./journal/line_table.ts";
import { RecordScanner } from "./journal/record_scanner.ts";
import { PackFolders } from "./pack/pack_folders.ts";
import type { ResumeOptions } from "./resume_options.ts";
import { SinkError } from "./sink_errors.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";

/** The numbers of jobs in the journal, by the state of their last record; `…OtherCore`: they run again. */
export interface PastCounts {
  done: number;
  failed: number;
  failedOtherCore: number;
  doneOtherCore: number;
}

/** The jobs in one journal. */
export class PastJobs {
  /** Where the journal lies. */
  readonly path: string;
  readonly table = new JobTable();
  readonly epochs = new JournalEpochs();
  readonly #options: ResumeOptions;
  readonly #lines = new LineTable();
  readonly #scanner: RecordScanner;
  readonly #folders = new PackFolders();
  readonly counts: PastCounts = { done: 0, failed: 0, failedOtherCore: 0, doneOtherCore: 0 };
  readonly flaws: JournalFlaws = { damaged: 0, newer: 0 };
  /** Those of the damaged lines that runs have torn which were killed. */
  #tornLines = 0;

  private constructor(path: string, options: ResumeOptions) {
    this.path = path;
    this.#options = options;
    this.#scanner = new RecordScanner(options.core);
  }

  /** Reads the journal of an output folder. */
  static async load(files: FolderFiles, folder: string, options: ResumeOptions): Promise<PastJobs> {
    const path = options.path ?? journalIn(folder);
    const past = new PastJobs(path, options);
    try {
      await readJournal(files, path, {
        takesLine: (line, at) => past.#takesLine(line, at),
        onRecord: (record, at) => past.#onRecord(record, at),
        onRun: (event) => past.epochs.onRun(event),
        onFlaw: (kind) => past.#onFlaw(kind),
        onTorn: () => past.#onTorn(),
      });
    } catch (cause) {
      throw new SinkError(
        `Cannot read the journal "${path}": ${reasonOf(cause)}; use --fresh to start a new one`,
        { cause },
      );
    }
    if (options.onlyReads) past.epochs.onEnd();
    past.#count();
    return past;
  }

  /** Whether lines are damaged that no killed run has torn, or are of a later version. */
  get lacksLines(): boolean {
    return this.flaws.newer > 0 || this.flaws.damaged > this.#tornLines;
  }

  /** Whether the last record of a job says that it has an output, whichever core that is of. `undefined`: it has none. */
  hasOutput(name: string): boolean | undefined {
    const job = this.table.get(name);
    return job && leftOutput(job);
  }

  /** Whether there is a record of each job that has an output by another journal. */
  supersedes(other: PastJobs): boolean {
    return this.table.hasAllOf(other.table, leftOutput);
  }

  /** Whether a pack has an entry for this job. */
  hasEntry(name: string): boolean {
    const job = this.table.get(name);
    return job !== undefined && this.isInPack(job);
  }

  /** Whether a pack has an entry in this folder. */
  hasFolder(name: string): boolean {
    return this.#folders.has(name);
  }

  /** Whether a pack has entries that have been superseded. */
  get isOutdated(): boolean {
    return this.#options.pack?.hasMoreThan(this.#packedJobs(() => true)) ?? false;
  }

  /** How many jobs have an entry in the pack. */
  #packedJobs(counts: (job: JobEntry) => boolean): number {
    let jobs = 0;
    for (const job of this.table.entries()) if (counts(job) && this.isInPack(job)) jobs += 1;
    return jobs;
  }

  /** The lines that ran with this core. */
  get lines(): KnownLines | undefined {
    const { numbering } = this.#options;
    if (!numbering) return undefined;
    return {
      numberOf: (identity) => this.#numberOf(identity, numbering),
      has: (number) => this.#lines.has(number),
      lastNumber: this.#lines.lastNumber,
    };
  }

  /** The number of a line. Another line may have got it since, after this one had left the file. */
  #numberOf(identity: string, numbering: Numbering): string | undefined {
    const number = this.#lines.get(identity);
    const job = number === undefined ? undefined : this.table.get(numbering.outputOf(number));
    return job?.identity === identityNumber(identity) ? number : undefined;
  }

  /** Of a job in a pack, `bytesOut` says where its entry ends; 0: there is none. */
  isInPack({ bytesOut }: JobEntry): boolean {
    return this.#options.pack?.has(bytesOut) ?? false;
  }

  /** Nearly all lines are plain, and read in a fraction of the time. */
  #takesLine(line: Buffer, at: number): boolean {
    if (!this.#scanner.scan(line)) return false;
    this.#onScanned(at);
    return true;
  }

  #onRecord(record: ReadRecord, at: number): void {
    this.#scanner.take(record);
    this.#onScanned(at);
  }

  /** A record that begins at `at` in the journal. */
  #onScanned(at: number): void {
    const scanned = this.#scanner;
    const { input, identity, content, state, attempt, bytesOut, crcOut, isSameCore } = scanned;
    const { pack } = this.#options;
    const packEnd = pack?.onRecord(scanned, at) ?? 0;
    const foldered = packEnd > 0 ? scanned.folderedInput : undefined;
    if (foldered !== undefined) this.#folders.onEntry(foldered);
    // A job that was never sent runs again in any case.
    if (identity === 0 || attempt === 0) return;
    const { owners } = this.#options;
    if (state === "done") owners?.take(scanned.inputName);
    else owners?.release(scanned.inputName);
    const isCompared = isSameCore || this.#options.keepDone;
    if (isCompared && scanned.isOfLine) {
      const number = this.#options.numbering?.numberIn(scanned.inputName);
      if (number !== undefined) this.#lines.set(scanned.identityHash, number);
    }
    this.table.set(input, {
      identity: isCompared ? identity : 0,
      state: this.#stateOf(state, isSameCore),
      epoch: this.epochs.current,
      at,
      bytesOut: pack ? packEnd : bytesOut,
      crcOut,
      content,
    });
  }

  #stateOf(state: "done" | "failed", isSameCore: boolean): JobEntry["state"] {
    const counts = isSameCore || (state === "done" && this.#options.keepDone);
    return JobState[counts ? state : `${state}OtherCore` as const];
  }

  #onFlaw(kind: keyof JournalFlaws): void {
    this.flaws[kind] += 1;
    this.epochs.onFlaw();
  }

  /** A line that no run has written is none that a killed one can have torn. */
  #onTorn(): void {
    if (this.epochs.isInRun) this.#tornLines += 1;
  }

  #count(): void {
    this.counts.done = this.#options.pack
      ? this.#packedJobs(({ state }) => state === JobState.done)
      : this.table.count(JobState.done);
    this.counts.failed = this.table.count(JobState.failed);
    this.counts.doneOtherCore = this.table.count(JobState.doneOtherCore);
    this.counts.failedOtherCore = this.table.count(JobState.failedOtherCore);
  }
}

function leftOutput({ state }: JobEntry): boolean {
  return state === JobState.done || state === JobState.doneOtherCore;
}
