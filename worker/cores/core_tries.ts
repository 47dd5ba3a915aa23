/** Sees whether cores load, for connections that wait for it: in a slot that is free, or beside them. */

import type { Pool } from "../../pool/pool.ts";
import type { CoreKey, EndpointId } from "../../pool/types.ts";
import type { StoredCore } from "./core_store.ts";
import { LoadError } from "../slots/slot_process.ts";
import type { Slots } from "../slots/slots.ts";

/** A core whose process is killed from outside each time may be why: it takes all the memory there is. */
const KILLED_TRIES_MAX = 3;

/** A core that is being tried. */
interface Trying {
  readonly done: Promise<void>;
  /** Nobody waits for it any more. */
  readonly abandon: AbortController;
  waiting: number;
}

/** The cores that a worker tries. One that several connections want at once is tried once for all of them. */
export class CoreTries {
  readonly #pool: Pool<unknown>;
  readonly #slots: Slots;
  readonly #running = new Map<CoreKey, Trying>();
  /** Slots in which cores are tried. */
  readonly #inSlots = new Map<EndpointId, PromiseWithResolvers<void>>();

  constructor(pool: Pool<unknown>, slots: Slots) {
    this.#pool = pool;
    this.#slots = slots;
  }

  /**
   * Resolves when the core was seen to load, rejects with the reason if it can't. `gone` aborts when the one
   * who asks is no longer there; after the last of them the try is ended, for it may take minutes.
   */
  async take(core: StoredCore, gone: AbortSignal): Promise<void> {
    gone.throwIfAborted();
    const trying = this.#running.get(core.key) ?? this.#begin(core);
    trying.waiting += 1;
    const leave = () => {
      trying.waiting -= 1;
      if (trying.waiting === 0) this.#abandon(core.key, trying, gone.reason);
    };
    gone.addEventListener("abort", leave);
    try {
      await trying.done;
    } finally {
      gone.removeEventListener("abort", leave);
    }
  }

  /** A slot has loaded its core. */
  onLoaded(endpoint: EndpointId): void {
    this.#inSlots.get(endpoint)?.resolve();
  }

  /** A slot could not load its core. */
  onLoadFailed(endpoint: EndpointId, error: LoadError): void {
    this.#inSlots.get(endpoint)?.reject(error);
  }

  #begin(core: StoredCore): Trying {
    const abandon = new AbortController();
    const done = this.#tryUntilKnown(core, abandon.signal);
    const trying = { done, abandon, waiting: 0 };
    this.#running.set(core.key, trying);
    const forget = () => this.#forget(core.key, trying);
    void done.then(forget, forget);
    return trying;
  }

  #forget(key: CoreKey, trying: Trying): void {
    if (this.#running.get(key) === trying) this.#running.delete(key);
  }

  /** Who asks for the core from now on has it tried anew. */
  #abandon(key: CoreKey, trying: Trying, reason: unknown): void {
    this.#forget(key, trying);
    trying.abandon.abort(reason);
  }

  /** A process that somebody has killed says nothing of the core: another one tells. */
  async #tryUntilKnown(core: StoredCore, abandoned: AbortSignal): Promise<void> {
    for (let time = 1;; time++) {
      try {
        return await this.#tryOnce(core, abandoned);
      } catch (error) {
        const wasKilled = error instanceof LoadError && error.wasKilled;
        if (!wasKilled || time >= KILLED_TRIES_MAX || abandoned.aborted) throw error;
      }
    }
  }

  /** In a slot that is free the core is then of use. */
  #tryOnce(core: StoredCore, abandoned: AbortSignal): Promise<void> {
    if (this.#slots.holding(core.key).length > 0) return Promise.resolve();
    const free = this.#pool.freeEndpoint();
    if (free === undefined) return this.#slots.probe(core, abandoned);
    return this.#tryInSlot(free, core, abandoned);
  }

  async #tryInSlot(
    endpoint: EndpointId,
    core: StoredCore,
    abandoned: AbortSignal,
  ): Promise<void> {
    const loaded = Promise.withResolvers<void>();
    this.#inSlots.set(endpoint, loaded);
    const abandon = () => {
      this.#slots.abandonLoad(endpoint);
      loaded.reject(abandoned.reason);
    };
    abandoned.addEventListener("abort", abandon);
    try {
      this.#pool.load(endpoint, core.key);
      await loaded.promise;
    } finally {
      abandoned.removeEventListener("abort", abandon);
      this.#inSlots.delete(endpoint);
    }
  }
}
