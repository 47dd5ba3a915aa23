/** Resumes earlier runs: finds the jobs that they finished, from the journal and the outputs in the folder. */

import type { Buffer } from "node:buffer";
import { join } from "../../runtime/files/path.ts";
import { coarserIdentities } from "./coarser_identity.ts";
import { checksumOfFile } from "./journal/checksum.ts";
import { SinkError } from "./sink_errors.ts";
import {
  type FinishedJobs,
  type FinishedOutcome,
  type IdentifiedInput,
  type KnownLines,
  type Numbering,
  type PastReason,
  pastReason,
} from "./finished_jobs.ts";
import { identityNumber, type JobEntry, JobState, JobTable } from "./journal/job_table.ts";
import { journalIn } from "./journal/journal.ts";
import { JournalEpochs } from "./journal/journal_epochs.ts";
import { type JournalFlaws, readJournal, readRecordAt } from "./journal/journal_reader.ts";
import { type ReadRecord, toJobRecord } from "./journal/journal_record.ts";
import { LineTable } from "./journal/line_table.ts";
import { PackFolders } from "./pack/pack_folders.ts";
import type { ResumeOptions } from "./resume_options.ts";
import { RecordScanner } from "./journal/record_scanner.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";

/** Outputs checked concurrently: enough to hide a file server's latency. */
const CHECKS_MAX = 16;

const DONE: FinishedOutcome = { state: "done" };

/** The numbers of jobs in the journal, by the state of their last record; `…OtherCore`: they run again. */
export interface ResumeCounts {
  done: number;
  failed: number;
  failedOtherCore: number;
  doneOtherCore: number;
}

/** The results of earlier runs in one folder. */
export class Resume implements FinishedJobs {
  readonly #files: FolderFiles;
  readonly #folder: string;
  readonly #path: string;
  readonly #options: ResumeOptions;
  readonly #jobs = new JobTable();
  readonly #lines = new LineTable();
  readonly #epochs = new JournalEpochs();
  readonly #scanner: RecordScanner;
  readonly #folders = new PackFolders();
  readonly counts: ResumeCounts = { done: 0, failed: 0, failedOtherCore: 0, doneOtherCore: 0 };
  readonly flaws: JournalFlaws = { damaged: 0, newer: 0 };
  /** Those of the damaged lines that runs have torn which were killed. */
  #tornLines = 0;

  private constructor(files: FolderFiles, folder: string, options: ResumeOptions) {
    this.#files = files;
    this.#folder = folder;
    this.#path = options.path ?? journalIn(folder);
    this.#options = options;
    this.#scanner = new RecordScanner(options.core);
  }

  /** Reads the journal of an output folder. */
  static async load(files: FolderFiles, folder: string, options: ResumeOptions): Promise<Resume> {
    const resume = new Resume(files, folder, options);
    const path = resume.#path;
    try {
      await readJournal(files, path, {
        takesLine: (line, at) => resume.#takesLine(line, at),
        onRecord: (record, at) => resume.#onRecord(record, at),
        onRun: (event) => resume.#epochs.onRun(event),
        onFlaw: (kind) => resume.#onFlaw(kind),
        onTorn: () => resume.#onTorn(),
      });
    } catch (cause) {
      throw new SinkError(
        `Cannot read the journal "${path}": ${reasonOf(cause)}; use --fresh to start a new one`,
        { cause },
      );
    }
    if (options.onlyReads) resume.#epochs.onEnd();
    resume.#count();
    return resume;
  }

  /** How many jobs will be skipped if the inputs have not changed. */
  get skipsExpected(): number {
    return this.counts.done + (this.#options.retryFailed ? 0 : this.counts.failed);
  }

  /** Whether lines are damaged that no killed run has torn, or are of a later version. */
  get lacksLines(): boolean {
    return this.flaws.newer > 0 || this.flaws.damaged > this.#tornLines;
  }

  /** Whether the last record of a job says that it has an output, whichever core that is of. `undefined`: it has none. */
  hasOutput(name: string): boolean | undefined {
    const job = this.#jobs.get(name);
    return job && leftOutput(job);
  }

  /** Whether there is a record of each job that has an output by another journal. */
  supersedes(other: Resume): boolean {
    return this.#jobs.hasAllOf(other.#jobs, leftOutput);
  }

  /** Whether a pack has an entry for this job. */
  hasEntry(name: string): boolean {
    const job = this.#jobs.get(name);
    return job !== undefined && this.#isInPack(job);
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
    for (const job of this.#jobs.entries()) if (counts(job) && this.#isInPack(job)) jobs += 1;
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
    const job = number === undefined ? undefined : this.#jobs.get(numbering.outputOf(number));
    return job?.identity === identityNumber(identity) ? number : undefined;
  }

  /** Most outputs have a record that is trusted: then only their size is looked up. */
  outcomeNow(input: IdentifiedInput): FinishedOutcome | "unknown" | undefined {
    const { name } = input;
    const job = this.#jobs.get(name);
    if (!job || !isOf(job, input)) return undefined;
    const isDone = job.state === JobState.done;
    if (!isDone && (job.state !== JobState.failed || this.#options.retryFailed)) {
      return undefined;
    }
    if (this.#options.pack && isDone) return this.#isInPack(job) ? DONE : undefined;
    const isAnothers = this.#options.owners?.isAnothers(name) ?? false;
    if (!this.#files.fileBytesSync || !isDone || isAnothers) return "unknown";
    if (this.#files.fileBytesSync(`${this.#folder}/${name}`) !== job.bytesOut) return undefined;
    return this.#epochs.isTrusted(job.epoch) ? DONE : "unknown";
  }

  async outcomesOf(
    inputs: readonly IdentifiedInput[],
  ): Promise<(FinishedOutcome | undefined)[]> {
    const outcomes: (FinishedOutcome | undefined)[] = [];
    for (let first = 0; first < inputs.length; first += CHECKS_MAX) {
      const some = inputs.slice(first, first + CHECKS_MAX);
      outcomes.push(...await Promise.all(some.map((input) => this.#outcomeOf(input))));
    }
    return outcomes;
  }

  /** How a job finished. It runs again if its record and its output contradict each other. */
  #outcomeOf(input: IdentifiedInput): Promise<FinishedOutcome | undefined> | undefined {
    const { name } = input;
    const job = this.#jobs.get(name);
    if (!job || !isOf(job, input)) return undefined;
    const { pack, retryFailed } = this.#options;
    if (job.state === JobState.done) return pack ? this.#ifPacked(job) : this.#ifDone(name, job);
    if (job.state !== JobState.failed || retryFailed) return undefined;
    return pack ? this.#failed(job) : this.#ifFailed(name, job);
  }

  /** Done, if the output has the recorded size and, unless the record is trusted, the recorded checksum. */
  async #ifDone(name: string, job: JobEntry): Promise<FinishedOutcome | undefined> {
    if (await this.#sizeOf(name) !== job.bytesOut) return undefined;
    if (this.#epochs.isTrusted(job.epoch)) return { state: "done" };
    const path = join(this.#folder, name);
    const found = await checksumOfFile(this.#files, path).catch(() => undefined); // it runs again
    if (found !== job.crcOut) return undefined;
    const record = await this.#recordAt(job.at);
    // A record is written with the core of this run.
    const isRepeated = record && record.core === this.#options.core;
    return isRepeated ? { state: "done", repeat: toJobRecord(record) } : { state: "done" };
  }

  /** Done, if the pack has the whole entry: nothing in a pack is replaced. */
  #ifPacked(job: JobEntry): Promise<FinishedOutcome | undefined> | undefined {
    return this.#isInPack(job) ? Promise.resolve({ state: "done" }) : undefined;
  }

  /** Of a job in a pack, `bytesOut` says where its entry ends; 0: there is none. */
  #isInPack({ bytesOut }: JobEntry): boolean {
    return this.#options.pack?.has(bytesOut) ?? false;
  }

  /**
   * Failed, if there really is no output. A file that was there when the job failed, and stayed, is none: but a killed
   * run may have replaced it since.
   */
  async #ifFailed(name: string, job: JobEntry): Promise<FinishedOutcome | undefined> {
    if (await this.#sizeOf(name) === undefined) return this.#failed(job);
    if (!this.#epochs.isTrusted(job.epoch)) return undefined;
    return (await this.#recordAt(job.at))?.kept ? this.#failed(job) : undefined;
  }

  #failed({ at }: JobEntry): Promise<FinishedOutcome> {
    return Promise.resolve({ state: "failed", reason: () => this.#reasonAt(at) });
  }

  /** The size of a job's output; `undefined` if there is none. */
  async #sizeOf(name: string): Promise<number | undefined> {
    if (this.#options.owners?.isAnothers(name)) return undefined;
    // One that cannot be seen is made again. If that is not possible either, the error says why.
    const info = await this.#files.info(join(this.#folder, name)).catch(() => undefined);
    return info?.kind === "file" ? info.bytes : undefined;
  }

  async #reasonAt(at: number): Promise<PastReason> {
    return pastReason(await this.#recordAt(at));
  }

  /** Without it, less is known of a job that has ended; it is not run again for that. */
  #recordAt(at: number): Promise<ReadRecord | undefined> {
    return readRecordAt(this.#files, this.#path, at).catch(() => undefined);
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
    this.#jobs.set(input, {
      identity: isCompared ? identity : 0,
      state: this.#stateOf(state, isSameCore),
      epoch: this.#epochs.current,
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
    this.#epochs.onFlaw();
  }

  /** A line that no run has written is none that a killed one can have torn. */
  #onTorn(): void {
    if (this.#epochs.isInRun) this.#tornLines += 1;
  }

  #count(): void {
    this.counts.done = this.#options.pack
      ? this.#packedJobs(({ state }) => state === JobState.done)
      : this.#jobs.count(JobState.done);
    this.counts.failed = this.#jobs.count(JobState.failed);
    this.counts.doneOtherCore = this.#jobs.count(JobState.doneOtherCore);
    this.counts.failedOtherCore = this.#jobs.count(JobState.failedOtherCore);
  }
}

/** Whether a job had this input. Records may know less about it (`coarserIdentities`), and are compared by what they have. */
function isOf(job: JobEntry, { identity, content }: IdentifiedInput): boolean {
  if (content !== undefined) return job.content === identityNumber(content);
  return job.identity === identityNumber(identity) ||
    coarserIdentities(identity).some((coarser) => job.identity === identityNumber(coarser));
}

function leftOutput({ state }: JobEntry): boolean {
  return state === JobState.done || state === JobState.doneOtherCore;
}
