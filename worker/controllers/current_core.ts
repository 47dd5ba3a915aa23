/** The core that a connection's jobs use. It changes when the message arrives, not when the core is loaded. */

import type { CoreKey } from "../../pool/types.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import type { RelayedJob } from "../job.ts";

/** Why jobs fail before a core was sent. */
const NO_CORE = "No compute core has been sent yet";

/** How loading a core has ended: jobs can run with it, or fail with the reason. */
export type CoreOutcome =
  | { readonly name: "ready"; readonly core: StoredCore }
  | { readonly name: "none"; readonly reason: string };

/** A core that is loading, and the jobs that wait for it. */
interface LoadingCore {
  readonly name: "loading";
  readonly queue: Set<RelayedJob>;
}

/** What its connection hears. */
export interface CurrentCoreEvents {
  /** The core of a waiting job is ready, or failed to load. */
  onOutcome(job: RelayedJob, outcome: CoreOutcome): void;
  /** The connection itself no longer uses the core; its jobs still may. */
  onReleased(core: StoredCore): void;
}

/** Which core is current, which jobs wait for a core, and how many cores are loading. */
export class CurrentCore {
  readonly #events: CurrentCoreEvents;
  #current: LoadingCore | CoreOutcome = { name: "none", reason: NO_CORE };
  /** All cores that are loading: jobs may still wait for cores older than the current one. */
  readonly #loading = new Set<LoadingCore>();
  #bytes = 0;

  constructor(events: CurrentCoreEvents) {
    this.#events = events;
  }

  /** How many cores are loading. */
  get count(): number {
    return this.#loading.size;
  }

  /** Bytes of the messages whose cores are loading. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The core that is current, if it is ready. */
  get ready(): StoredCore | undefined {
    return this.#current.name === "ready" ? this.#current.core : undefined;
  }

  /** Why jobs fail, if no core is current. One that is still loading is. */
  get problem(): string | undefined {
    return this.#current.name === "none" ? this.#current.reason : undefined;
  }

  /** Whether the core with this key is current and ready. */
  isReady(key: CoreKey): boolean {
    return this.#current.name === "ready" && this.#current.core.key === key;
  }

  /** Makes another core current, which is still loading. Resolves when its outcome is known. */
  async change(loaded: Promise<CoreOutcome>, bytes: number): Promise<void> {
    const loading: LoadingCore = { name: "loading", queue: new Set() };
    this.#replaceBy(loading);
    this.#loading.add(loading);
    this.#bytes += bytes;
    const outcome = await loaded;
    this.#loading.delete(loading);
    this.#bytes -= bytes;
    for (const job of loading.queue) {
      loading.queue.delete(job); // a job that still referred to it would keep all others in memory
      this.#events.onOutcome(job, outcome);
    }
    if (this.#current === loading) this.#current = outcome;
    else if (outcome.name === "ready") this.#events.onReleased(outcome.core);
  }

  /** No core is current from now on, for this reason. Jobs that have arrived keep the one that was. */
  drop(reason: string): void {
    this.#replaceBy({ name: "none", reason });
  }

  /** The outcome for a job that has arrived. `undefined`: it is not known yet, and the job waits for it. */
  outcomeFor(job: RelayedJob): CoreOutcome | undefined {
    if (this.#current.name !== "loading") return this.#current;
    const { queue } = this.#current;
    queue.add(job);
    job.state = { name: "waiting", queue };
    return undefined;
  }

  /** Jobs that wait for a core. */
  get waiting(): RelayedJob[] {
    return [...this.#loading].flatMap(({ queue }) => [...queue]);
  }

  /** Removes the jobs that wait, and gives them. */
  takeWaiting(): RelayedJob[] {
    const jobs = this.waiting;
    for (const { queue } of this.#loading) queue.clear();
    return jobs;
  }

  /** The connection is closed: no job waits any longer, and no core is current. */
  close(): void {
    this.takeWaiting();
    this.drop("The connection is closed");
  }

  #replaceBy(next: LoadingCore | CoreOutcome): void {
    const before = this.#current;
    this.#current = next;
    if (before.name === "ready") this.#events.onReleased(before.core);
  }
}
