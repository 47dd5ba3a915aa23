/** Calls of `run` whose input is yet to come. */

import type { JobOutput } from "./types.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Those of one session. */
export class LateInputs {
  readonly #runs = new Set<Promise<unknown>>();
  readonly #refusing = new AbortController();

  /** Starts the job once its input is there, unless its signal, which has not been aborted yet, comes first. */
  async run(
    input: Promise<Bytes>,
    signal: AbortSignal | undefined,
    start: (input: Bytes) => Promise<JobOutput>,
  ): Promise<JobOutput> {
    const signals = signal ? [signal, this.#refusing.signal] : [this.#refusing.signal];
    const run = unlessAborted(input, signals).then(start);
    this.#runs.add(run);
    return await run.finally(() => this.#runs.delete(run));
  }

  /** Nobody waits for an input any longer: these calls reject with the error. */
  refuse(error: Error): void {
    this.#refusing.abort(error);
  }

  /** Resolves when the jobs of those that are here now have ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#runs);
  }
}

/** What a promise gives, unless one of the signals comes first. */
async function unlessAborted<T>(
  promise: Promise<T>,
  signals: readonly AbortSignal[],
): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = ({ target }: Event) => aborted.reject((target as AbortSignal).reason);
  for (const signal of signals) signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", onAbort);
  }
}
