/** What earlier runs into the same folder have done already, as their journal and the outputs say. */

import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { checksumOfFile } from "./checksum.ts";
import { digestInto, DigestTable } from "./digest_table.ts";
import { SinkError } from "./directory_sink.ts";
import { journalIn } from "./journal.ts";
import { JournalGaps } from "./journal_gaps.ts";
import { type JournalFlaws, readJournal, readRecordAt } from "./journal_reader.ts";
import { jobOf, type JobRecord, type ReadRecord } from "./journal_record.ts";
import { reasonOf } from "../../runtime/error_text.ts";

/** Outputs looked at at once: enough to hide a file server's answer times. */
const LOOKS_AT_ONCE = 16;

/**
 * What is kept of a job, in words: which state of its input, what became of it, where its record is, and of
 * its output the size and the checksum. With the digest of its name that is 44 bytes, however long its
 * record is.
 */
const VALUE_WORDS = 8;
const IDENTITY_WORDS = 2;
const [STATE, PLACE, SIZE, CRC] = [2, 3, 5, 7];
const WORD = 2 ** 32;

/** What became of a job, by its last record. */
const DONE = 1;
const FAILED = 2;
const OF_ANOTHER_CORE = 3;

/** With the state goes the stretch of the journal that the record is in. */
const STATES = 4;

/** Which state of which input. */
export interface IdentifiedInput {
  readonly name: string;
  readonly identity: string;
}

/** How a job has ended in an earlier run. */
export type EarlierOutcome =
  /** `again`: its record, which was doubted until its output was looked at, and is now to be repeated. */
  | { readonly state: "done"; readonly again?: JobRecord }
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
  readonly #gaps = new JournalGaps();

  private constructor(folder: string, options: ResumeOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Reads the journal of an output folder. */
  static async load(folder: string, options: ResumeOptions): Promise<Resume> {
    const resume = new Resume(folder, options);
    const path = journalIn(folder);
    try {
      await readJournal(path, {
        onRecord: (record, at) => resume.#onRecord(record, at),
        onRun: (event) => resume.#gaps.onRun(event),
        onFlaw: (kind) => resume.#onFlaw(kind),
      });
    } catch (cause) {
      throw new SinkError(
        `Cannot read the journal "${path}": ${reasonOf(cause)}; --fresh begins a new one`,
        { cause },
      );
    }
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
    const [place, size] = [numberAt(job, PLACE), numberAt(job, SIZE)];
    if (state === DONE) return this.#ifDone(name, size, isCertain ? undefined : { crc, place });
    if (this.#options.retryFailed) return undefined;
    return this.#ifFailed(name, place);
  }

  #meaningOf(job: Uint32Array): { state: number; isCertain: boolean; crc: number } {
    const word = job[STATE] as number;
    const isCertain = this.#gaps.isCertain(Math.floor(word / STATES));
    return { state: word % STATES, isCertain, crc: job[CRC] as number };
  }

  /** Done, if the output has that size and, where the record at `place` is in doubt, that checksum. */
  async #ifDone(
    name: string,
    size: number,
    doubt: { crc: number; place: number } | undefined,
  ): Promise<EarlierOutcome | undefined> {
    if (await this.#sizeOf(name) !== size) return undefined;
    if (!doubt) return { state: "done" };
    const found = await checksumOfFile(join(this.#folder, name)).catch(() => undefined);
    if (found !== doubt.crc) return undefined;
    const again = await this.#recordAt(doubt.place);
    return again ? { state: "done", again: jobOf(again) } : { state: "done" };
  }

  /** Failed, if there is no output. */
  async #ifFailed(name: string, place: number): Promise<EarlierOutcome | undefined> {
    if (await this.#sizeOf(name) !== undefined) return undefined;
    return { state: "failed", reason: () => this.#reasonAt(place) };
  }

  /** Of a job's output; `undefined` if there is none. */
  async #sizeOf(name: string): Promise<number | undefined> {
    const info = await lstat(join(this.#folder, name)).catch(() => undefined);
    return info?.isFile() ? info.size : undefined;
  }

  async #reasonAt(place: number): Promise<string> {
    const record = await this.#recordAt(place);
    return record?.error ?? "it failed in an earlier run, whose record cannot be read any more";
  }

  #recordAt(place: number): Promise<ReadRecord | undefined> {
    return readRecordAt(journalIn(this.#folder), place).catch(() => undefined);
  }

  #onRecord(record: ReadRecord, at: number): void {
    const { input, identity, state, attempt, bytesOut, crcOut, core } = record;
    // One that was never sent says nothing about the core, and is tried again in any case.
    if (identity === undefined || attempt === 0) return;
    const isOurs = core === this.#options.core;
    if (isOurs) digestInto(this.#identity, identity);
    const meaning = !isOurs ? OF_ANOTHER_CORE : state === "done" ? DONE : FAILED;
    this.#value[STATE] = this.#gaps.stretch * STATES + meaning;
    setNumber(this.#value, PLACE, at);
    setNumber(this.#value, SIZE, bytesOut);
    this.#value[CRC] = crcOut === undefined ? 0 : parseInt(crcOut, 16);
    this.#jobs.set(input, this.#value);
  }

  #onFlaw(kind: keyof JournalFlaws): void {
    this.flaws[kind] += 1;
    this.#gaps.onFlaw();
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

function numberAt(words: Uint32Array, index: number): number {
  return (words[index] as number) * WORD + (words[index + 1] as number);
}

function setNumber(words: Uint32Array, index: number, value: number): void {
  words[index] = Math.floor(value / WORD);
  words[index + 1] = value % WORD;
}
