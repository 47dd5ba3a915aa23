/**
 * The runs of a journal, one behind the other: a run may have been resumed days later, and a chart shows only the time
 * in which something ran.
 */

import type { RunEnding } from "../controller/output/journal/run_ending.ts";

/** Of more runs, the last ones are listed. */
const RUNS_MAX = 100;

/** Earlier runs whose times are known, to tell whether a record is the copy of another one. */
const SPANS_MAX = 1_000;

/** Clocks are read one after the other, and not all at once. */
const TOLERANCE_MS = 1_000;

/** Where lines about runs are missing, a longer break is one between two runs. */
const BREAK_MS_MIN = 60_000;

/** A run. */
export interface RunSpan {
  /** Where it begins in the report. */
  readonly atMs: number;
  /** When it began, since 1970; `undefined` if the journal does not say it. */
  readonly begunAt: number | undefined;
  /** How long it took, as far as the journal knows. */
  lengthMs: number;
  /** Whether it says that it has ended; if not, it was killed, or goes on. */
  hasEnded: boolean;
  /** How, if it says so. */
  ending?: RunEnding | undefined;
  jobs: number;
  failed: number;
}

/** From when to when something ran, by the clock. */
interface ClockSpan {
  readonly from: number;
  to: number;
}

/** Turns times of the clock into times of the report. */
export class RunTimes {
  readonly #runs: RunSpan[] = [];
  /** All runs, also those that are not in the list any more. */
  #count = 0;
  readonly #spans: ClockSpan[] = [];
  #current: RunSpan | undefined;
  /** The current run by the clock, once a time of it is known. */
  #span: ClockSpan | undefined;

  /** The length of all runs. */
  get lengthMs(): number {
    return this.#current ? this.#current.atMs + this.#current.lengthMs : 0;
  }

  get last(): RunSpan | undefined {
    return this.#current;
  }

  /** The last runs. */
  get runs(): readonly RunSpan[] {
    return this.#runs;
  }

  get count(): number {
    return this.#count;
  }

  onBegun(at: number | undefined): void {
    this.#begin(at);
  }

  onEnded(at: number | undefined, ending?: RunEnding): void {
    const run = this.#current ?? this.#begin(undefined);
    if (at !== undefined) this.at(at);
    run.hasEnded = true;
    if (ending) run.ending = ending;
  }

  /** A job that ran from `from` to `to`. Returns whether it is new: a run may copy the record of an earlier one. */
  onJobSpan(from: number, to: number): boolean {
    if (!this.#span) return true;
    if (to < this.#span.from - TOLERANCE_MS) {
      if (this.#spans.some((span) => span.from - TOLERANCE_MS <= to && to <= span.to)) return false;
      this.#beginUnsaid(); // a pack that was written anew has no lines about its earlier runs
    } else if (this.#current?.begunAt === undefined && from > this.#span.to + BREAK_MS_MIN) {
      this.#beginUnsaid();
    }
    return true;
  }

  /** A job of the current run. */
  onJob(isDone: boolean): void {
    const run = this.#current ?? this.#begin(undefined);
    run.jobs += 1;
    if (!isDone) run.failed += 1;
  }

  /** Where a time of the current run is in the report. The run is at least this long. */
  at(clockMs: number): number {
    const run = this.#current ?? this.#begin(undefined);
    const span = this.#span ??= this.#newSpan(clockMs);
    const ms = Math.max(0, clockMs - span.from);
    span.to = Math.max(span.to, clockMs);
    run.lengthMs = Math.max(run.lengthMs, ms);
    return run.atMs + ms;
  }

  /** Begins a run of which the journal says only what its jobs say. */
  #beginUnsaid(): void {
    const { jobs, lengthMs } = this.#current ?? {};
    if (jobs === 0 && lengthMs === 0) { // no run of its own: the beginning of a pack that was written anew
      this.#runs.pop();
      this.#spans.pop();
      this.#count -= 1;
    }
    this.#begin(undefined);
  }

  #begin(begunAt: number | undefined): RunSpan {
    const atMs = this.lengthMs;
    const run = { atMs, begunAt, lengthMs: 0, hasEnded: false, jobs: 0, failed: 0 };
    this.#current = run;
    this.#span = begunAt === undefined ? undefined : this.#newSpan(begunAt);
    this.#count += 1;
    if (this.#runs.length === RUNS_MAX) this.#runs.shift();
    this.#runs.push(run);
    return run;
  }

  #newSpan(from: number): ClockSpan {
    const span = { from, to: from };
    if (this.#spans.length === SPANS_MAX) this.#spans.shift();
    this.#spans.push(span);
    return span;
  }
}
