/** What earlier runs into the same folder have done already, as their journal and the outputs say. */

import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { checksumOfFile } from "./checksum.ts";
import { digestInto, DigestTable } from "./digest_table.ts";
import { SinkError } from "./directory_sink.ts";
import { journalIn } from "./journal.ts";
import { JournalGaps } from "./journal_gaps.ts";
import { type JournalFlaws, readJournal, readRecordAt } from "./journal_reader.ts";
import type { ReadRecord } from "./journal_record.ts";
import { reasonOf } from "./system_error.ts";

/** Outputs looked at at once: enough to hide a file server's answer times. */
const LOOKS_AT_ONCE = 16;

/**
 * What is kept of a job: two words that say of which state of its input, one for what became of it, two for
 * a number, and its output's checksum. With the digest of its name that is 36 bytes, however long its record
 * is.
 */
const VALUE_WORDS = 6;
const IDENTITY_WORDS = 2;
const [STATE, HIGH, LOW, CRC] = [2, 3, 4, 5];
const WORD = 2 ** 32;

/** The last record of a job, in the table: a done one's number is its output's size, a failed one's its place. */
const DONE = 1;
const FAILED = 2;
const OF_ANOTHER_CORE = 3;

/** With the state goes how many gaps the journal has before the record. */
const STATES = 4;

/** Which state of which input. */
export interface IdentifiedInput {
  readonly name: string;
  readonly identity: string;
}

/** How a job has ended in an earlier run. */
export type EarlierOutcome =
  | { readonly state: "done" }
  /** The reason is in the journal, and read when somebody wants to know it. */
  | { readonly state: "failed"; readonly reason: () => Promise<string> };

/** What sources ask about inputs that they have found. */
export interface EarlierRuns {
  /** For each input how its job has ended, or `undefined` if it has to run. */
  outcomesOf(
    inputs: readonly IdentifiedInput[],
  ): Promise<readonly (EarlierOutcome | undefined)[]>;
}

/** How an earlier run is gone on with. */
export interface ResumeOptions {
  /** SHA-256 of the core: what another one has done is done anew. */
  readonly core: string;
  readonly retryFailed: boolean;
}

/** Jobs in the journal, each by its last record. */
export interface ResumeCounts {
  done: number;
  failed: number;
  ofAnotherCore: number;
}

/** Earlier runs of one core into one folder. */
export class Resume implements EarlierRuns {
  readonly #folder: string;
  readonly #options: ResumeOptions;
  readonly #jobs = new DigestTable(VALUE_WORDS);
  /** The job at hand, as the table has it; its first words are its identity's. */
  readonly #value = new Uint32Array(VALUE_WORDS);
  readonly #identity = this.#value.subarray(0, IDENTITY_WORDS);
  readonly counts: ResumeCounts = { done: 0, failed: 0, ofAnotherCore: 0 };
  readonly flaws: JournalFlaws = { damaged: 0, newer: 0 };
  readonly #gaps: JournalGaps;

  private constructor(folder: string, options: ResumeOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#gaps = new JournalGaps(options.core);
  }

  /** Reads the journal of an output folder. */
  static async load(folder: string, options: ResumeOptions): Promise<Resume> {
    const resume = new Resume(folder, options);
    const path = journalIn(folder);
    try {
      await readJournal(path, {
        onRecord: (record, at) => resume.#onRecord(record, at),
        onUnrecorded: (core) => resume.#gaps.onUnrecorded(core),
        onFlaw: (kind) => resume.#onFlaw(kind),
      });
    } catch (cause) {
      throw new SinkError(
        `Cannot read the journal "${path}": ${reasonOf(cause)}; --fresh begins a new one`,
        { cause },
      );
    }
    resume.#gaps.onEnd();
    resume.#count();
    return resume;
  }

  /** How many jobs will not run, if the inputs are the same. */
  get expected(): number {
    return this.counts.done + (this.#options.retryFailed ? 0 : this.counts.failed);
  }

  async outcomesOf(
    inputs: readonly IdentifiedInput[],
  ): Promise<(EarlierOutcome | undefined)[]> {
    const outcomes: (EarlierOutcome | undefined)[] = [];
    for (let first = 0; first < inputs.length; first += LOOKS_AT_ONCE) {
      const some = inputs.slice(first, first + LOOKS_AT_ONCE);
      outcomes.push(...await Promise.all(some.map((input) => this.#outcomeOf(input))));
    }
    return outcomes;
  }

  /** A job whose record and output contradict each other runs: one of the two is not what it was. */
  #outcomeOf({ name, identity }: IdentifiedInput): Promise<EarlierOutcome | undefined> | undefined {
    const job = this.#jobs.get(name);
    if (!job) return undefined;
    const { state, isCertain, crc } = this.#meaningOf(job);
    digestInto(this.#identity, identity);
    const isSame = this.#identity.every((word, index) => word === job[index]);
    if (!isSame || state === OF_ANOTHER_CORE) return undefined;
    const number = (job[HIGH] as number) * WORD + (job[LOW] as number);
    if (state === DONE) {
      return this.#ifOutputIs(name, number, isCertain ? undefined : crc, { state: "done" });
    }
    if (this.#options.retryFailed) return undefined;
    const reason = () => this.#reasonAt(number);
    return this.#ifOutputIs(name, undefined, undefined, { state: "failed", reason });
  }

  #meaningOf(job: Uint32Array): { state: number; isCertain: boolean; crc: number } {
    const word = job[STATE] as number;
    const isCertain = Math.floor(word / STATES) === this.#gaps.count;
    return { state: word % STATES, isCertain, crc: job[CRC] as number };
  }

  /** The outcome if the output has that size, or is not there for `undefined`, and that checksum if one is given. */
  async #ifOutputIs(
    name: string,
    size: number | undefined,
    crc: number | undefined,
    outcome: EarlierOutcome,
  ): Promise<EarlierOutcome | undefined> {
    const path = join(this.#folder, name);
    const info = await lstat(path).catch(() => undefined);
    if ((info?.isFile() ? info.size : undefined) !== size) return undefined;
    if (crc === undefined) return outcome;
    return await checksumOfFile(path).catch(() => undefined) === crc ? outcome : undefined;
  }

  async #reasonAt(at: number): Promise<string> {
    const record = await readRecordAt(journalIn(this.#folder), at).catch(() => undefined);
    return record?.error ?? "it failed in an earlier run, whose record cannot be read any more";
  }

  #onRecord(record: ReadRecord, at: number): void {
    const { input, identity, state, attempt, bytesOut, crcOut, core } = record;
    this.#gaps.onRecord();
    // One that was never sent says nothing about the core, and is tried again in any case.
    if (identity === undefined || attempt === 0) return;
    const isOurs = core === this.#options.core;
    const number = state === "done" ? bytesOut : at;
    if (isOurs) digestInto(this.#identity, identity);
    const meaning = !isOurs ? OF_ANOTHER_CORE : state === "done" ? DONE : FAILED;
    this.#value[STATE] = this.#gaps.count * STATES + meaning;
    this.#value[HIGH] = Math.floor(number / WORD);
    this.#value[LOW] = number % WORD;
    this.#value[CRC] = crcOut === undefined ? 0 : parseInt(crcOut, 16);
    this.#jobs.set(input, this.#value);
  }

  #onFlaw(kind: keyof JournalFlaws): void {
    this.flaws[kind] += 1;
    if (kind === "damaged") this.#gaps.onDamaged();
    else this.#gaps.onNewer();
  }

  #count(): void {
    for (const job of this.#jobs.values()) {
      const { state } = this.#meaningOf(job);
      if (state === DONE) this.counts.done += 1;
      else if (state === FAILED) this.counts.failed += 1;
      else this.counts.ofAnotherCore += 1;
    }
  }
}
