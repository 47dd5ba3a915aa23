/** The jobs of a session: those that have not ended, and how each ends. */

import type { JobLimits } from "../../protocol/mod.ts";
import { withReason } from "../../system/failure_line.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterClient } from "../cluster/cluster_client.ts";
import type { Completion, Task } from "../cluster/cluster_types.ts";
import { JobError } from "./errors.ts";
import type { KeepAlive } from "./keep_alive.ts";
import type { JobOutput } from "./types.ts";

/** How a job has ended. */
export type JobEnd =
  | { readonly ok: true; readonly output: JobOutput }
  | { readonly ok: false; readonly error: JobError };

/** Who waits for a job. One of the two is called, unless the job is canceled. */
export interface JobReceiver {
  onEnded(end: JobEnd): void;
  /** The job will not be answered. */
  onAbandoned(error: Error): void;
}

/** A source of jobs, with its share of the workers. */
export type JobClient = ClusterClient<SessionTask>;

/** A job as the cluster knows it. */
export interface SessionTask extends Task {
  readonly receiver: JobReceiver;
}

/** A job that has not ended. */
export interface StartedJob {
  /** Takes it back, or ends it. Its receiver hears nothing more. */
  cancel(): void;
}

const NOTHING: StartedJob = { cancel: () => {} };

/** All jobs of a session. */
export class SessionJobs {
  readonly #cluster: Cluster<SessionTask>;
  readonly #keepAlive: KeepAlive;
  readonly #onFailed: (job: number, error: JobError) => void;
  /** The jobs that have not ended, and how to take each of them back. */
  readonly #pending = new Map<SessionTask, () => void>();
  /** Why jobs cannot run now, or never. */
  #refusal: Error | undefined;
  #nextIndex = 0;
  #wakeIdle: (() => void)[] = [];
  #ended = { succeeded: 0, failed: 0, canceled: 0 };

  constructor(
    cluster: Cluster<SessionTask>,
    keepAlive: KeepAlive,
    onFailed: (job: number, error: JobError) => void,
  ) {
    this.#cluster = cluster;
    this.#keepAlive = keepAlive;
    this.#onFailed = onFailed;
  }

  /** How many jobs have not ended. */
  get pending(): number {
    return this.#pending.size;
  }

  /** How many have ended in which way. */
  get ended(): { readonly succeeded: number; readonly failed: number; readonly canceled: number } {
    return { ...this.#ended };
  }

  /** Why jobs cannot run, if they cannot. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  openClient(priority: number): JobClient {
    return this.#cluster.clients.open(priority);
  }

  /** Starts a job. Its input must not change from now on. */
  start(
    client: JobClient,
    input: Uint8Array<ArrayBuffer>,
    limits: JobLimits | undefined,
    receiver: JobReceiver,
  ): StartedJob {
    const index = this.#nextIndex++;
    if (this.#refusal) {
      receiver.onAbandoned(this.#refusal);
      return NOTHING;
    }
    const task: SessionTask = { index, input, receiver, ...limits && { limits } };
    const job = client.add(task);
    this.#pending.set(task, () => client.cancel(job));
    this.#keepAlive.hold();
    return { cancel: () => this.#cancel(task) };
  }

  /** The cluster reports the end of a job. Returns whether it had not ended before. */
  onCompleted(completion: Completion<SessionTask>): boolean {
    const task = completion.job.payload;
    if (!this.#leave(task)) return false;
    const end = endOf(completion);
    if (end.ok) this.#ended.succeeded += 1;
    else {
      this.#ended.failed += 1;
      this.#onFailed(task.index, end.error);
    }
    task.receiver.onEnded(end);
    return true;
  }

  /** Jobs cannot run: those that wait are abandoned, and new ones are refused until `accept`. */
  refuse(error: Error): void {
    this.#refusal = error;
    for (const task of [...this.#pending.keys()]) {
      if (this.#cancel(task)) task.receiver.onAbandoned(error);
    }
  }

  /** Jobs can run again. */
  accept(): void {
    this.#refusal = undefined;
  }

  /** Resolves when no job is left. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) {
      await new Promise<void>((resolve) => this.#wakeIdle.push(resolve));
    }
  }

  /** Whether the job had not ended before. */
  #cancel(task: SessionTask): boolean {
    const cancel = this.#pending.get(task);
    if (!cancel || !this.#leave(task)) return false;
    this.#ended.canceled += 1;
    cancel();
    return true;
  }

  /** The same, without a word to the cluster. */
  #leave(task: SessionTask): boolean {
    if (!this.#pending.delete(task)) return false;
    this.#keepAlive.release();
    if (this.#pending.size === 0) { for (const wake of this.#wakeIdle.splice(0)) wake(); }
    return true;
  }
}

function endOf({ job, answer, worker, reason, failures }: Completion<SessionTask>): JobEnd {
  if (answer.kind === "result" && answer.result.exitCode === 0) {
    // A copy: the answer is a view of a buffer with others.
    return { ok: true, output: new Uint8Array(answer.result.output) };
  }
  const { lastLines } = answer;
  const { attempts, workers } = failures ??
    { attempts: job.attempt, workers: worker === "" ? [] : [worker] };
  if (answer.kind === "error") {
    const failure = { kind: answer.cause, attempts, workers, lastLines };
    return { ok: false, error: new JobError(reason ?? answer.message, failure) };
  }
  const { exitCode, output } = answer.result;
  const why = reason ?? withReason(`exit code ${exitCode}`, lastLines);
  const failure = { kind: "exit" as const, attempts, workers, exitCode, lastLines };
  return { ok: false, error: new JobError(why, { ...failure, output: new Uint8Array(output) }) };
}
