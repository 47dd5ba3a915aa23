/** Ends the ties that nobody can break, and says what `--verify` waits for, and cannot promise with these workers. */

import type { Log } from "../../system/log.ts";
import type { ConnectedWorker } from "../workers/connected_worker.ts";

/** Workers may connect one after the other. */
const ALONE_MS = 10_000;

/** The jobs that workers vote on. */
export interface VotedJobs {
  endTies(voters: readonly string[]): void;
  tiesFor(voters: readonly string[]): number;
}

/** Watches whose votes the workers of a verified run have. */
export class VotersWatch {
  readonly #log: Log;
  readonly #jobs: VotedJobs;
  #isUnproven = false;
  #aloneSinceMs: number | undefined;
  #isAlone = false;
  #awaited: string | undefined;
  #tiedSinceMs: number | undefined;
  #isTied = false;

  constructor(log: Log, jobs: VotedJobs) {
    this.#log = log;
    this.#jobs = jobs;
  }

  /** A worker is ready. Workers of the same user are trusted as the user is. */
  onReady({ proof }: ConnectedWorker): void {
    if (proof?.kind !== "none" || this.#isUnproven) return;
    this.#isUnproven = true;
    this.#log.warn(
      "without keys, --verify cannot tell two workers from one that connects twice and gives the " +
        "same wrong output both times",
    );
  }

  /** Call it several times a second. `awaitsMore`: the run waits for workers, however few there are. */
  onTick(workers: readonly ConnectedWorker[], awaitsMore: boolean, nowMs: number): void {
    const voters = workers.map(({ voter }) => voter);
    if (awaitsMore) this.#checkTies(this.#jobs.tiesFor(voters), nowMs);
    else this.#jobs.endTies(voters);
    this.#checkVoters(workers, awaitsMore, nowMs);
  }

  /** What the run waits for if its workers have too few votes for any job; otherwise `undefined`. */
  get awaited(): string | undefined {
    return this.#awaited;
  }

  /** A tie is broken by another worker, which may never come. */
  #checkTies(ties: number, nowMs: number): void {
    if (ties === 0) this.#tiedSinceMs = undefined;
    else this.#tiedSinceMs ??= nowMs;
    if (this.#tiedSinceMs === undefined || nowMs - this.#tiedSinceMs < ALONE_MS) return;
    if (this.#isTied) return;
    this.#isTied = true;
    const jobs = ties === 1 ? "a job" : `${ties} jobs`;
    this.#log.warn(
      `--verify waits for another worker: two give different outputs for ${jobs}, and all that are ` +
        "connected have voted",
    );
  }

  #checkVoters(workers: readonly ConnectedWorker[], awaitsMore: boolean, nowMs: number): void {
    const [first] = workers;
    if (!first || !awaitsMore || workers.some(({ voter }) => voter !== first.voter)) {
      this.#aloneSinceMs = undefined;
      this.#awaited = undefined;
      return;
    }
    this.#awaited = workers.length === 1
      ? "a second worker, for --verify"
      : "a worker on another machine, for --verify";
    this.#aloneSinceMs ??= nowMs;
    if (this.#isAlone || nowMs - this.#aloneSinceMs < ALONE_MS) return;
    this.#isAlone = true;
    this.#log.warn(
      workers.length === 1
        ? `--verify waits for a second worker: only ${first.name} is connected`
        : `--verify waits for a worker on another machine: all ${workers.length} are on ` +
          `${machineOf(first)}, which has one vote`,
    );
  }
}

function machineOf({ proof, name }: ConnectedWorker): string {
  return proof?.kind === "key" ? proof.name : name;
}
