/**
 * Says which workers come and go: a line for each, or one line for many at the same time. Lines of different kinds are
 * in the order in which things happened.
 */

import type { Job } from "../../pool/job.ts";
import { Burst, LINES_MAX } from "../../system/burst.ts";
import type { Log } from "../../system/log.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";
import type { Departure } from "../workers/workers_events.ts";
import type { Task } from "./cluster_types.ts";
import { GivenUpJobs } from "./given_up_jobs.ts";
import {
  arrivalLines,
  type Departing,
  departureLine,
  moreDepartedLine,
  type Noticed,
} from "./worker_notice_lines.ts";

/** How many places are remembered whose workers are gone. Beyond that, a worker that comes back counts as a new one. */
const PLACES_MAX = 10_000;

/** How a worker has left, as far as notices say it. */
type Leaving = Pick<Departure, "kind" | "reason">;

type Arriving = "joined" | "back";

/** The notices of one run. */
export class WorkerNotices {
  readonly #log: Log;
  /** What happens at about the same time. */
  readonly #moment = new Burst<undefined>(() => this.#onMomentEnded());
  /** What is still to be said, in the order in which it began. */
  readonly #waiting = new Map<Arriving | Departing, Noticed[]>();
  /** The workers that have lines of their own: the first ones of this moment that go. */
  readonly #named = new Map<Departing, string[]>();
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
    if (gone > 1) this.#gone.set(place, gone - 1);
    else this.#gone.delete(place);
    this.#moment.add(undefined);
    this.#wait(gone === 0 ? "joined" : "back", { name, slots, reason: "", jobs: 0 });
  }

  /** A job has printed something. Before that, people have read that there is a worker. */
  onPrinted(): void {
    if (this.#waiting.has("joined") || this.#waiting.has("back")) this.#sayWaiting();
  }

  /** A worker starts no more jobs, for `reason` if it has said one. */
  onDraining({ name }: ConnectedWorker, reason?: string): void {
    const kind = reason === undefined ? "draining" : "refusing";
    this.#onDeparting(kind, { name, reason: reason ?? "", jobs: 0 });
  }

  /** A worker is gone, and `jobs` of its jobs run elsewhere. `Workers` reports unusable ones itself. */
  onGone({ name, place }: ConnectedWorker, { kind, reason }: Leaving, jobs: number): void {
    if (kind === "unusable") return;
    const gone = this.#gone.get(place);
    if (gone !== undefined || this.#gone.size < PLACES_MAX) this.#gone.set(place, (gone ?? 0) + 1);
    this.#onDeparting(kind === "failed" ? "lost" : "drained", { name, reason, jobs });
  }

  /** Call it several times a second. */
  onTick(nowMs: number): void {
    this.#moment.onTick(nowMs);
  }

  /** Says what is still to be said. */
  flush(): void {
    this.#moment.flush();
  }

  /** The first ones are reported at once, because somebody may be looking for the reason just then. */
  #onDeparting(kind: Departing, worker: Noticed): void {
    const named = this.#named.get(kind) ?? [];
    this.#named.set(kind, named);
    if (named.length < LINES_MAX) {
      named.push(worker.name);
      this.#sayWaiting();
      this.#say(kind, departureLine(kind, worker));
    } else this.#wait(kind, worker);
    this.#moment.add(undefined);
  }

  #wait(kind: Arriving | Departing, worker: Noticed): void {
    const workers = this.#waiting.get(kind);
    if (workers) workers.push(worker);
    else this.#waiting.set(kind, [worker]);
  }

  #onMomentEnded(): void {
    this.#sayWaiting();
    this.#named.clear();
  }

  #sayWaiting(): void {
    for (const [kind, workers] of this.#waiting) {
      if (kind === "joined" || kind === "back") {
        for (const line of arrivalLines(kind === "back", workers)) this.#log.info(line);
      } else this.#say(kind, moreDepartedLine(kind, workers, this.#named.get(kind) ?? []));
    }
    this.#waiting.clear();
  }

  #say(kind: Departing, line: string): void {
    if (kind === "draining") this.#log.info(line);
    else this.#log.warn(line);
  }
}
