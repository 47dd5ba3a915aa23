/** Watches a worker for those who look at it from outside: it counts once a second, and makes a snapshot when asked. */

import type { Clock, Timer } from "../runtime/clock.ts";
import type { LogLines } from "./log_lines.ts";
import { SNAPSHOT_VERSION, TEXT_CHARS_MAX, type WorkerSnapshot } from "./snapshot.ts";
import { SAMPLE_MS, ThroughputSeries } from "./throughput.ts";

/** A controller opens several connections, and a worker serves some hundred of them. */
const CONTROLLERS_MAX = 100;

/** Many cores at once are a mistake of somebody. */
const CORES_MAX = 100;

/** What does not change. */
export type WorkerFacts = Pick<
  WorkerSnapshot,
  "software" | "runtime" | "platform" | "name" | "pid" | "memoryBytes"
>;

/** What is watched of a worker. */
export interface WatchedWorker {
  readonly status: {
    readonly controllers: readonly string[];
    readonly isDraining: boolean;
    readonly slots: number;
    readonly slotsBusy: number;
    readonly jobsWaiting: number;
    readonly jobs: { readonly done: number; readonly failed: number };
    readonly cores: readonly {
      readonly name: string;
      readonly key: string;
      readonly slots: number;
    }[];
    readonly slotsBytes: number | undefined;
    readonly memoryFreeBytes: number;
  };
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
    const { jobs, controllers, cores, slotsBytes } = status;
    return {
      v: SNAPSHOT_VERSION,
      kind: "worker",
      at: this.#clock.date(),
      ...this.#facts,
      startedAt: this.#startedAt,
      isDraining: status.isDraining,
      slots: status.slots,
      slotsBusy: status.slotsBusy,
      jobsWaiting: status.jobsWaiting,
      jobs: { done: jobs.done, failed: jobs.failed },
      controllers: controllers.slice(0, CONTROLLERS_MAX).map(cut),
      cores: cores.slice(0, CORES_MAX).map(({ name, key, slots }) => ({
        name: cut(name),
        sha256: key,
        slots,
      })),
      slotsBytes: slotsBytes ?? null,
      memoryFreeBytes: status.memoryFreeBytes,
      throughput: this.#series.all,
      log: this.#log.all,
    };
  }

  #sample({ jobs, slots, slotsBusy }: WatchedWorker["status"]): void {
    this.#series.onSample({ ...jobs, slots, slotsBusy }, this.#clock.now() - this.#startedAtMs);
  }
}

function cut(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX);
}
