/**
 * Watches a run for those who look at it from outside. While nobody looks, it only counts once a second; a snapshot is
 * made when somebody asks.
 */

import type { WorkerView } from "../controller/cluster/cluster_view.ts";
import type { ReadyTask } from "../controller/inputs/source.ts";
import type { Run, RunStatus, RunView } from "../controller/run.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { LogLines } from "./log_lines.ts";
import { RunRate } from "./run_rate.ts";
import {
  type FailureEntry,
  type LostEntry,
  type RunJobs,
  RUNNING_MAX,
  type RunningEntry,
  type RunPhase,
  type RunSnapshot,
  SNAPSHOT_VERSION,
  TEXT_CHARS_MAX,
  WORKER_JOBS_MAX,
  type WorkerEntry,
  type WorkerEntryState,
  WORKERS_MAX,
} from "./snapshot.ts";
import { SAMPLE_MS, ThroughputSeries } from "./throughput.ts";
import { waitsFor } from "./waits_for.ts";

/** What does not change during a run. */
export type RunFacts = Pick<
  RunSnapshot,
  "software" | "runtime" | "host" | "pid" | "core" | "output" | "listen"
>;

/** What is watched of a run. */
export type WatchedRun = Pick<Run, "status" | "view">;

const VIEW_LIMITS = { oldestMax: RUNNING_MAX, workerJobsMax: WORKER_JOBS_MAX };

/** Makes snapshots of one run, until it is stopped. */
export class RunWatch {
  readonly #run: WatchedRun;
  readonly #facts: RunFacts;
  readonly #clock: Clock;
  readonly #log: Pick<LogLines, "all">;
  readonly #startedAt: number;
  readonly #series: ThroughputSeries;
  readonly #rate = new RunRate();
  readonly #timer: Timer;

  constructor(run: WatchedRun, facts: RunFacts, clock: Clock, log: Pick<LogLines, "all">) {
    this.#run = run;
    this.#facts = facts;
    this.#clock = clock;
    this.#log = log;
    this.#startedAt = Math.round(clock.date() - run.status.elapsedMs);
    this.#series = new ThroughputSeries(this.#startedAt);
    this.#timer = clock.every(SAMPLE_MS, () => this.#sample(run.status));
  }

  stop(): void {
    this.#timer.stop();
  }

  snapshot(): RunSnapshot {
    const view = this.#run.view(VIEW_LIMITS);
    const { status, workers } = view;
    const jobsPerSecond = this.#sample(status);
    const [at, clockMs] = [this.#clock.date(), this.#clock.now()];
    const slotsBusy = workers.reduce((sum, worker) => sum + worker.slotsBusy, 0);
    const jobs = jobsOf(view, Math.max(0, slotsBusy - status.copies.running));
    const names = new Map(workers.map(({ name, node }) => [name, cut(node)]));
    const shown = workers.length <= WORKERS_MAX ? workers : busiest(workers);
    return {
      v: SNAPSHOT_VERSION,
      kind: "run",
      at,
      ...this.#facts,
      startedAt: this.#startedAt,
      elapsedMs: Math.round(status.elapsedMs),
      phase: phaseOf(status),
      ending: status.ending ?? null,
      waitsFor: waitsFor(view),
      jobs,
      copies: status.copies,
      times: status.times ?? null,
      verified: status.verified ?? null,
      faults: status.faults,
      bytesIn: status.bytesIn,
      bytesOut: status.bytesOut,
      jobsPerSecond,
      leftMs: workers.length > 0 && status.phase === "running"
        ? leftMs(jobs, status.skipsLeft, jobsPerSecond)
        : null,
      slots: status.slots,
      slotsBusy,
      busyPart: status.busyPart,
      throughput: this.#series.all,
      workersTotal: workers.length,
      workers: shown.map((worker) => workerEntry(worker, at)),
      lostTotal: status.lost,
      lost: view.lost.map((worker) => lostEntry(worker, at - clockMs)),
      running: view.oldest.map((job) => runningEntry(job, names, at)),
      failures: status.failureGroups.map(failureEntry),
      log: this.#log.all,
    };
  }

  /** Counts what has ended. Returns the current rate. */
  #sample(status: RunStatus): number {
    const { done, failed, skippedDone, skippedFailed, slots, slotsBusy, elapsedMs } = status;
    const ended = { done: done - skippedDone, failed: failed - skippedFailed };
    this.#series.onSample({ ...ended, slots, slotsBusy }, elapsedMs);
    return this.#rate.of(status);
  }
}

function phaseOf({ phase, done, failed, slotsBusy }: RunStatus): RunPhase {
  return phase === "running" && done + failed + slotsBusy === 0 ? "starting" : phase;
}

function jobsOf({ status }: RunView, running: number): RunJobs {
  const { done, failed, skippedDone, skippedFailed, skipsLeft, total } = status;
  const waiting = total === undefined
    ? status.queued + Math.max(0, status.inFlight - running)
    : Math.max(0, total - done - failed - skipsLeft - running);
  return {
    total: total ?? null,
    done,
    failed,
    skipped: skippedDone + skippedFailed,
    running,
    waiting,
  };
}

function leftMs({ total, done, failed }: RunJobs, skipsLeft: number, perSecond: number) {
  if (total === null || perSecond <= 0) return null;
  return Math.round(1000 * Math.max(0, total - done - failed - skipsLeft) / perSecond);
}

function busiest(workers: RunView["workers"]): RunView["workers"] {
  return workers.toSorted((one, other) => other.slotsBusy - one.slotsBusy).slice(0, WORKERS_MAX);
}

function workerEntry(worker: WorkerView<ReadyTask>, at: number): WorkerEntry {
  const { name, node, description, protocol, slots, slotsBusy, answered, jobsPerSecond } = worker;
  const { software, platform } = description ?? {};
  return {
    name: cut(node),
    address: cut(name),
    state: stateOf(worker),
    protocol,
    ...(software === undefined ? {} : { software }),
    ...(platform === undefined ? {} : { platform }),
    slots,
    slotsBusy,
    answered,
    jobsPerSecond,
    connectedAt: Math.round(at - worker.connectedMsAgo),
    jobs: worker.jobs.map(({ task, attempt, sentMsAgo, beganMsAgo }) => ({
      name: cut(task.name),
      attempt,
      sentAt: Math.round(at - sentMsAgo),
      beganAt: Math.round(at - beganMsAgo),
    })),
  };
}

function stateOf({ isDraining, isLoading, standing }: WorkerView<ReadyTask>): WorkerEntryState {
  if (isDraining) return "draining";
  if (standing !== "used") return standing;
  return isLoading ? "loading" : "ready";
}

/** `aheadMs`: how far the wall clock is ahead. */
function lostEntry(
  { name, node, reason, goneAtMs, jobs }: RunView["lost"][number],
  aheadMs: number,
): LostEntry {
  return {
    name: cut(node),
    address: cut(name),
    lostAt: Math.round(goneAtMs + aheadMs),
    reason: cut(reason),
    jobs,
  };
}

function runningEntry(
  { task, attempt, sentMsAgo, beganMsAgo, worker: address }: RunView["oldest"][number],
  names: ReadonlyMap<string, string>,
  at: number,
): RunningEntry {
  return {
    name: cut(task.name),
    attempt,
    sentAt: Math.round(at - sentMsAgo),
    beganAt: Math.round(at - beganMsAgo),
    worker: names.get(address) ?? cut(address),
    address: cut(address),
  };
}

function failureEntry({ reason, jobs, names }: FailureEntry): FailureEntry {
  return { reason: cut(reason), jobs, names: names.map(cut) };
}

function cut(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX);
}
