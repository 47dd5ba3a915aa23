/** What the workers of a run are doing at one moment, for people who ask. */

import type { EndpointId } from "../../pool/ids.ts";
import type { Pool } from "../../pool/pool.ts";
import type { WorkerDescription } from "../../protocol/mod.ts";
import type { RecentRate } from "../../system/recent_rate.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { LostWorker } from "./lost_workers.ts";
import type { Node, Standing } from "./node.ts";
import type { Task } from "./cluster_types.ts";

/** One worker. */
export interface WorkerView<T extends Task> {
  /** What messages call it. */
  readonly name: string;
  /** The name of its node in this run, as the journal has it. */
  readonly node: string;
  /** The version of the protocol that is spoken with it. */
  readonly protocol: number;
  /** Missing with version 1. */
  readonly description: WorkerDescription | undefined;
  readonly slots: number;
  /** How many of its slots have a job, as far as the run knows. */
  readonly slotsBusy: number;
  /** Jobs since it connected. */
  readonly answered: number;
  /** In the last seconds. */
  readonly jobsPerSecond: number;
  readonly connectedMsAgo: number;
  readonly isDraining: boolean;
  /** Whether some of its slots load the core. */
  readonly isLoading: boolean;
  readonly standing: Standing["kind"];
  /** The first of the jobs in its slots, as far as the run knows, the oldest first. */
  readonly jobs: readonly RunningJob<T>[];
}

/** A job that runs. */
export interface RunningJob<T extends Task> {
  readonly task: T;
  readonly attempt: number;
  /** The `name` of its worker. */
  readonly worker: string;
  readonly sentMsAgo: number;
  /** Without the time in which it waited at its worker for another job, as far as the worker's answers tell. */
  readonly beganMsAgo: number;
}

/** The workers of a run, those that it has lost, and the jobs that run longest, the longest first. */
export interface ClusterView<T extends Task> {
  readonly workers: readonly WorkerView<T>[];
  /** The latest of them, the latest first. */
  readonly lost: readonly LostWorker[];
  readonly oldest: readonly RunningJob<T>[];
}

/** How much a view shows. */
export interface ViewLimits {
  /** The most of the jobs that run longest. */
  readonly oldestMax: number;
  /** The most jobs of all workers together. */
  readonly workerJobsMax: number;
}

/** What a view needs of an endpoint. */
interface ViewedEndpoint {
  readonly id: EndpointId;
  readonly worker: ConnectedWorker;
  readonly node: Node;
  readonly rate: RecentRate;
}

/** The view of all endpoints. */
export function viewOf<T extends Task>(
  endpoints: readonly ViewedEndpoint[],
  pool: Pool<T>,
  nowMs: number,
  { oldestMax, workerJobsMax }: ViewLimits,
): Omit<ClusterView<T>, "lost"> {
  const workers: WorkerView<T>[] = [];
  const oldest: RunningJob<T>[] = [];
  const jobsMax = Math.floor(workerJobsMax / Math.max(1, endpoints.length));
  for (const { id, worker, node, rate } of endpoints) {
    const { name } = worker;
    const slots = pool.slotsAt(id);
    const running = pool.inSlotsAt(id).map((job): RunningJob<T> => {
      const { payload: task, attempt, sentAtMs, beganAtMs } = job;
      const times = { sentMsAgo: nowMs - sentAtMs, beganMsAgo: nowMs - beganAtMs };
      return { task, attempt, worker: name, ...times };
    });
    const jobs = running.slice(0, jobsMax);
    const standing = node.standing.kind;
    const jobsPerSecond = rate.perSecond(worker.answers, nowMs);
    const known = { slots, slotsBusy: running.length, standing, jobs, jobsPerSecond };
    workers.push({ ...factsOf(worker, nowMs), ...known });
    oldest.push(...running.slice(0, oldestMax));
  }
  oldest.sort((one, other) => other.beganMsAgo - one.beganMsAgo);
  return { workers, oldest: oldest.slice(0, oldestMax) };
}

type WorkerFacts = Omit<
  WorkerView<Task>,
  "slots" | "slotsBusy" | "standing" | "jobs" | "jobsPerSecond"
>;

function factsOf(worker: ConnectedWorker, nowMs: number): WorkerFacts {
  const { name, node, connection, state, answers: answered, connectedAtMs } = worker;
  return {
    name,
    node,
    protocol: connection.version,
    description: "description" in state ? state.description : undefined,
    answered,
    connectedMsAgo: nowMs - connectedAtMs,
    isDraining: state.kind === "draining",
    isLoading: (connection.load?.slotsLoading ?? 0) > 0,
  };
}
