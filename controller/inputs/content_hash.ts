/**
 * The identity of a large content in memory, in a fifth of the time of SHA-256: hashing would otherwise take longer
 * than all that is done to the content. XXH64 tells contents apart that differ by chance. It is no protection against
 * whoever wants two contents to have the same hash, and needs none: they could only keep a job of their own from
 * running again.
 */

import xxhash from "xxhash-wasm";

/** The memory of the hash grows to the size of what it gets at once, and stays so large. */
const PART_BYTES = 1024 * 1024;

/** Opens the hash. What it gives are identities as in `identity.ts`. */
export async function openContentHash(): Promise<(content: Uint8Array) => string> {
  const { h64Raw, create64 } = await xxhash();
  const streamed = (content: Uint8Array) => {
    const hash = create64();
    for (let at = 0; at < content.byteLength; at += PART_BYTES) {
      hash.update(content.subarray(at, at + PART_BYTES));
    }
    return hash.digest();
  };
  return (content) => {
    const { byteLength } = content;
    const hash = byteLength <= PART_BYTES ? h64Raw(content) : streamed(content);
    return `xxh64-${byteLength}-${hash.toString(16).padStart(16, "0")}`;
  };
}
