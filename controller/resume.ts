/** What earlier runs into the same folder have done already, as their journal and the outputs say. */

import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { digestInto, DigestTable } from "./digest_table.ts";
import { SinkError } from "./directory_sink.ts";
import { journalIn } from "./journal.ts";
import { type JournalFlaws, readJournal, readRecordAt } from "./journal_reader.ts";
import type { ReadRecord } from "./journal_record.ts";
import { reasonOf } from "./system_error.ts";

/** Outputs looked at at once: enough to hide a file server's answer times. */
const LOOKS_AT_ONCE = 16;

/**
 * What is kept of a job: two words that say of which state of its input, one for what became of it, two for
 * a number. With the digest of its name that is 32 bytes, however long its record is.
 */
const VALUE_WORDS = 5;
const IDENTITY_WORDS = 2;
const [STATE, HIGH, LOW] = [2, 3, 4];
const WORD = 2 ** 32;

/** The last record of a job, in the table: a done one's number is its output's size, a failed one's its place. */
const DONE = 1;
const FAILED = 2;
const OF_ANOTHER_CORE = 3;

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
  flaws: Readonly<JournalFlaws> = { damaged: 0, newer: 0 };

  private constructor(folder: string, options: ResumeOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Reads the journal of an output folder. */
  static async load(folder: string, options: ResumeOptions): Promise<Resume> {
    const resume = new Resume(folder, options);
    const path = journalIn(folder);
    try {
      resume.flaws = await readJournal(path, (record, at) => resume.#onRecord(record, at));
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
    const state = job[STATE];
    digestInto(this.#identity, identity);
    const isSame = this.#identity.every((word, index) => word === job[index]);
    if (!isSame || state === OF_ANOTHER_CORE) return undefined;
    const number = (job[HIGH] as number) * WORD + (job[LOW] as number);
    if (state === DONE) return this.#ifOutputHas(name, number, { state: "done" });
    if (this.#options.retryFailed) return undefined;
    const reason = () => this.#reasonAt(number);
    return this.#ifOutputHas(name, undefined, { state: "failed", reason });
  }

  /** The outcome if the output has that size, or is not there for `undefined`. */
  async #ifOutputHas(
    name: string,
    size: number | undefined,
    outcome: EarlierOutcome,
  ): Promise<EarlierOutcome | undefined> {
    const info = await lstat(join(this.#folder, name)).catch(() => undefined);
    return (info?.isFile() ? info.size : undefined) === size ? outcome : undefined;
  }

  async #reasonAt(at: number): Promise<string> {
    const record = await readRecordAt(journalIn(this.#folder), at).catch(() => undefined);
    return record?.error ?? "it failed in an earlier run, whose record cannot be read any more";
  }

  #onRecord(record: ReadRecord, at: number): void {
    const { input, identity, state, attempt, bytesOut, core } = record;
    // One that was never sent says nothing about the core, and is tried again in any case.
    if (identity === undefined || attempt === 0) return;
    const isOurs = core === this.#options.core;
    const number = state === "done" ? bytesOut : at;
    if (isOurs) digestInto(this.#identity, identity);
    this.#value[STATE] = !isOurs ? OF_ANOTHER_CORE : state === "done" ? DONE : FAILED;
    this.#value[HIGH] = Math.floor(number / WORD);
    this.#value[LOW] = number % WORD;
    this.#jobs.set(input, this.#value);
  }

  #count(): void {
    for (const job of this.#jobs.values()) {
      if (job[STATE] === DONE) this.counts.done += 1;
      else if (job[STATE] === FAILED) this.counts.failed += 1;
      else this.counts.ofAnotherCore += 1;
    }
  }
}
