/** The inputs of a map, one after the other: from an array, a generator, a stream, or anything that is iterable. */

import { kindOf } from "../../system/option_checks.ts";
import { isPromise } from "./input_bytes.ts";
import type { JobInputs } from "./types.ts";

/** One step: an input, or the end. */
export type SourceStep<I> = IteratorResult<I | PromiseLike<I>, unknown>;

/** Takes inputs from where they are. */
export class InputSource<I> {
  readonly #open: () => Iterating<I>;
  #iterator: Iterating<I> | undefined;
  #isEnded = false;

  /** Throws a `TypeError` if there is nothing to iterate over. */
  constructor(inputs: JobInputs<I>) {
    this.#open = openerOf(inputs);
  }

  /** The next step, or a promise of it. */
  next(): SourceStep<I> | PromiseLike<SourceStep<I>> {
    this.#iterator ??= this.#open();
    try {
      const step = this.#iterator.next();
      if (!isPromise(step)) return this.#seen(step);
      return step.then((step) => this.#seen(step), (error) => this.#failed(error));
    } catch (error) {
      return this.#failed(error);
    }
  }

  /**
   * No more inputs are wanted, and the source hears of it unless it has ended. Does not wait for it: it may be at work
   * on its next input.
   */
  leave(): void {
    const iterator = this.#isEnded ? undefined : this.#iterator;
    this.#isEnded = true;
    try {
      const left = iterator?.return?.();
      if (isPromise(left)) left.then(undefined, () => {});
    } catch {
      // Nobody waits for it.
    }
  }

  #seen(step: SourceStep<I>): SourceStep<I> {
    if (step.done) this.#isEnded = true;
    return step;
  }

  #failed(error: unknown): never {
    this.#isEnded = true;
    throw error;
  }
}

interface Iterating<I> {
  next(): SourceStep<I> | PromiseLike<SourceStep<I>>;
  return?(): unknown;
}

function openerOf<I>(inputs: JobInputs<I>): () => Iterating<I> {
  // The iterator of a stream cannot be left while it waits for a chunk.
  if (inputs instanceof ReadableStream) return () => readerOf(inputs);
  const object = Object(inputs ?? {});
  const isIterable = typeof inputs === "object" || typeof inputs === "function";
  if (isIterable && typeof object[Symbol.asyncIterator] === "function") {
    return () => (inputs as AsyncIterable<I>)[Symbol.asyncIterator]();
  }
  if (isIterable && typeof object[Symbol.iterator] === "function") {
    return () => (inputs as Iterable<I>)[Symbol.iterator]();
  }
  throw new TypeError(
    `The inputs of a map must be iterable, such as an array, not ${kindOf(inputs)}`,
  );
}

function readerOf<I>(stream: ReadableStream<I>): Iterating<I> {
  const reader = stream.getReader();
  return {
    next: () => reader.read() as Promise<SourceStep<I>>,
    return: () => reader.cancel(),
  };
}
