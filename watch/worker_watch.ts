/** Watches a worker for those who look at it from outside: it counts once a second, and makes a snapshot when asked. */

import { boundedStatus, type WorkerStatus } from "../protocol/mod.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { LogLines } from "./log_lines.ts";
import { SNAPSHOT_VERSION, type WorkerSnapshot } from "./snapshot.ts";
import { SAMPLE_MS, ThroughputSeries } from "./throughput.ts";

/** What does not change. */
export type WorkerFacts = Pick<
  WorkerSnapshot,
  "software" | "runtime" | "platform" | "name" | "pid" | "memoryBytes"
>;

/** What is watched of a worker. */
export interface WatchedWorker {
  readonly status: WorkerStatus;
}

/** Makes snapshots of one worker, until it is stopped. */
export class WorkerWatch {
  readonly #worker: WatchedWorker;
  readonly #facts: WorkerFacts;
  readonly #clock: Clock;
  readonly #log: Pick<LogLines, "all">;
  readonly #startedAt: number;
  readonly #startedAtMs: number;
  readonly #series: ThroughputSeries;
  readonly #timer: Timer;

  constructor(
    worker: WatchedWorker,
    facts: WorkerFacts,
    clock: Clock,
    log: Pick<LogLines, "all">,
  ) {
    this.#worker = worker;
    this.#facts = facts;
    this.#clock = clock;
    this.#log = log;
    this.#startedAt = clock.date();
    this.#startedAtMs = clock.now();
    this.#series = new ThroughputSeries(this.#startedAt);
    this.#timer = clock.every(SAMPLE_MS, () => this.#sample(worker.status));
  }

  stop(): void {
    this.#timer.stop();
  }

  snapshot(): WorkerSnapshot {
    const { status } = this.#worker;
    this.#sample(status);
    return {
      v: SNAPSHOT_VERSION,
      kind: "worker",
      at: this.#clock.date(),
      ...this.#facts,
      startedAt: this.#startedAt,
      ...boundedStatus(status),
      throughput: this.#series.all,
      log: this.#log.all,
    };
  }

  #sample({ jobs, slots, slotsBusy }: WatchedWorker["status"]): void {
    this.#series.onSample({ ...jobs, slots, slotsBusy }, this.#clock.now() - this.#startedAtMs);
  }
}
