/** Measures one worker: runs the same job on it again and again, through the cluster of a real run. */

import { Cluster } from "../../controller/cluster/cluster.ts";
import { DEFAULT_POLICY } from "../../controller/cluster/job_policy.ts";
import type { Completion, Task } from "../../controller/cluster/cluster_types.ts";
import { NoWorkerError } from "../../controller/run_errors.ts";
import type { CoreImage } from "../../controller/workers/core_image.ts";
import { LocalWorker } from "../../controller/workers/local_worker.ts";
import { PayloadMemory } from "../../controller/workers/payload_memory.ts";
import { RUN_WAIT_POLICY } from "../../controller/workers/wait_policy.ts";
import { formatAddress } from "../../link/address.ts";
import { delay } from "../../runtime/clock.ts";
import type { Address, Runtime } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import type { WorkerFigures } from "./bench_figures.ts";

/** How the time for a worker is shared: jobs one by one, jobs at full rate that do not count, and those that do. */
const ALONE_PART = 0.25;
const WARM_UP_PART = 0.1;
const FULL_PART = 0.5;

/** The rate grows with the window. The worker is warm when it has grown by less than this, or after this many looks. */
const GROWTH_MIN = 1.2;
const WARM_UP_PIECES_MAX = 20;

/** A job that takes a larger part of the time is run only once in each slot: that shows as much as many would. */
const LONG_PART = 0.25;

/** Pings and single jobs vary; so many show the median. */
const PINGS = 20;
const ALONE_MAX = 500;

/** A ping that takes longer is the last one. */
const SLOW_PING_MS = 50;

/** How often it is looked whether all slots have loaded the core, and how long that may take. */
const POLL_MS = 20;
const LOADING_MS_MAX = 30_000;

/** Jobs are added in batches of this many. */
const BATCH_JOBS = 256;

/** A worker to measure: one that listens, or one on this machine that is started for it. */
export type BenchTarget =
  | { readonly kind: "remote"; readonly address: Address }
  | { readonly kind: "local"; readonly slots: number };

/** The job to run, and for how long. */
export interface BenchPlan {
  readonly core: CoreImage;
  readonly input: Uint8Array<ArrayBuffer>;
  readonly timeMs: number;
}

/** The job fails: there is nothing to measure. */
export class BenchJobError extends Error {
  override name = "BenchJobError";
}

/** How the worker is called in messages. */
export function nameOf(target: BenchTarget): string {
  return target.kind === "local" ? "this machine" : formatAddress(target.address);
}

/** What single jobs have shown. */
export type AloneFigures = Omit<WorkerFigures, keyof FullFigures>;

/** What jobs at full rate have shown. */
export type FullFigures = Pick<WorkerFigures, "jobsPerSecond" | "coreMs">;

/**
 * One of the two measurements of a worker: single jobs, or jobs at full rate. Each has its own connection, as a run has:
 * the pace that single jobs have shown would hold the others back.
 */
export class WorkerBench {
  readonly #runtime: Runtime;
  readonly #plan: BenchPlan;
  readonly #target: BenchTarget;
  readonly #cluster: Cluster<Task>;
  readonly #log: Log;
  /** As a run has it. */
  readonly #memory = new PayloadMemory();
  /** Rejects when no more answers will come. */
  readonly #failed = Promise.withResolvers<never>();
  #local: LocalWorker | undefined;
  #added = 0;
  #answered = 0;
  #onAnswered = () => {};
  #outputBytes = 0;
  #exitCode = 0;
  /** The time in the core of the jobs that were measured, and how many these are. */
  #coreMs = 0;
  #cores = 0;

  constructor(runtime: Runtime, log: Log, plan: BenchPlan, target: BenchTarget) {
    this.#runtime = runtime;
    this.#plan = plan;
    this.#target = target;
    this.#log = log;
    this.#failed.promise.catch(() => {}); // nobody may be waiting when it fails
    this.#cluster = new Cluster<Task>(
      runtime,
      plan.core,
      {
        onCompleted: (completion) => this.#onCompleted(completion),
        onNoWorkerLeft: (reasons) => this.#failed.reject(new NoWorkerError(reasons)),
      },
      log,
      {
        policy: { ...DEFAULT_POLICY, crashLimit: 1 },
        waitPolicy: { ...RUN_WAIT_POLICY, returnMs: 0 }, // a measurement with an outage in it is of no use
        speculates: false,
        memory: this.#memory,
      },
    );
  }

  /** Measures single jobs. Rejects with a `NoWorkerError`, or with a `BenchJobError` if the job fails. */
  async alone(): Promise<AloneFigures> {
    await this.#connect();
    await this.#runJobs(1); // connects, sends the core and loads it
    const roundTripMs = await this.#roundTrip();
    const jobMs = await this.#jobTime();
    return {
      worker: nameOf(this.#target),
      slots: this.#cluster.view({ oldestMax: 0, workerJobsMax: 0 }).workers[0]?.slots ?? 1,
      roundTripMs,
      jobMs,
      inputBytes: this.#plan.input.byteLength,
      outputBytes: this.#outputBytes,
      exitCode: this.#exitCode,
    };
  }

  /** Measures as many jobs as the worker can run, after single ones have been measured. Rejects as `alone` does. */
  async fullRate(alone: AloneFigures): Promise<FullFigures> {
    const jobsPerSecond = await this.#fullRate(alone);
    return { jobsPerSecond, coreMs: this.#cores > 0 ? this.#coreMs / this.#cores : undefined };
  }

  async #fullRate({ jobMs, slots }: AloneFigures): Promise<number> {
    const { timeMs } = this.#plan;
    await this.#connect();
    if (jobMs > LONG_PART * timeMs) {
      await this.#runJobs(slots); // all slots load the core
      this.#forgetCores();
      return 1000 * slots / await this.#runJobs(slots);
    }
    await this.#loaded();
    let warmest = 0;
    for (let piece = 0; piece < WARM_UP_PIECES_MAX; piece++) {
      const rate = await this.#rateFor(WARM_UP_PART * timeMs);
      if (rate < GROWTH_MIN * warmest) break;
      warmest = rate;
    }
    this.#forgetCores(); // while a worker gets warm, jobs take longer
    return await this.#rateFor(FULL_PART * timeMs);
  }

  /** Disconnects the worker, and ends it if it was started here. */
  async close(): Promise<void> {
    this.#failed.reject(new Error("The measurement was ended"));
    this.#cluster.close();
    await this.#local?.close();
  }

  async #connect(): Promise<void> {
    const target = this.#target;
    if (target.kind === "remote") return this.#cluster.dial(target.address);
    const { slots } = target;
    const options = { shares: { slots }, log: this.#log };
    this.#local = await LocalWorker.start(this.#runtime, this.#cluster, options);
  }

  #forgetCores(): void {
    this.#coreMs = this.#cores = 0;
  }

  #onCompleted(completion: Completion<Task>): void {
    const { answer, reason, meter } = completion;
    this.#answered += 1;
    const { runMs } = meter.measures(completion);
    if (runMs !== undefined) {
      this.#coreMs += runMs;
      this.#cores += 1;
    }
    if (answer.kind === "error") {
      this.#failed.reject(new BenchJobError(reason ?? answer.message));
    } else {
      this.#outputBytes = answer.result.output.byteLength;
      this.#exitCode = answer.result.exitCode;
      this.#memory.give(answer.result.output);
    }
    this.#onAnswered();
  }

  #add(): void {
    this.#cluster.add({ index: this.#added++, input: this.#plan.input });
  }

  /** Runs jobs, all at once, while no others are in flight. Resolves to the time that they took. */
  async #runJobs(jobs: number): Promise<number> {
    const startedAtMs = this.#runtime.clock.now();
    const all = this.#answered + jobs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onAnswered = () => {
      if (this.#answered === all) resolve();
    };
    for (let count = 0; count < jobs; count++) this.#add();
    this.#cluster.end();
    await Promise.race([promise, this.#failed.promise]);
    this.#cluster.end(false);
    return this.#runtime.clock.now() - startedAtMs;
  }

  async #roundTrip(): Promise<number | undefined> {
    const times: number[] = [];
    while (times.length < PINGS) {
      const startedAtMs = this.#runtime.clock.now();
      const { promise, resolve } = Promise.withResolvers<void>();
      if (this.#cluster.ping(resolve) === 0) return undefined;
      await Promise.race([promise, this.#failed.promise]);
      const ms = this.#runtime.clock.now() - startedAtMs;
      times.push(ms);
      if (ms > SLOW_PING_MS) break;
    }
    return medianOf(times);
  }

  async #jobTime(): Promise<number> {
    const { clock } = this.#runtime;
    const endMs = clock.now() + ALONE_PART * this.#plan.timeMs;
    const times: number[] = [];
    do times.push(await this.#runJobs(1)); while (times.length < ALONE_MAX && clock.now() < endMs);
    return medianOf(times);
  }

  /** Runs jobs until the worker has connected, and all its slots have loaded the core. */
  async #loaded(): Promise<void> {
    const { clock } = this.#runtime;
    do await this.#feedFor(POLL_MS); while (this.#answered === 0);
    const endMs = clock.now() + LOADING_MS_MAX;
    do {
      let isAnswered = this.#cluster.ping(() => isAnswered = true) === 0;
      do await this.#feedFor(POLL_MS); while (!isAnswered);
    } while (this.#cluster.status.loading && clock.now() < endMs);
  }

  /** Jobs per second at full rate, measured for this long, or longer if no job is answered in that time. */
  async #rateFor(ms: number): Promise<number> {
    const { clock } = this.#runtime;
    const [before, startedAtMs] = [this.#answered, clock.now()];
    do await this.#feedFor(ms); while (this.#answered === before);
    return 1000 * (this.#answered - before) / (clock.now() - startedAtMs);
  }

  /** Keeps the cluster full for this long. */
  async #feedFor(ms: number): Promise<void> {
    let isOver = false;
    this.#onAnswered = () => {};
    const over = delay(this.#runtime.clock, ms).then(() => isOver = true);
    while (!isOver) {
      await Promise.race([this.#cluster.room(), over, this.#failed.promise]);
      // More than there is room for: then more are there when answers come.
      if (this.#cluster.hasRoom) { for (let more = BATCH_JOBS; more > 0; more--) this.#add(); }
    }
  }
}

/** The middle of some numbers, at least one. */
function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
