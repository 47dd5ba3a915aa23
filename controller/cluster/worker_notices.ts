/** Says which workers come and go: a line for each, or one line for many at the same time. */

import type { Job } from "../../pool/job.ts";
import { Burst, LINES_MAX } from "../../system/burst.ts";
import { countedReasons } from "../../system/grouped_reasons.ts";
import type { Log } from "../../system/log.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { Departure } from "../workers/workers_events.ts";
import type { Task } from "./cluster_types.ts";
import { GivenUpJobs } from "./given_up_jobs.ts";

/** How many places are remembered whose workers are gone. Beyond that, a worker that comes back counts as a new one. */
const PLACES_MAX = 10_000;

/** A worker that can be used now. */
interface Arrival {
  readonly name: string;
  readonly slots: number | undefined;
}

/** A worker that is gone. */
interface Departed {
  readonly name: string;
  readonly reason: string;
  /** The jobs that it had. */
  readonly jobs: number;
}

/** How a worker has left, as far as notices say it. */
type Leaving = Pick<Departure, "kind" | "reason">;

/** The notices of one run. */
export class WorkerNotices {
  readonly #log: Log;
  readonly #joined = new Burst<Arrival>((all) => this.#onArrived(all, "joined", "joined"));
  readonly #back = new Burst<Arrival>((all) => this.#onArrived(all, "is back", "are back"));
  readonly #lost = new Departures((one) => this.#onLost(one), (rest) => this.#onMoreLost(rest));
  readonly #drained = new Departures(
    (one) => this.#onDrained(one),
    (rest) => this.#onMoreDrained(rest),
  );
  /** How many workers of a place are gone. */
  readonly #gone = new Map<string, number>();

  readonly #givenUp: GivenUpJobs;

  constructor(log: Log) {
    this.#log = log;
    this.#givenUp = new GivenUpJobs(log);
  }

  /** A worker leaves that has drained, with these jobs in its slots. */
  onLeft(running: readonly Job<Task>[], nowMs: number): void {
    for (const { payload, beganAtMs } of running) {
      this.#givenUp.onGivenUp(payload.index, nowMs - beganAtMs);
    }
  }

  /** Nobody needs to be told of the worker that the run has started itself. */
  onReady({ name: known, node, place, slots, isLocal }: ConnectedWorker): void {
    if (isLocal) return;
    const name = known.includes(node) ? known : `${known} (${node})`;
    const gone = this.#gone.get(place) ?? 0;
    if (gone === 0) return this.#joined.add({ name, slots });
    if (gone === 1) this.#gone.delete(place);
    else this.#gone.set(place, gone - 1);
    this.#back.add({ name, slots });
  }

  /** A job has printed something. Before that, people have read that there is a worker. */
  onPrinted(): void {
    this.#joined.flush();
    this.#back.flush();
  }

  /** A worker is gone, and `jobs` of its jobs run elsewhere. `Workers` reports unusable ones itself. */
  onGone({ name, place }: ConnectedWorker, { kind, reason }: Leaving, jobs: number): void {
    if (kind === "unusable") return;
    const gone = this.#gone.get(place);
    if (gone !== undefined || this.#gone.size < PLACES_MAX) this.#gone.set(place, (gone ?? 0) + 1);
    (kind === "failed" ? this.#lost : this.#drained).add({ name, reason, jobs });
  }

  /** Call it several times a second. */
  onTick(nowMs: number): void {
    for (const part of this.#parts) part.onTick(nowMs);
  }

  /** Says what is still to be said. */
  flush(): void {
    for (const part of this.#parts) part.flush();
  }

  get #parts(): readonly { onTick(nowMs: number): void; flush(): void }[] {
    return [this.#lost, this.#drained, this.#joined, this.#back];
  }

  #onArrived(workers: readonly Arrival[], one: string, many: string): void {
    if (workers.length <= LINES_MAX) {
      for (const { name, slots } of workers) {
        const has = slots === undefined ? "" : `: ${counted(slots, "slot")}`;
        this.#log.info(`worker ${name} ${one}${has}`);
      }
      return;
    }
    const slots = workers.reduce((sum, worker) => sum + (worker.slots ?? 1), 0);
    const areKnown = workers.every((worker) => worker.slots !== undefined);
    const atLeast = areKnown ? "" : "at least ";
    this.#log.info(`${workers.length} workers ${many}: ${atLeast}${slots} slots`);
  }

  #onLost({ name, reason, jobs }: Departed): void {
    this.#log.warn(`lost worker ${name}: ${reason}${rescheduled(jobs)}`);
  }

  #onMoreLost(workers: readonly Departed[]): void {
    const reasons = countedReasons(workers.map(({ reason }) => reason));
    const jobs = rescheduled(jobsOf(workers));
    this.#log.warn(`lost ${counted(workers.length, "more worker")}: ${reasons}${jobs}`);
  }

  #onDrained({ name, jobs }: Departed): void {
    this.#log.warn(`worker ${name} has drained and disconnected${rescheduled(jobs)}`);
  }

  #onMoreDrained(workers: readonly Departed[]): void {
    const have = workers.length === 1 ? "has" : "have";
    const more = counted(workers.length, "more worker");
    this.#log.warn(`${more} ${have} drained and disconnected${rescheduled(jobsOf(workers))}`);
  }
}

/** Workers that go. The first ones are reported at once, and more of them at the same time together. */
class Departures {
  readonly #burst: Burst<Departed>;
  readonly #onOne: (worker: Departed) => void;
  #reported = 0;

  constructor(onOne: (worker: Departed) => void, onMore: (workers: readonly Departed[]) => void) {
    this.#onOne = onOne;
    this.#burst = new Burst((all) => {
      const more = all.slice(this.#reported);
      this.#reported = 0;
      if (more.length > 0) onMore(more);
    });
  }

  add(worker: Departed): void {
    this.#burst.add(worker);
    if (this.#reported >= LINES_MAX) return;
    this.#reported += 1;
    this.#onOne(worker);
  }

  onTick(nowMs: number): void {
    this.#burst.onTick(nowMs);
  }

  flush(): void {
    this.#burst.flush();
  }
}

function jobsOf(workers: readonly Departed[]): number {
  return workers.reduce((sum, { jobs }) => sum + jobs, 0);
}

function rescheduled(jobs: number): string {
  return jobs === 0 ? "" : `; ${counted(jobs, "job")} rescheduled`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
