/** XXH64 by the runtime itself. Bun has it, and reads the content where it is. */

/** Hashes a content, with the seed 0. */
export type Xxh64 = (content: Uint8Array) => bigint;

/** The hash; `undefined` where the runtime has none. */
export function nativeXxh64(): Xxh64 | undefined {
  return (globalThis as { Bun?: { hash: { xxHash64: Xxh64 } } }).Bun?.hash.xxHash64;
}
