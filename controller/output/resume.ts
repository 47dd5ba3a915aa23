/** Resumes earlier runs: finds the jobs that they finished, from the journal and the outputs in the folder. */

import { join } from "../../runtime/files/path.ts";
import { coarserIdentities } from "./coarser_identity.ts";
import { checksumOfFile } from "./journal/checksum.ts";
import {
  type FinishedJobs,
  type FinishedOutcome,
  type IdentifiedInput,
  type KnownLines,
  type PastReason,
  pastReason,
} from "./finished_jobs.ts";
import { identityNumber, type JobEntry, JobState, type JobTable } from "./journal/job_table.ts";
import type { JournalEpochs } from "./journal/journal_epochs.ts";
import { readRecordAt } from "./journal/journal_reader.ts";
import { type ReadRecord, toJobRecord } from "./journal/journal_record.ts";
import { PastJobs } from "./past_jobs.ts";
import type { ResumeOptions } from "./resume_options.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";

/** Outputs checked concurrently: enough to hide a file server's latency. */
const CHECKS_MAX = 16;

const DONE: FinishedOutcome = { state: "done" };

/** The results of earlier runs in one folder. */
export class Resume implements FinishedJobs {
  readonly #files: FolderFiles;
  readonly #folder: string;
  readonly #options: ResumeOptions;
  /** What the journal says. */
  readonly past: PastJobs;
  readonly #jobs: JobTable;
  readonly #epochs: JournalEpochs;

  private constructor(
    files: FolderFiles,
    folder: string,
    options: ResumeOptions,
    past: PastJobs,
  ) {
    this.#files = files;
    this.#folder = folder;
    this.#options = options;
    this.past = past;
    this.#jobs = past.table;
    this.#epochs = past.epochs;
  }

  /** Reads the journal of an output folder. */
  static async load(files: FolderFiles, folder: string, options: ResumeOptions): Promise<Resume> {
    return new Resume(files, folder, options, await PastJobs.load(files, folder, options));
  }

  /** How many jobs will be skipped if the inputs have not changed. */
  get skipsExpected(): number {
    const { done, failed } = this.past.counts;
    return done + (this.#options.retryFailed ? 0 : failed);
  }

  get lines(): KnownLines | undefined {
    return this.past.lines;
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
    if (this.#options.pack && isDone) return this.past.isInPack(job) ? DONE : undefined;
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
    return this.past.isInPack(job) ? Promise.resolve({ state: "done" }) : undefined;
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
    return readRecordAt(this.#files, this.past.path, at).catch(() => undefined);
  }
}

/** Whether a job had this input. Records may know less about it (`coarserIdentities`), and are compared by what they have. */
function isOf(job: JobEntry, { identity, content }: IdentifiedInput): boolean {
  if (content !== undefined) return job.content === identityNumber(content);
  return job.identity === identityNumber(identity) ||
    coarserIdentities(identity).some((coarser) => job.identity === identityNumber(coarser));
}
