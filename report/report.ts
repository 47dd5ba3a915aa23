/** What a report says: plain data, of a size that does not grow with the number of jobs. */

import type { FailedJobs } from "./failure_group.ts";
import type { LogHistogram } from "../system/log_histogram.ts";
import type { Missing } from "./missing_attempts.ts";
import type { NodeFacts } from "./nodes.ts";
import type { RunSpan } from "./run_times.ts";
import type { SlotRow } from "./slot_rows.ts";

/** A job that is listed by name. */
export interface ListedJob {
  readonly name: string;
  readonly isDone: boolean;
  readonly runMs: number;
  readonly cpuMs: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly node: string | undefined;
  readonly slot: number | undefined;
  /** When it ended, in the report. */
  readonly endedAtMs: number | undefined;
}

/** A job in the timeline. */
export interface JobSpan {
  readonly name: string;
  /** The `number` of its slot's row. */
  readonly row: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly isDone: boolean;
}

/** Amounts over time, in bins of one width. */
export interface TimeSeries {
  readonly widthMs: number;
  /** Jobs that ended. */
  readonly done: Float64Array;
  readonly failed: Float64Array;
  /** Slots that ran a job × milliseconds, and CPU time. */
  readonly busyMs: Float64Array;
  readonly cpuMs: Float64Array;
  /** Slots that were there × milliseconds. */
  readonly capacityMs: Float64Array;
  /** Jobs whose input was read and that did not run yet × milliseconds. */
  readonly waitingMs: Float64Array;
}

/** What is known of the jobs' times. */
export interface Knowledge {
  /** Records: a job that ran again has several. */
  readonly records: number;
  /** Records with the time at which the job had ended. */
  readonly ended: number;
  /** Records with the times at which the core began and returned. */
  readonly timed: number;
  /** Records with a slot. */
  readonly placed: number;
  /** Records with a CPU time; with a peak of memory. */
  readonly withCpu: number;
  readonly withMemory: number;
  /** Records whose `runMs` contains waiting: they are of a build before 0.1.0. */
  readonly unmeasured: number;
  /** Whether the journal says for each run that ran jobs when workers joined and left. */
  readonly hasWorkers: boolean;
}

/** The flaws of the journal: lines that cannot be used. */
export interface Flaws {
  readonly damaged: number;
  readonly newer: number;
}

/** A report. Times are in milliseconds from the beginning of the first run, without what was between runs. */
export interface Report {
  readonly done: number;
  readonly failed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly lengthMs: number;
  readonly runs: readonly RunSpan[];
  readonly runCount: number;
  readonly knowledge: Knowledge;
  readonly missing: Missing;
  readonly flaws: Flaws;
  readonly series: TimeSeries;
  readonly rows: readonly SlotRow[];
  /** Jobs of slots for which there was no place. */
  readonly jobsWithoutRow: number;
  /** Each job of the timeline, if there are few. */
  readonly spans: readonly JobSpan[] | undefined;
  readonly runTimes: LogHistogram;
  readonly failedTimes: LogHistogram;
  readonly memory: LogHistogram;
  readonly longest: readonly ListedJob[];
  readonly largest: readonly ListedJob[];
  /** The job that ended last. */
  readonly lastEnded: ListedJob | undefined;
  readonly failures: readonly FailedJobs[];
  /** Failed jobs in none of these groups. */
  readonly failuresLeftOut: number;
  /** Failed jobs by their kind. */
  readonly causes: ReadonlyMap<string, number>;
  readonly nodes: readonly NodeFacts[];
  /** The time of all slots that ran a job, the time of those that were there, and the most at once. */
  readonly busyMs: number;
  readonly capacityMs: number;
  readonly slotsMax: number;
  /** How long there was no worker, behind the first one of each run. */
  readonly lackMs: number;
  /** Whether runs had no other workers than those that they have started themselves. */
  readonly isOnThisMachine: boolean;
  readonly cpuMs: number;
  /** The time in the core of the jobs whose CPU time is known. */
  readonly cpuRunMs: number;
  readonly waitingMs: number;
}
