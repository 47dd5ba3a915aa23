/**
 * The identity of a large content in memory, in a fifth of the time of SHA-256: hashing would otherwise take longer
 * than all that is done to the content. XXH64 tells contents apart that differ by chance. It does not protect against
 * whoever wants two contents to have the same hash, and needs none: they could only keep a job of their own from
 * running again.
 */

import xxhash from "xxhash-wasm";
import { nextTurn } from "../../../runtime/clock.ts";
import { nativeXxh64 } from "../../../runtime/native_xxh64.ts";

/**
 * A larger content is hashed in parts, with a turn of the event loop after each. The memory of the hash grows to the
 * size of what it gets at once, too, and stays so large.
 */
const PART_BYTES = 2 * 1024 * 1024;

/** Returns the identity of a content, at once unless it is large. */
export type ContentHash = (content: Uint8Array) => string | Promise<string>;

/** Opens the hash. What it gives are identities as in `identity.ts`. */
export async function openContentHash(): Promise<ContentHash> {
  const { h64Raw, create64 } = await xxhash();
  const h64 = nativeXxh64() ?? h64Raw;
  const inParts = async (content: Uint8Array) => {
    const hash = create64();
    for (let at = 0; at < content.byteLength; at += PART_BYTES) {
      hash.update(content.subarray(at, at + PART_BYTES));
      await nextTurn();
    }
    return formatted(content, hash.digest());
  };
  return (content) =>
    content.byteLength > PART_BYTES ? inParts(content) : formatted(content, h64(content));
}

function formatted({ byteLength }: Uint8Array, hash: bigint): string {
  return `xxh64-${byteLength}-${hash.toString(16).padStart(16, "0")}`;
}
