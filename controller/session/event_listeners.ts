/** Those who listen to the events of a session. */

import { kindOf } from "../../system/option_checks.ts";
import type { SessionEvents } from "./types.ts";

const NAMES: Readonly<Record<keyof SessionEvents, true>> = {
  workerJoined: true,
  workerLeft: true,
  noWorker: true,
  jobFailed: true,
  jobEnded: true,
};

type Listener<N extends keyof SessionEvents> = (event: SessionEvents[N]) => void;

/** The listeners, by the name of their event. */
export class EventListeners {
  readonly #byName = new Map<keyof SessionEvents, Set<Listener<never>>>();

  /** Returns a function that stops listening. Throws a `TypeError` if there is no such event. */
  add<N extends keyof SessionEvents>(name: N, listener: Listener<N>): () => void {
    if (!Object.hasOwn(NAMES, name)) {
      const names = Object.keys(NAMES).join(", ");
      throw new TypeError(`There is no event ${String(name)} of a session; there are ${names}`);
    }
    if (typeof listener !== "function") {
      throw new TypeError(`A listener must be a function, not ${kindOf(listener)}`);
    }
    const listeners = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Whether somebody listens. */
  has(name: keyof SessionEvents): boolean {
    return (this.#byName.get(name)?.size ?? 0) > 0;
  }

  /** Calls the listeners soon, so that none of them can disturb what has happened. */
  emit<N extends keyof SessionEvents>(name: N, event: SessionEvents[N]): void {
    const listeners = this.#byName.get(name);
    if (!listeners) return;
    for (const listener of listeners) queueMicrotask(() => (listener as Listener<N>)(event));
  }
}
