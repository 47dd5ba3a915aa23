/** What the workers of a run are doing at one moment, for people who ask. */

import type { EndpointId } from "../../pool/ids.ts";
import type { Pool } from "../../pool/pool.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { Task } from "./task.ts";

/** One worker. */
export interface WorkerSnapshot {
  readonly name: string;
  readonly slots: number;
  /** How many of its slots have a job, as far as the run knows. */
  readonly slotsBusy: number;
  /** Since it connected. */
  readonly jobsPerSecond: number;
  readonly isDraining: boolean;
}

/** A job that runs. */
export interface RunningJob<T extends Task> {
  readonly task: T;
  /** The name of its worker. */
  readonly worker: string;
  readonly sentMsAgo: number;
}

/** The workers of a run, and the jobs that run longest, the longest first. */
export interface Snapshot<T extends Task> {
  readonly workers: readonly WorkerSnapshot[];
  readonly oldest: readonly RunningJob<T>[];
}

/** Looks at all endpoints. Gives at most `jobsMax` jobs. */
export function snapshotOf<T extends Task>(
  endpoints: Iterable<{ readonly id: EndpointId; readonly worker: ConnectedWorker }>,
  pool: Pool<T>,
  nowMs: number,
  jobsMax: number,
): Snapshot<T> {
  const workers: WorkerSnapshot[] = [];
  const running: RunningJob<T>[] = [];
  for (const { id, worker } of endpoints) {
    const slots = pool.slotsAt(id);
    const jobs = pool.jobsAt(id).slice(0, slots); // the others wait behind them
    workers.push({
      name: worker.name,
      slots,
      slotsBusy: jobs.length,
      jobsPerSecond: 1000 * worker.answers / Math.max(1, nowMs - worker.connectedAtMs),
      isDraining: worker.state.kind === "draining",
    });
    for (const { payload: task, sentAtMs } of jobs) {
      running.push({ task, worker: worker.name, sentMsAgo: nowMs - sentAtMs });
    }
  }
  const oldest = running.sort((one, other) => other.sentMsAgo - one.sentMsAgo).slice(0, jobsMax);
  return { workers, oldest };
}
