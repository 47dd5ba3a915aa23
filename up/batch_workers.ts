/** Workers in a batch system: submits them, looks how they are, and ends them. */

import type { ProcessEnd } from "../runtime/ports.ts";
import { reasonOf } from "../runtime/error_text.ts";
import type { BatchJob, BatchSystem } from "./batch_system.ts";

/** A job that has ended within this time has failed, and has not only found no work. */
const FAILED_MS = 5_000;

/** After so many failures in a row no more are submitted: all would fail. */
const FAILURES_MAX = 3;

/** A worker whose time is over is replaced; one that had more of its time left than this part found no work. */
const WORKED_PART = 0.5;

/** The batch system refuses, or is not there. */
export class BatchError extends Error {
  override name = "BatchError";
}

/** Workers have ended at once, again and again. */
export class FailingWorkersError extends BatchError {
  override name = "FailingWorkersError";

  constructor(readonly failures: number) {
    super(
      `${failures} workers in a row have ended at once; see ~/.cache/distcomp/jobs for the reasons`,
    );
  }
}

/** Runs a command of the batch system. Rejects if there is none. */
export type RunCommand = (
  command: readonly string[],
) => Promise<{ readonly end: ProcessEnd; readonly stdout: string; readonly stderr: string }>;

/** Some workers of one script. */
export class BatchWorkers {
  readonly #system: BatchSystem;
  readonly #run: RunCommand;
  readonly #script: string;
  readonly #options: readonly string[];
  /** Those that have not ended. */
  readonly #jobs = new Map<string, BatchJob>();
  #failures = 0;

  /** `script`: its file. `options`: those of the user for the command that submits it. */
  constructor(
    system: BatchSystem,
    run: RunCommand,
    script: string,
    options: readonly string[],
  ) {
    this.#system = system;
    this.#run = run;
    this.#script = script;
    this.#options = options;
  }

  /** How many wait or run. */
  get alive(): number {
    return this.#jobs.size;
  }

  /** How many run. */
  get running(): number {
    return [...this.#jobs.values()].filter(({ state }) => state === "running").length;
  }

  /** Submits more of them. Rejects with a `BatchError`. */
  async submit(count: number): Promise<void> {
    for (let left = count; left > 0; left -= this.#system.arrayMax) {
      const part = Math.min(left, this.#system.arrayMax);
      const stdout = await this.#ask(this.#system.submit(this.#script, part, this.#options));
      const ids = this.#system.submitted(stdout, part);
      if (ids.length === 0) {
        throw new BatchError(`Cannot read what ${this.#system.name} says: ${stdout.trim()}`);
      }
      for (const id of ids) {
        this.#jobs.set(id, { id, state: "waiting", usedMs: 0, limitMs: Infinity });
      }
    }
  }

  /**
   * Submits more of them in place of others. Resolves to the reason if that fails; rejects with it if no worker is left.
   */
  async replace(count: number): Promise<BatchError | undefined> {
    try {
      await this.submit(count);
      return undefined;
    } catch (error) {
      if (!(error instanceof BatchError) || this.alive === 0) throw error;
      return error;
    }
  }

  /**
   * Looks how they are. Resolves to how many have ended because their time was over, and had work until then. Rejects
   * with a `BatchError` if they fail again and again. While the batch system does not answer, they are as before.
   */
  async look(): Promise<number> {
    if (this.#jobs.size === 0) return 0;
    const ids = [...this.#jobs.keys()];
    const { end, stdout, stderr } = await this.#run(this.#system.list(ids));
    if (end.exitCode !== 0 && !this.#system.unknown.test(stderr)) return 0;
    const listed = new Map(this.#system.listed(stdout).map((job) => [job.id, job]));
    let worked = 0;
    for (const [id, before] of [...this.#jobs]) {
      const now = listed.get(id);
      if (now && now.state !== "ended") this.#jobs.set(id, now);
      else if (this.#onEnded(now ?? before)) worked += 1;
    }
    if (this.#failures >= FAILURES_MAX) {
      throw new FailingWorkersError(this.#failures);
    }
    return worked;
  }

  /** Ends all of them. */
  async cancel(): Promise<void> {
    const ids = [...this.#jobs.keys()];
    this.#jobs.clear();
    if (ids.length > 0) await this.#ask(this.#system.cancel(ids));
  }

  #onEnded({ id, usedMs, limitMs }: BatchJob): boolean {
    this.#jobs.delete(id);
    this.#failures = usedMs < FAILED_MS ? this.#failures + 1 : 0;
    return usedMs >= WORKED_PART * limitMs;
  }

  async #ask(command: readonly string[]): Promise<string> {
    const [program = ""] = command;
    const { end, stdout, stderr } = await this.#run(command).catch((cause) => {
      throw new BatchError(`Cannot run ${program}: ${reasonOf(cause)}`, { cause });
    });
    if (end.exitCode === 0) return stdout;
    const reason = stderr.trim().split("\n").at(-1) ||
      `it has ended with ${end.signal ?? end.exitCode}`;
    throw new BatchError(`${program}: ${reason.replace(new RegExp(`^${program}: `), "")}`);
  }
}
