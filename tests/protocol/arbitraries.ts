/** The fast-check arbitraries of the protocol tests. */

import type { Uint64 } from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { toUint64 } from "./bytes.ts";

const KIB = 1024;

/** Any unsigned 64-bit integer. Values at which its form or its words change are more likely. */
export const anyUint64: fc.Arbitrary<Uint64> = fc.oneof(
  fc.nat().map(BigInt),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n),
).map(toUint64);

export const anyByte = fc.nat(255);

export const anyExitCode = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** Text that UTF-8 can encode: without lone surrogates. */
export const anyText = fc.string({ unit: "binary", maxLength: 60 });

export const anyBlob = fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes));

/** How a stream is cut: the sizes of its pieces, used in turn. */
export const anyCuts = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 40 * KIB })),
  { minLength: 1, maxLength: 20 },
);

/** Draws the sizes within `reach` bytes of `border`. */
export function around(border: number, reach: number): fc.Arbitrary<number> {
  return fc.integer({ min: border - reach, max: border + reach });
}

/** Plain objects with a prototype, as the code returns them: `deepEqual` compares prototypes. */
export function recordOf<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}
