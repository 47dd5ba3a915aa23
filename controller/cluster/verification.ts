/**
 * Verification: a result counts when two different workers have returned the same bytes. If two disagree, a
 * third one breaks the tie. Three workers are the fewest that show which result is wrong and who computed it.
 */

import type { Job } from "../../pool/types.ts";
import type { JobResult } from "../../protocol/mod.ts";
import { discardOutput } from "../answer.ts";
import type { StoredOutput } from "../huge_outputs.ts";
import { KeptResult, mayKeep } from "./kept_result.ts";
import type { Completion, Task } from "./cluster_types.ts";
import type { VerifiedCounts } from "./verified_counts.ts";
import { type OutputSource, VoterRecords } from "./voter_records.ts";

/**
 * A worker that loses this many votes is excluded: with bad memory it would corrupt unverified jobs, and every
 * verified job would need a third run. A single lost vote may have been a flipped bit.
 */
const LOST_VOTES_MAX = 2;

/**
 * If no two workers agree on any of the first jobs, and this many jobs have failed for that, the run should end.
 * The usual reason is a core that is not deterministic: every job would run three times and then fail.
 */
const SPLITS_MAX = 3;

/** Who has given a result. */
export interface Voter {
  /** What identifies the worker in this run. */
  readonly identity: string;
  /** Whose vote it is: the machine's, if that is proven. */
  readonly voter: string;
}

/** How a job ended, without its answer, which may be large. */
export type Ending<T extends Task> = Omit<Completion<T>, "answer">;

/** A result, and who gave it. */
interface Vote<T extends Task> extends Voter {
  readonly ending: Ending<T>;
  readonly result: KeptResult;
  /** Whether the output was too large to be in memory. */
  readonly isStored: boolean;
}

/** A worker that was outvoted. */
export interface Outvoted {
  readonly identity: string;
  readonly worker: string;
  readonly reason: string;
  /** How many outputs of it were accepted that nobody has verified. */
  readonly unverified: number;
  /** It was outvoted so often that it is excluded. */
  readonly isExcluded: boolean;
}

/** What the votes decide. */
export interface VerificationActions<T extends Task> {
  /** Runs the job on another worker, which has the vote of none of `voters`. */
  runElsewhere(job: Job<T>, voters: readonly string[]): void;
  /** No two workers agree, and no other worker can decide. Cancels a further run, if one is queued. */
  reject(ending: Ending<T>, reason: string): void;
  onOutvoted(outvoted: Outvoted): void;
  /** No two workers have agreed on any job. */
  onDisagreement(error: Error): void;
}

/** The workers disagree on every job: none of their results can be trusted. */
export class DisagreementError extends Error {
  override name = "DisagreementError";

  constructor(jobs: number) {
    super(
      `No two workers gave the same output for any of the first ${jobs} verified jobs: the compute ` +
        "core gives different outputs for the same input, or a worker computes wrong results; run " +
        "it without --verify, or on other workers",
    );
  }
}

/** Counts the votes of workers on verified jobs. */
export class Verification<T extends Task> {
  readonly #part: number;
  readonly #actions: VerificationActions<T>;
  readonly #votes = new Map<T, Vote<T>[]>();
  readonly #records = new VoterRecords();
  #heldBytes = 0;
  #agreed = 0;
  #splits = 0;
  #outvoted = 0;

  /** `part`: the fraction of the jobs that are verified, 1 for all, 0.05 for every twentieth. */
  constructor(part: number, actions: VerificationActions<T>) {
    this.#part = part;
    this.#actions = actions;
  }

  get counts(): VerifiedCounts {
    const { wrong: wrongWorkers } = this.#records;
    return { agreed: this.#agreed, split: this.#splits, outvoted: this.#outvoted, wrongWorkers };
  }

  /** Bytes of results that wait for another vote. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether a job is verified. Verified jobs are spread evenly. */
  includes({ index }: T): boolean {
    return Math.floor((index + 1) * this.#part) > Math.floor(index * this.#part);
  }

  /** Who has voted on a job that is not decided yet. */
  votersOf(task: T): readonly string[] {
    return this.#votes.get(task)?.map(({ voter }) => voter) ?? [];
  }

  /** A worker has given a result. Returns the job's completion, if another worker agrees on it. */
  onResult({ identity, voter }: Voter, completion: Completion<T>): Completion<T> | undefined {
    const { answer, ...ending } = completion;
    if (answer.kind === "error") throw new TypeError("An error is not a vote");
    const { stored } = answer;
    // Of an output that is not in memory, the hash is compared.
    const result = stored ? hashed(answer.result, stored) : answer.result;
    const isStored = stored !== undefined;
    const { job } = ending;
    const votes = this.#votes.get(job.payload) ?? [];
    const voters = votes.map((vote) => vote.voter);
    // The worker voted, was lost, reconnected, and got the job again; or another one on its machine did.
    if (voters.includes(voter)) {
      discardOutput(answer);
      this.#actions.runElsewhere(job, voters);
      return undefined;
    }
    const equal = votes.find((vote) => vote.isStored === isStored && vote.result.equals(result));
    const sent = job.attempt; // each vote is a copy of the one before
    if (equal) {
      this.#onAgreed(equal, votes);
      return { ...equal.ending, answer, sent, isVerified: true };
    }
    const kept = new KeptResult(result, mayKeep(result.output.byteLength, this.#heldBytes));
    discardOutput(answer);
    // Measured by the clock of this worker: the answer that agrees comes from another one.
    const measures = ending.meter.measures(completion);
    votes.push({ identity, voter, ending: { ...ending, measures }, result: kept, isStored });
    this.#votes.set(job.payload, votes);
    this.#heldBytes += kept.heldBytes;
    if (votes.length > 2) this.#onSplit(votes);
    else this.#actions.runElsewhere(job, [...voters, voter]);
    return undefined;
  }

  /** The output of a job that is not verified is accepted. This is called for every such job. */
  onUnverified(identity: string, { worker, meter }: Completion<T>): void {
    this.#records.onUnverified(sourceOf(identity, { worker, meter }));
  }

  /** Ends the jobs on which two workers disagree, if none of `voters` can break the tie. */
  endTies(voters: readonly string[]): void {
    for (const votes of [...this.#votes.values()]) {
      if (this.#hasDisagreed) return;
      if (isTied(votes, voters)) this.#onSplit(votes);
    }
  }

  /** On how many jobs two workers disagree, where none of `voters` can break the tie. */
  tiesFor(voters: readonly string[]): number {
    return [...this.#votes.values()].filter((votes) => isTied(votes, voters)).length;
  }

  /** The job has ended or was canceled: drops its votes. */
  forget(task: T): void {
    for (const { result } of this.#votes.get(task) ?? []) this.#heldBytes -= result.heldBytes;
    this.#votes.delete(task);
  }

  #onAgreed(equal: Vote<T>, votes: readonly Vote<T>[]): void {
    this.#agreed += 1;
    for (const vote of votes) if (vote !== equal) this.#onOutvoted(vote);
    this.forget(equal.ending.job.payload);
  }

  #onOutvoted({ identity, ending: { job, worker, meter } }: Vote<T>): void {
    this.#outvoted += 1;
    const source = sourceOf(identity, { worker, meter });
    const { outvoted, unverified } = this.#records.onOutvoted(source);
    if (outvoted > LOST_VOTES_MAX) return; // it voted before it was excluded
    const { name, index } = job.payload;
    const shown = name === undefined ? index : `"${name}"`;
    const reason = `its output for job ${shown} differs from that of two other workers`;
    const isExcluded = outvoted === LOST_VOTES_MAX;
    this.#actions.onOutvoted({ identity, worker, reason, unverified, isExcluded });
  }

  #onSplit(votes: readonly Vote<T>[]): void {
    const [{ ending }] = votes as [Vote<T>];
    const sent = Math.max(...votes.map((vote) => vote.ending.job.attempt));
    this.#splits += 1;
    this.forget(ending.job.payload);
    const workers = votes.map((vote) => vote.ending.worker).sort().join(", ");
    const problem = votes.length > 2
      ? "give different outputs"
      : "give different outputs, and no third worker is available to break the tie";
    const sharedReason = `workers ${problem}`;
    this.#actions.reject({ ...ending, sent, sharedReason }, `${workers} ${problem}`);
    if (this.#agreed > 0 || this.#splits !== SPLITS_MAX) return; // reported once
    this.#actions.onDisagreement(new DisagreementError(this.#splits));
  }

  get #hasDisagreed(): boolean {
    return this.#agreed === 0 && this.#splits >= SPLITS_MAX;
  }
}

/** Whether two have voted, and all of `voters` are among those who have. */
function isTied(votes: readonly Voter[], voters: readonly string[]): boolean {
  return votes.length > 1 && voters.every((one) => votes.some(({ voter }) => voter === one));
}

function sourceOf(
  identity: string,
  { worker, meter }: Pick<Completion<Task>, "worker" | "meter">,
): OutputSource {
  return { identity, worker, node: meter.worker?.node ?? worker };
}

function hashed({ exitCode }: JobResult, { sha256 }: StoredOutput): JobResult {
  return { exitCode, output: new TextEncoder().encode(sha256) };
}

/** Why a worker is excluded that was outvoted too often. */
export function exclusionReason(reason: string, unverified: number): string {
  const outputs = unverified === 1 ? "output of it was" : "outputs of it were";
  const doubt = unverified === 0
    ? ""
    : `; ${unverified} ${outputs} accepted unverified, as the summary will say`;
  return `it computes wrong results: ${reason}, again${doubt}`;
}
