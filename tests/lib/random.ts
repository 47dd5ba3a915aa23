/**
 * Random tests: how often they try, and the seed that repeats them.
 *
 * `DISTCOMP_TEST_SEED=N` gives every random test the seed N. Without it each process draws one. A random test
 * that fails prints its seed.
 */

import process from "node:process";
import { randomSource } from "../fixtures/peers/frames.ts";
import { slow, test } from "./test.ts";

/** `deno task test:all` tries a property this many times as often. */
const ALL_FACTOR = 20;

const givenSeed = process.env.DISTCOMP_TEST_SEED;

/** The seed of this process. */
export const SEED = givenSeed ? Number(givenSeed) : Math.floor(Math.random() * 2 ** 31);

/** Whether all tests run, the slow ones too. */
export const RUNS_ALL = slow === undefined;

/** Parameters of a property of fast-check, which prints the seed of a failure by itself. */
export function runs(count: number): { numRuns: number; seed?: number } {
  const numRuns = RUNS_ALL ? count * ALL_FACTOR : count;
  return givenSeed ? { numRuns, seed: SEED } : { numRuns };
}

/** Declares a test that draws random numbers from `SEED`, which its name shows. */
export function randomTest(name: string, body: () => Promise<void>): void {
  test(`${name} (seed ${SEED})`, body);
}

/** Choices that depend on a seed alone. */
export class Choices {
  readonly #fraction: () => number;

  constructor(seed: number) {
    this.#fraction = randomSource(seed);
  }

  /** A whole number from 0 up to `limit`, without it. */
  below(limit: number): number {
    return Math.floor(this.#fraction() * limit);
  }

  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** True once in `times`. */
  onceIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of several. */
  of<T>(options: readonly T[]): T {
    return options[this.below(options.length)] as T;
  }

  /** One of several, each as often as its weight says. */
  weighted<T>(options: readonly (readonly [weight: number, option: T])[]): T {
    let at = this.below(options.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, option] of options) {
      if (at < weight) return option;
      at -= weight;
    }
    throw new RangeError("There are no options");
  }

  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  /** Any 64-bit integer, the borders more often. */
  uint64(): bigint {
    const border = this.of([0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]);
    return BigInt.asUintN(64, border + BigInt(this.between(-2, 2)));
  }
}
