/** Two workers for one job: an output counts when two different workers give the same bytes. */

import { Buffer } from "node:buffer";
import type { Job } from "../../pool/types.ts";
import type { Completion, Task } from "./task.ts";

/** A worker that has lost this many votes is put aside. One may have been a bit that cosmic rays flipped. */
const LOST_VOTES_MAX = 2;

/** If no two workers have agreed on anything by then, they never will. */
const SPLITS_MAX = 3;

/** A result, and which worker it is from. */
interface Vote<T extends Task> {
  /** What tells workers apart, whatever they are called. */
  readonly voter: string;
  readonly completion: Completion<T>;
}

/** What has to be done about votes. */
export interface VerificationActions<T extends Task> {
  /** Have one more worker run the job, none of those that have voted. */
  ask(job: Job<T>, voters: readonly string[]): void;
  /** Two workers agree. */
  accept(completion: Completion<T>): void;
  /** Nobody agrees, and nobody is left to ask; a run of the job that was asked for is not wanted. */
  reject(completion: Completion<T>, reason: string): void;
  /** A worker has said something else than two others; `isUntrusted`: not for the first time. */
  suspect(voter: string, name: string, reason: string, isUntrusted: boolean): void;
  /** No two workers have agreed on anything. */
  giveUp(error: Error): void;
}

/** The workers cannot agree: nothing that they say can be trusted. */
export class DisagreementError extends Error {
  override name = "DisagreementError";

  constructor(jobs: number) {
    super(
      `No two workers have given the same output for any of the first ${jobs} jobs that were ` +
        "verified; the compute core gives different outputs for the same input, or a worker " +
        "computes wrong: run it without --verify, or on other workers",
    );
  }
}

/** Counts votes. */
export class Verification<T extends Task> {
  readonly #part: number;
  readonly #actions: VerificationActions<T>;
  readonly #votes = new Map<T, Vote<T>[]>();
  readonly #lostVotes = new Map<string, number>();
  #heldBytes = 0;
  #agreed = 0;
  #splits = 0;

  /** `part` of the jobs are verified: 1 for all, 0.05 for every twentieth. */
  constructor(part: number, actions: VerificationActions<T>) {
    this.#part = part;
    this.#actions = actions;
  }

  /** Outputs that wait for another vote. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether a job is among those that are verified. They are spread evenly. */
  includes({ index }: T): boolean {
    return Math.floor((index + 1) * this.#part) > Math.floor(index * this.#part);
  }

  /** A worker has answered a job with a result. */
  onVote(voter: string, completion: Completion<T>): void {
    const { job } = completion;
    const votes = this.#votes.get(job.payload) ?? [];
    const equal = votes.find((vote) => isSameResult(vote.completion, completion));
    if (votes.some((vote) => vote.voter === voter)) {
      // It was lost meanwhile, has come back, and had the job again.
      return this.#actions.ask(job, votes.map((vote) => vote.voter));
    }
    if (equal) return this.#onAgreed(equal, votes);
    votes.push({ voter, completion });
    this.#votes.set(job.payload, votes);
    this.#heldBytes += outputOf(completion).byteLength;
    if (votes.length > 2) this.#onSplit(votes);
    else this.#actions.ask(job, votes.map((vote) => vote.voter));
  }

  /** Ends the jobs on which two workers disagree, and which none of `voters` is left to decide. */
  endUndecided(voters: readonly string[]): void {
    for (const votes of [...this.#votes.values()]) {
      if (this.#isHopeless) return;
      const hasVoted = (voter: string) => votes.some((vote) => vote.voter === voter);
      if (votes.length > 1 && voters.every(hasVoted)) this.#onSplit(votes);
    }
  }

  /** The job has ended otherwise. */
  forget(task: T): void {
    for (const { completion } of this.#votes.get(task) ?? []) {
      this.#heldBytes -= outputOf(completion).byteLength;
    }
    this.#votes.delete(task);
  }

  #onAgreed(equal: Vote<T>, votes: readonly Vote<T>[]): void {
    this.#agreed += 1;
    for (const { voter, completion } of votes) {
      if (voter === equal.voter) continue;
      const lost = (this.#lostVotes.get(voter) ?? 0) + 1;
      this.#lostVotes.set(voter, lost);
      if (lost > LOST_VOTES_MAX) continue; // what it had said before that was found out
      const reason = `its output for job ${completion.job.payload.index} differs from that of ` +
        "two other workers";
      this.#actions.suspect(voter, completion.worker, reason, lost >= LOST_VOTES_MAX);
    }
    this.forget(equal.completion.job.payload);
    this.#actions.accept(equal.completion);
  }

  #onSplit(votes: readonly Vote<T>[]): void {
    const [{ completion }] = votes as [Vote<T>];
    this.#splits += 1;
    this.forget(completion.job.payload);
    const workers = votes.map((vote) => vote.completion.worker).join(", ");
    this.#actions.reject(
      completion,
      `${workers} give different outputs, and no other worker decides`,
    );
    if (this.#agreed > 0 || this.#splits !== SPLITS_MAX) return; // said once
    this.#actions.giveUp(new DisagreementError(this.#splits));
  }

  get #isHopeless(): boolean {
    return this.#agreed === 0 && this.#splits >= SPLITS_MAX;
  }
}

function isSameResult<T extends Task>(one: Completion<T>, other: Completion<T>): boolean {
  if (one.answer.kind !== "result" || other.answer.kind !== "result") return false;
  return one.answer.result.exitCode === other.answer.result.exitCode &&
    Buffer.compare(outputOf(one), outputOf(other)) === 0;
}

function outputOf<T extends Task>({ answer }: Completion<T>): Uint8Array {
  return answer.kind === "result" ? answer.result.output : new Uint8Array(0);
}
