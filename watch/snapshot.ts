/**
 * What a run or a worker is doing at one moment, as plain JSON: what `distcomp status --json`, `/api/snapshot` and the
 * page show. Fields may be added within a version; readers ignore those that they do not know. Times are milliseconds
 * since 1970. Texts are as the system, inputs and workers gave them: whoever shows them makes them harmless.
 */

import type { CopyCounts } from "../controller/cluster/copy_counts.ts";
import type { Faults } from "../controller/cluster/job_policy.ts";
import type { VerifiedCounts } from "../controller/cluster/verified_counts.ts";
import type { MeasuredTimes } from "../controller/measured_times.ts";
import type { RunEnd, RunEnding } from "../controller/output/journal/run_ending.ts";
import type { WorkerStatus } from "../protocol/mod.ts";

/** The version of the format. */
export const SNAPSHOT_VERSION = 1;

/** The most workers that a snapshot lists: those with most slots busy. `workersTotal` counts all. */
export const WORKERS_MAX = 1_000;

/** The most jobs that a snapshot lists for all workers together: some hundred kilobytes of JSON. */
export const WORKER_JOBS_MAX = 4_096;

/** The most jobs in the list of those that run longest. */
export const RUNNING_MAX = 50;

/** The most lines of the log. */
export const LOG_LINES_MAX = 200;

/** The most points of a series. When it is full, two of its points become one. */
export const THROUGHPUT_POINTS_MAX = 600;

/** The most characters of a text: a name, a reason, or a line of the log. */
export const TEXT_CHARS_MAX = 500;

/** A run. */
export interface RunSnapshot {
  readonly v: typeof SNAPSHOT_VERSION;
  readonly kind: "run";
  /** When it was taken. */
  readonly at: number;
  /** `distcomp 0.1.0` */
  readonly software: string;
  /** `deno 2.9.6` */
  readonly runtime: string;
  readonly host: string;
  readonly pid: number;
  readonly core: CoreEntry;
  /** The folder or the pack with the outputs, an absolute path. */
  readonly output: string;
  /** Where workers connect to it: `0.0.0.0:7433`. Missing if they cannot, and with a port that the system has chosen. */
  readonly listen?: string;
  readonly startedAt: number;
  /** How long it has run, without the time in which it was suspended. */
  readonly elapsedMs: number;
  readonly phase: RunPhase;
  /** How it has ended, in its last snapshot. */
  readonly ending: RunEnding | null;
  /** What the run waits for, if it is not for its slots to compute: `workers: none is connected`. */
  readonly waitsFor: string | null;
  readonly jobs: RunJobs;
  /** Second copies of stragglers: those that were started, that have ended their job, and that run now. */
  readonly copies: CopyCounts;
  /** What jobs took in the core, as their slots have measured it; `null` as long as none was measured. */
  readonly times: MeasuredTimes | null;
  /** What `--verify` has found; `null` in a run that verifies nothing. */
  readonly verified: VerifiedCounts | null;
  /** Attempts that have failed, by kind: the job may have been done by another one. */
  readonly faults: Faults;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Over the last ten seconds, or over the last twenty jobs where they are seldom. */
  readonly jobsPerSecond: number;
  /** How long it will take at this rate; `null` if nobody knows. */
  readonly leftMs: number | null;
  readonly slots: number;
  /** Slots that have a job. */
  readonly slotsBusy: number;
  /** The part of the slots' time in which they had a job, since the first worker connected: 0 to 1. */
  readonly busyPart: number;
  readonly throughput: Throughput;
  readonly workersTotal: number;
  readonly workers: readonly WorkerEntry[];
  /** Workers that were lost and have not come back. */
  readonly lostTotal: number;
  /** The 50 latest of them, the latest first. */
  readonly lost: readonly LostEntry[];
  /** The jobs that run longest, the oldest first. */
  readonly running: readonly RunningEntry[];
  /** Failed jobs by reason, the most frequent first. */
  readonly failures: readonly FailureEntry[];
  /** The last lines, the newest last. */
  readonly log: readonly LogEntry[];
}

/**
 * `starting`: no job has begun. `draining`: it starts no more jobs, and waits for those that run. `ending`: it waits for
 * no more jobs, and closes its outputs.
 */
export type RunPhase = "starting" | "running" | "draining" | "ending";

/** The jobs of a run. */
export interface RunJobs {
  /** `null` until the inputs are counted. */
  readonly total: number | null;
  readonly done: number;
  readonly failed: number;
  /** Those among `done` and `failed` that earlier runs have finished. */
  readonly skipped: number;
  /** Those that have a slot, or several. */
  readonly running: number;
  /** Those that are known and not running. More may come while `total` is `null`. */
  readonly waiting: number;
}

/** A core. */
export interface CoreEntry {
  /** Its file's name. */
  readonly name: string;
  readonly sha256: string;
}

/** `set aside`: it has failed jobs that ran elsewhere, and gets none for now. `on trial`: it gets one, which decides. */
export type WorkerEntryState = "ready" | "loading" | "draining" | "set aside" | "on trial";

/** A worker of a run: a node with its slots. */
export interface WorkerEntry {
  /** The name of its node, with a number if another worker of the run has the same; or where it is. */
  readonly name: string;
  readonly address: string;
  readonly state: WorkerEntryState;
  /** The version of the protocol that is spoken with it. */
  readonly protocol: number;
  /** Its software and its platform; missing with version 1. */
  readonly software?: string;
  readonly platform?: string;
  /** An estimate with version 1. */
  readonly slots: number;
  readonly slotsBusy: number;
  /** How many jobs it has answered since it connected. */
  readonly answered: number;
  /** Over the last ten seconds, or over its last twenty jobs. */
  readonly jobsPerSecond: number;
  readonly connectedAt: number;
  /** The jobs in its slots, as far as the run knows, the oldest first. Fewer than `slotsBusy` where there are many. */
  readonly jobs: readonly SlotJob[];
}

/** A worker that was lost. */
export interface LostEntry {
  readonly name: string;
  readonly address: string;
  readonly lostAt: number;
  readonly reason: string;
  /** The jobs that it had, which run elsewhere. */
  readonly jobs: number;
}

/** A job in a slot. */
export interface SlotJob {
  readonly name: string;
  readonly attempt: number;
  /** When the run sent it to the worker. */
  readonly sentAt: number;
  /** When it began there, as far as the worker's answers tell: it may have waited for another job. */
  readonly beganAt: number;
}

/** A job that runs. */
export interface RunningEntry extends SlotJob {
  /** The name and the address of its worker. */
  readonly worker: string;
  readonly address: string;
}

/** Jobs that have failed for one reason. */
export interface FailureEntry {
  readonly reason: string;
  readonly jobs: number;
  /** The first of them. */
  readonly names: readonly string[];
}

/** A line of a log. `printed`: a core has printed it. */
export interface LogEntry {
  readonly at: number;
  readonly level: "info" | "warning" | "printed";
  readonly text: string;
}

/** How many jobs have ended in each interval from `startedAt` on. The last interval goes on. */
export interface Throughput {
  readonly startedAt: number;
  /** The length of each interval. It doubles when there are too many. */
  readonly everyMs: number;
  readonly done: readonly number[];
  readonly failed: readonly number[];
  /** Slots, and slots with a job, on average in the interval. */
  readonly slots: readonly number[];
  readonly slotsBusy: readonly number[];
}

/** A worker, as it answers those who ask it. */
export interface WorkerAnswer extends WorkerStatus {
  readonly v: typeof SNAPSHOT_VERSION;
  readonly kind: "worker";
  readonly at: number;
  readonly software: string;
  /** `linux-x86_64` */
  readonly platform: string;
  /** The name of its node. */
  readonly name: string;
  readonly memoryBytes: number;
}

/** A worker, as its page shows it. */
export interface WorkerSnapshot extends WorkerAnswer {
  readonly runtime: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly throughput: Throughput;
  /** The last lines, the newest last. */
  readonly log: readonly LogEntry[];
}

/** Either of them. */
export type Snapshot = RunSnapshot | WorkerSnapshot;

/** A run that is over, from what its journal says. */
export interface PastRun {
  readonly v: typeof SNAPSHOT_VERSION;
  readonly kind: "past";
  /** The folder or the pack with the outputs, an absolute path. */
  readonly output: string;
  /**
   * `complete`: each input has a result, or has failed. `interrupted`: by a signal. `time limit`, `failures`, `no
   * worker`, `error`: what it was that has ended the run early. `killed`: it has not ended in order, so its last
   * records may be missing. `unknown`: they may, too, as it could not write its end, or was killed and somebody has
   * removed its lock. `ended`: it was of a build before 0.1.0, which does not say more.
   */
  readonly end: RunEnd | "killed" | "unknown" | "ended";
  /** The inputs that have neither a result nor failed; `null` if that is not recorded. */
  readonly left: number | null;
  /** Why it has ended with an `error`, if that is recorded. */
  readonly error?: string;
  /** The jobs that have a result, in this run or in earlier ones; of one that is `complete`, only its own. */
  readonly jobs: { readonly done: number; readonly failed: number };
  /** The jobs of the last run that failed because their input could not be used. Every run tries them again. */
  readonly unread: number;
  /** Further outputs that are there: of inputs that the last run did not have, or could not use. */
  readonly otherOutputs: number;
  /** Jobs among `failures` that are not among those in `jobs`: of inputs that the last run did not have. */
  readonly otherFailures: number;
  readonly failures: readonly FailureEntry[];
  /** Lines of the journal that cannot be read. */
  readonly damagedLines: number;
}
