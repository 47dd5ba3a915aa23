/**
 * Jobs that wait until the test lets them go on, so that a run is met in its middle however fast or slow
 * the machine is:
 *
 * ```ts ignore
 * import { startWorker } from "../lib/processes.ts";
 * import { Gate } from "./gate.ts";
 * import { Workspace } from "./workspace.ts";
 *
 * await using workspace = await Workspace.make();
 * await using worker = await startWorker();
 * const gate = new Gate(workspace);
 * gate.job; // what the core `behave` takes as such a job
 * await gate.reachedIn(worker); // one of them runs in a slot of that worker
 * await gate.open(); // it ends, and those behind it never wait
 * ```
 */

import { readFile, writeFile } from "node:fs/promises";
import { eventually, type Program } from "../lib/processes.ts";
import type { Workspace } from "./workspace.ts";

/** What each of the jobs gives. */
export const PASSED = "passed";

/** One gate for all jobs of a test. */
export class Gate {
  readonly #path: string;

  constructor(workspace: Workspace) {
    this.#path = workspace.at("gate");
  }

  /** The input of a job that waits. */
  get job(): string {
    return `gate ${this.#path}`;
  }

  /** Waits until such a job runs in a slot of that worker, and gives the slot's process. */
  async reachedIn(worker: Program): Promise<number> {
    return await eventually(`a job runs in a slot of ${worker.pid}`, async () => {
      const reached = (await this.#reached()).find((line) => line.startsWith(`${worker.pid} `));
      return reached !== undefined && Number(reached.split(" ")[1]);
    });
  }

  /** Waits until this many jobs have reached the gate. */
  async reachedBy(jobs: number): Promise<void> {
    await eventually(`${jobs} jobs run`, async () => await this.reachedTimes() >= jobs);
  }

  /** How often a job has reached the gate: a job that runs again counts again. */
  async reachedTimes(): Promise<number> {
    return (await this.#reached()).length;
  }

  /** Lets all jobs pass, also those that reach the gate later. */
  async open(): Promise<void> {
    await writeFile(this.#path, "");
  }

  /** A line for each: the worker's process and the slot's. */
  async #reached(): Promise<string[]> {
    const text = await readFile(`${this.#path}.reached`, "utf8").catch(() => "");
    return text.split("\n").slice(0, -1);
  }
}
