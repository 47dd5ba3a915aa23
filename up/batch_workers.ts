/** Workers in a batch system: submits them, looks how they are, and ends them. */

import type { ProcessEnd } from "../runtime/ports.ts";
import { messageOf, reasonOf } from "../runtime/error_text.ts";
import { BatchError, FailingWorkersError } from "./batch_error.ts";
import type { BatchJob, BatchSystem } from "./batch_system.ts";
import type { WorkersSeen } from "./demand.ts";

/** A job that has ended within this time has failed, and has not only found no work. */
const FAILED_MS = 5_000;

/** After this many failures in a row no more are submitted: all would fail. */
const FAILURES_MAX = 3;

/** A worker whose time is over is replaced; one that had more of its time left than this part found no work. */
const WORKED_PART = 0.5;

/** What a command says that may succeed if it is tried again: its server is busy, or away for now. */
const PASSING =
  /timed out|SIGKILL|unable to contact|cannot connect|connect(?:ion)? (?:failure|refused|reset)|temporarily/i;

/** What follows the reason when an option is wrong. */
const USAGE = /^(?:\w+: )?(?:Try|usage:) /i;

/** Runs a command of the batch system. Rejects if there is none. */
export type RunCommand = (
  command: readonly string[],
) => Promise<{ readonly end: ProcessEnd; readonly stdout: string; readonly stderr: string }>;

/** Some workers of one script. */
export class BatchWorkers implements WorkersSeen {
  readonly #system: BatchSystem;
  readonly #run: RunCommand;
  readonly #script: string;
  readonly #options: readonly string[];
  /** Those that have not ended. */
  readonly #jobs = new Map<string, BatchJob>();
  /** Those among them that were told to end. */
  readonly #canceled = new Set<string>();
  /** Those that have ended at once since one has not. */
  #failed: string[] = [];
  #slotsEach: number | undefined;
  #looks = 0;
  #ended = 0;
  #idle = 0;

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
    return this.#jobs.size - this.#canceled.size;
  }

  /** How many run. */
  get running(): number {
    return this.#inState("running").length;
  }

  /** How many CPUs the batch system gives each of them; `undefined` until it has said so. */
  get slotsEach(): number | undefined {
    return this.#slotsEach;
  }

  /** How often the batch system has said how they are. */
  get looks(): number {
    return this.#looks;
  }

  /** How many have ended by themselves. */
  get ended(): number {
    return this.#ended;
  }

  /** How many of these have found no work. */
  get idle(): number {
    return this.#idle;
  }

  /** Why one of them still waits, in the words of the batch system: `Priority`. */
  get waitsFor(): string | undefined {
    return this.#inState("waiting").find(({ reason }) => reason !== undefined)?.reason;
  }

  /** Rejects with a `BatchError` if the batch system says now that it would refuse them. */
  async check(): Promise<void> {
    const { test } = this.#system;
    const error = await this.#ask(test.command(this.#script, this.#options)).then(
      () => {},
      (it) => it,
    );
    if (error && !test.passes.test(error.message)) throw error;
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
        this.#jobs.set(id, { id, state: "waiting", usedMs: 0, limitMs: Infinity, cpus: 0 });
      }
    }
  }

  /**
   * Submits more of them. Resolves to the reason if that fails; rejects with it if no worker is left and another try
   * would fail too.
   */
  async trySubmit(count: number): Promise<BatchError | undefined> {
    try {
      await this.submit(count);
      return undefined;
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      if (this.alive === 0 && !PASSING.test(error.message)) throw error;
      return error;
    }
  }

  /**
   * Looks how they are. Rejects with a `BatchError` if they fail again and again. Resolves to `false` if the batch system
   * does not answer; they are then as before.
   */
  async look(): Promise<boolean> {
    if (this.#jobs.size === 0) return true;
    const ids = [...this.#jobs.keys()];
    const answers = await Promise.all(this.#system.list(ids).map((command) => this.#run(command)));
    for (const { end, stderr } of answers) {
      if (end.exitCode !== 0 && !this.#system.unknown.test(stderr)) return false;
    }
    this.#looks += 1;
    const jobs = answers.flatMap(({ stdout }) => this.#system.listed(stdout));
    const listed = new Map(jobs.map((job) => [job.id, job]));
    for (const [id, before] of [...this.#jobs]) {
      const now = listed.get(id);
      if (now && now.state !== "ended") this.#onListed(now);
      else this.#onEnded(now ?? before);
    }
    if (this.#failed.length >= FAILURES_MAX) throw new FailingWorkersError(this.#failed);
    return true;
  }

  /**
   * Ends some that did not run at the last look, the last ones first. Resolves to how many. Rejects with a `BatchError`.
   */
  async cancelWaiting(count: number): Promise<number> {
    const ids = this.#inState("waiting").map(({ id }) => id).slice(-count);
    if (ids.length === 0) return 0;
    await this.#askAll(this.#system.cancel(ids)).catch((error) => {
      // Some have ended meanwhile. The others are canceled.
      if (!this.#system.unknown.test(messageOf(error))) throw error;
    });
    for (const id of ids) this.#canceled.add(id);
    return ids.length;
  }

  /** Ends all of them. */
  async cancel(): Promise<void> {
    const ids = [...this.#jobs.keys()];
    this.#jobs.clear();
    this.#canceled.clear();
    if (ids.length > 0) await this.#askAll(this.#system.cancelAll(ids));
  }

  #inState(state: BatchJob["state"]): BatchJob[] {
    return [...this.#jobs.values()].filter((job) =>
      job.state === state && !this.#canceled.has(job.id)
    );
  }

  #onListed(job: BatchJob): void {
    this.#jobs.set(job.id, job);
    // What waits may get more than it has asked for, such as a whole node.
    if (job.state === "running" || this.#slotsEach === undefined) {
      this.#slotsEach = Math.max(1, job.cpus);
    }
  }

  #onEnded({ id, usedMs, limitMs }: BatchJob): void {
    this.#jobs.delete(id);
    if (this.#canceled.delete(id)) return;
    this.#ended += 1;
    if (usedMs < FAILED_MS) this.#failed.push(id);
    else this.#failed = [];
    if (usedMs < WORKED_PART * limitMs) this.#idle += 1;
  }

  async #askAll(commands: readonly (readonly string[])[]): Promise<void> {
    await Promise.all(commands.map((command) => this.#ask(command)));
  }

  async #ask(command: readonly string[]): Promise<string> {
    const [program = ""] = command;
    const { end, stdout, stderr } = await this.#run(command).catch((cause) => {
      throw new BatchError(`Cannot run ${program}: ${reasonOf(cause)}`, { cause });
    });
    if (end.exitCode === 0) return stdout;
    const reason = stderr.trim().split("\n").findLast((line) => !USAGE.test(line)) ||
      `it has ended with ${end.signal ?? end.exitCode}`;
    throw new BatchError(`${program}: ${reason.replace(new RegExp(`^${program}: `), "")}`);
  }
}
