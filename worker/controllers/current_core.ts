/** The core that a connection's jobs use. It changes when a message comes, not when it is loaded. */

import type { CoreKey } from "../../pool/types.ts";
import type { RelayedJob } from "./connection.ts";
import type { StoredCore } from "../cores/core_store.ts";

/** A core that was tried: jobs can run with it, or hear why not. */
export type TriedCore =
  | { readonly state: "ready"; readonly core: StoredCore }
  | { readonly state: "none"; readonly reason: string };

/** A core on its way, and the jobs that have come since. */
interface LoadingCore {
  readonly state: "loading";
  readonly waiting: Set<RelayedJob>;
}

/** What its connection does about it. */
export interface CurrentCoreEvents {
  /** It is known what has become of the core that a job has waited for. */
  onCoreOf(job: RelayedJob, tried: TriedCore): void;
  /** The core is no longer this connection's. */
  onReleased(core: StoredCore): void;
}

/** Which core is current, which jobs wait for one, and how much is on its way. */
export class CurrentCore {
  readonly #events: CurrentCoreEvents;
  #current: LoadingCore | TriedCore = { state: "none", reason: "No compute core was sent yet" };
  /** The current core is the last of them, at most: jobs may still wait for those before it. */
  readonly #loading = new Set<LoadingCore>();
  #loadingBytes = 0;

  constructor(events: CurrentCoreEvents) {
    this.#events = events;
  }

  /** Cores that are on their way. */
  get loading(): number {
    return this.#loading.size;
  }

  /** What the messages that brought them weigh. */
  get loadingBytes(): number {
    return this.#loadingBytes;
  }

  /** Whether a core is current, and was seen to load. */
  holds(key: CoreKey): boolean {
    return this.#current.state === "ready" && this.#current.core.key === key;
  }

  /** Another core is current from now on, which is being tried. Resolves when it was. */
  async change(tried: Promise<TriedCore>, bytes: number): Promise<void> {
    const loading: LoadingCore = { state: "loading", waiting: new Set() };
    this.#replaceBy(loading);
    this.#loading.add(loading);
    this.#loadingBytes += bytes;
    const core = await tried;
    this.#loading.delete(loading);
    this.#loadingBytes -= bytes;
    for (const job of loading.waiting) this.#events.onCoreOf(job, core);
    if (this.#current === loading) this.#current = core;
    else if (core.state === "ready") this.#events.onReleased(core.core);
  }

  /** The core for a job that has come. `undefined`: that is not known yet, and the job waits for it. */
  coreFor(job: RelayedJob): TriedCore | undefined {
    if (this.#current.state !== "loading") return this.#current;
    job.waitsAmong = this.#current.waiting;
    job.waitsAmong.add(job);
    return undefined;
  }

  /** Jobs that wait for a core. */
  waiting(): RelayedJob[] {
    return [...this.#loading].flatMap(({ waiting }) => [...waiting]);
  }

  /** Takes them out. */
  takeWaiting(): RelayedJob[] {
    const jobs = this.waiting();
    for (const job of jobs) job.waitsAmong?.delete(job);
    return jobs;
  }

  /** The connection is closed. */
  close(): void {
    this.takeWaiting();
    this.#replaceBy({ state: "none", reason: "The connection is closed" });
  }

  #replaceBy(next: LoadingCore | TriedCore): void {
    const before = this.#current;
    this.#current = next;
    if (before.state === "ready") this.#events.onReleased(before.core);
  }
}
