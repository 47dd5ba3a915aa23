/**
 * A map: takes inputs, runs a job for each, and gives the results. It is written as an iterator and not as a generator,
 * because it can be left while it waits: for a result, or for a source that has no next input.
 */

import type { JobLimits } from "../../protocol/mod.ts";
import { bytesOfInput, isPromise } from "./input_bytes.ts";
import { InputSource } from "./input_source.ts";
import { Results } from "./results.ts";
import type { JobClient, JobEnd, SessionJobs, StartedJob } from "./session_jobs.ts";
import type { Codec, JobInputs, MapResult } from "./types.ts";

/** What a map runs, and how. */
export interface JobMapParts<I, O> {
  readonly jobs: SessionJobs;
  readonly inputs: JobInputs<I>;
  readonly codec: Codec<I, O>;
  readonly ordered: boolean;
  readonly ahead: number;
  readonly priority: number;
  readonly limits: JobLimits | undefined;
  readonly signal: AbortSignal | undefined;
  /** It has begun: it is told when the session closes. */
  onBegun(map: JobMap<I, O>): void;
  onOver(map: JobMap<I, O>): void;
}

interface Ended<I> {
  readonly place: number;
  readonly input: I;
  readonly end: JobEnd;
}

type Step<I, O> = IteratorResult<MapResult<I, O>, void>;

interface Waiter<I, O> {
  resolve(step: Step<I, O> | PromiseLike<Step<I, O>>): void;
  reject(error: unknown): void;
}

/** One map. It begins with the first call of `next`. */
export class JobMap<I, O> implements AsyncGenerator<MapResult<I, O>, void, void> {
  readonly #parts: JobMapParts<I, O>;
  readonly #source: InputSource<I>;
  readonly #results: Results<Ended<I>>;
  readonly #running = new Map<number, StartedJob>();
  readonly #waiters: Waiter<I, O>[] = [];
  #client: JobClient | undefined;
  #submitted = 0;
  /** No more inputs are taken. After the last result comes the error, if there is one. */
  #end: { readonly error?: unknown } | undefined;
  #isOver = false;
  #wakeFeed: (() => void) | undefined;
  readonly #onAbort = () => this.abort(this.#parts.signal?.reason);

  constructor(parts: JobMapParts<I, O>) {
    this.#parts = parts;
    this.#source = new InputSource(parts.inputs);
    this.#results = new Results(parts.ordered);
  }

  next(): Promise<Step<I, O>> {
    this.#begin();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#serve();
    });
  }

  /** Ends the map at once: takes back what has not begun, and ends what runs. */
  return(): Promise<Step<I, O>> {
    this.#leave({});
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<Step<I, O>> {
    this.#leave({});
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Ends the map at once with an error. */
  abort(error: unknown): void {
    if (!this.#isOver) this.#leave({ error });
  }

  /** Ends the map when its last job has ended: the error comes after the results that are there, if it has not ended. */
  settle(error: unknown): void {
    this.stopTaking(error);
    this.#finish();
  }

  /** Takes no more inputs. The error comes after the results of those that were taken. */
  stopTaking(error: unknown): void {
    if (!this.#end) this.#endInputs({ error });
  }

  #begin(): void {
    if (this.#client || this.#isOver) return;
    const { jobs, priority, signal } = this.#parts;
    this.#client = jobs.openClient(priority);
    this.#parts.onBegun(this);
    if (signal?.aborted) return this.abort(signal.reason);
    signal?.addEventListener("abort", this.#onAbort);
    void this.#feed(this.#client);
  }

  async #feed(client: JobClient): Promise<void> {
    try {
      while (await this.#mayTake(client)) {
        const next = this.#source.next();
        const step = isPromise(next) ? await next : next;
        if (this.#end || this.#isOver) return;
        if (step.done) return this.#endInputs({});
        const { value } = step;
        const input = isPromise(value) ? await value : value;
        const encoded = this.#parts.codec.encode(input as I);
        const made = bytesOfInput(isPromise(encoded) ? await encoded : encoded);
        const bytes = isPromise(made) ? await made : made;
        if (this.#end || this.#isOver) return;
        this.#start(client, input as I, bytes);
      }
    } catch (error) {
      this.stopTaking(error);
    }
  }

  /** Whether another input is taken: waits until it may be. */
  async #mayTake(client: JobClient): Promise<boolean> {
    while (!this.#end && !this.#isOver) {
      if (!client.hasRoom) await client.room();
      else if (this.#hasRoom) return true;
      else await new Promise<void>((resolve) => this.#wakeFeed = resolve);
    }
    return false;
  }

  get #hasRoom(): boolean {
    return this.#results.hasRoom && this.#submitted - this.#results.taken < this.#parts.ahead;
  }

  #start(client: JobClient, input: I, bytes: Uint8Array<ArrayBuffer>): void {
    const place = this.#submitted++;
    const started = this.#parts.jobs.start(client, bytes, this.#parts.limits, {
      onEnded: (end) => {
        this.#running.delete(place);
        const { output } = end.ok ? end : end.error;
        this.#results.add(place, { place, input, end }, bytes.byteLength + output.byteLength);
        this.#serve();
      },
      onAbandoned: (error) => this.#onAbandoned(error),
    });
    if (!this.#isOver) this.#running.set(place, started);
  }

  /** No result of the jobs that have not ended will come. Those that are there, in order, come before the error. */
  #onAbandoned(error: unknown): void {
    if (this.#isOver) return;
    this.#end = { error };
    this.#finish();
  }

  #endInputs(end: { readonly error?: unknown }): void {
    this.#end = end;
    this.#source.leave();
    this.#client?.end();
    this.#wakeFeed?.();
    this.#serve();
  }

  /** Gives results to those who wait for them. */
  #serve(): void {
    for (let waiter = this.#waiters[0]; waiter; waiter = this.#waiters[0]) {
      const next = this.#results.take();
      if (next) {
        this.#waiters.shift();
        waiter.resolve(this.#stepOf(next));
        this.#wakeFeed?.();
      } else if (this.#isOver || (this.#end && this.#results.taken === this.#submitted)) {
        this.#waiters.shift();
        this.#giveEnd(waiter);
        this.#finish();
      } else return;
    }
  }

  /** The error comes once. After it, the iteration is done. */
  #giveEnd(waiter: Waiter<I, O>): void {
    const end = this.#end;
    this.#end = {};
    if (end && "error" in end) waiter.reject(end.error);
    else waiter.resolve({ done: true, value: undefined });
  }

  #stepOf({ place, input, end }: Ended<I>): Step<I, O> | Promise<Step<I, O>> {
    const common = { index: place, input };
    if (!end.ok) return { done: false, value: { ...common, ok: false, error: end.error } };
    const decoded = (output: O): Step<I, O> => {
      return { done: false, value: { ...common, ok: true, output } };
    };
    try {
      const output = this.#parts.codec.decode(end.output);
      if (!isPromise(output)) return decoded(output);
      return Promise.resolve(output).then(decoded, (error) => this.throw(error));
    } catch (error) {
      return this.throw(error);
    }
  }

  /** Ends the map without the results that are still there. */
  #leave(end: { readonly error?: unknown }): void {
    this.#results.clear();
    this.#end = end;
    this.#finish();
  }

  /** Ends everything but the results that are still there. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.signal?.removeEventListener("abort", this.#onAbort);
    this.#source.leave();
    for (const job of this.#running.values()) job.cancel();
    this.#running.clear();
    this.#client?.close();
    this.#wakeFeed?.();
    this.#parts.onOver(this);
    this.#serve();
  }
}
