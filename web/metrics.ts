/** The figures of a run or a worker, for Prometheus. */

import type { RunSnapshot, Snapshot, WorkerSnapshot } from "../watch/snapshot.ts";
import { PrometheusText as Figures } from "./prometheus_text.ts";

/** Each reason is a series of its own. Prometheus gets the most frequent ones. */
const REASONS_MAX = 20;

/** Each worker has a few series of its own. With more workers, those with most jobs have them. */
const WORKERS_MAX = 500;

/** Kinds of failed attempts, as the journal names them. */
const FAULTS = [
  ["exitCodes", "exit code"],
  ["crashes", "crash"],
  ["timeouts", "timeout"],
  ["memory", "memory"],
  ["lost", "lost"],
] as const;

/** The figures of one moment. */
export function metricsOf(snapshot: Snapshot): string {
  const figures = new Figures();
  const { software, runtime, startedAt } = snapshot;
  const name = snapshot.kind === "run" ? snapshot.host : snapshot.name;
  const about = { kind: snapshot.kind, software, runtime, node: name };
  figures.gauge("distcomp_info", "What it is; always 1", 1, about);
  figures.gauge("distcomp_start_time_seconds", "When it began, since 1970", startedAt / 1000);
  if (snapshot.kind === "run") addRun(figures, snapshot);
  else addWorker(figures, snapshot);
  return figures.text;
}

function addRun(figures: Figures, snapshot: RunSnapshot): void {
  const { jobs, leftMs, workers } = snapshot;
  figures.counter("distcomp_jobs_done_total", "Jobs that are done", jobs.done);
  figures.counter("distcomp_jobs_failed_total", "Jobs that have failed", jobs.failed);
  figures.gauge("distcomp_jobs_waiting", "Jobs that wait for a slot", jobs.waiting);
  figures.gauge("distcomp_slots", "Slots", snapshot.slots);
  figures.gauge("distcomp_slots_busy", "Slots that have a job", snapshot.slotsBusy);
  if (jobs.total !== null) {
    figures.gauge("distcomp_jobs_expected", "All jobs of the run", jobs.total);
  }
  figures.gauge("distcomp_jobs_running", "Jobs that run", jobs.running);
  figures.gauge("distcomp_jobs_skipped", "Jobs that earlier runs have finished", jobs.skipped);
  figures.counter("distcomp_input_bytes_total", "Bytes of inputs sent", snapshot.bytesIn);
  figures.counter("distcomp_output_bytes_total", "Bytes of outputs received", snapshot.bytesOut);
  figures.counter("distcomp_run_seconds_total", "Time that it has run", snapshot.elapsedMs / 1000);
  if (leftMs !== null) {
    figures.gauge("distcomp_left_seconds", "How long it will take at this rate", leftMs / 1000);
  }
  figures.gauge("distcomp_workers", "Workers that are connected", snapshot.workersTotal);
  figures.gauge(
    "distcomp_workers_lost",
    "Workers that were lost and have not come back",
    snapshot.lostTotal,
  );
  addTimes(figures, snapshot);
  addAttempts(figures, snapshot);
  for (const { name, address, slots, slotsBusy, answered } of workers.slice(0, WORKERS_MAX)) {
    const labels = { worker: name, address };
    figures.gauge("distcomp_worker_slots", "Slots of a worker", slots, labels);
    figures.gauge(
      "distcomp_worker_slots_busy",
      "Slots of a worker that have a job",
      slotsBusy,
      labels,
    );
    figures.counter(
      "distcomp_worker_jobs_total",
      "Jobs that a worker has answered",
      answered,
      labels,
    );
  }
  for (const { reason, jobs } of snapshot.failures.slice(0, REASONS_MAX)) {
    figures.gauge("distcomp_failures", "Failed jobs by reason", jobs, { reason });
  }
}

/** What jobs took in the core. */
function addTimes(figures: Figures, { times }: RunSnapshot): void {
  if (!times) return;
  const help = "How long jobs took in the core: so many of them no longer than this";
  for (
    const [quantile, ms] of [["0.5", times.medianMs], ["0.95", times.p95Ms], [
      "1",
      times.maxMs,
    ]] as const
  ) {
    figures.gauge("distcomp_job_seconds", help, ms / 1000, { quantile });
  }
}

/** What a run does beyond one attempt for each job. */
function addAttempts(figures: Figures, { copies, verified, faults }: RunSnapshot): void {
  for (const [name, kind] of FAULTS) {
    figures.counter("distcomp_failed_attempts_total", "Attempts that have failed", faults[name], {
      kind,
    });
  }
  figures.counter("distcomp_copies_total", "Second copies of stragglers", copies.started);
  figures.counter("distcomp_copies_won_total", "Copies that have ended their job", copies.won);
  figures.gauge("distcomp_copies_running", "Copies that run", copies.running);
  if (!verified) return;
  const { agreed, split, outvoted } = verified;
  const help = "Jobs that two workers have run, by whether their outputs agree";
  figures.counter("distcomp_verified_jobs_total", help, agreed, { result: "agreed" });
  figures.counter("distcomp_verified_jobs_total", help, split, { result: "split" });
  figures.counter("distcomp_outvoted_outputs_total", "Outputs dropped as wrong", outvoted);
}

/**
 * What a worker says of itself. Its runs count the same slots, and the jobs of its attempts. So these figures have names
 * of their own: no sum over runs and workers counts anything twice.
 */
function addWorker(figures: Figures, snapshot: WorkerSnapshot): void {
  const { jobs, jobsWaiting, slots, slotsBusy, slotsBytes, controllers } = snapshot;
  figures.counter(
    "distcomp_node_attempts_done_total",
    "Attempts of this worker that are done",
    jobs.done,
  );
  figures.counter(
    "distcomp_node_attempts_failed_total",
    "Attempts of this worker that failed",
    jobs.failed,
  );
  figures.gauge(
    "distcomp_node_attempts_waiting",
    "Attempts that wait for a slot of this worker",
    jobsWaiting,
  );
  figures.gauge("distcomp_node_slots", "Slots of this worker", slots);
  figures.gauge("distcomp_node_slots_busy", "Slots of this worker that have a job", slotsBusy);
  figures.gauge(
    "distcomp_node_controllers",
    "Controllers that are connected",
    controllers.length,
  );
  figures.gauge("distcomp_node_memory_bytes", "Memory of the machine", snapshot.memoryBytes);
  figures.gauge("distcomp_node_memory_free_bytes", "Memory that is free", snapshot.memoryFreeBytes);
  if (slotsBytes !== null) {
    figures.gauge("distcomp_node_slots_memory_bytes", "Resident memory of all slots", slotsBytes);
  }
}
