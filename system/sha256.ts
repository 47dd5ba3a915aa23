/** The SHA-256 of bytes that are in memory. */

import { nextTurn } from "../runtime/clock.ts";
import { nodeCrypto } from "../runtime/late_modules.ts";

/** The SHA-256 of `bytes`, hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return nodeCrypto().createHash("sha256").update(bytes).digest("hex");
}

/** Bytes that are hashed at once: that takes a millisecond, in which the process answers nobody. */
export const HASHED_AT_ONCE_BYTES_MAX = 1024 * 1024;

/** The same for bytes that may be many: other work goes on meanwhile. They must not change. */
export async function sha256InTurns(bytes: Uint8Array): Promise<string> {
  const hash = nodeCrypto().createHash("sha256");
  for (let at = 0; at < bytes.byteLength; at += HASHED_AT_ONCE_BYTES_MAX) {
    if (at > 0) await nextTurn();
    hash.update(bytes.subarray(at, at + HASHED_AT_ONCE_BYTES_MAX));
  }
  return hash.digest("hex");
}
