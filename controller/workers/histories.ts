/** The histories of workers that connect to the run, by host, as the port changes with each connection. */

import { hostOf } from "./connected_worker.ts";
import { WorkerHistory } from "./worker_history.ts";

/** All of them. */
export class Histories {
  readonly #byHost = new Map<string, WorkerHistory>();

  /** The history of the host of the worker with this name. */
  of(name: string): WorkerHistory {
    const host = hostOf(name);
    const history = this.#byHost.get(host) ?? new WorkerHistory();
    this.#byHost.set(host, history);
    return history;
  }

  /** Why workers cannot be used, each with its name. */
  get problems(): string[] {
    return [...this.#byHost.values()].flatMap(({ unusable }) => unusable ?? []);
  }
}
