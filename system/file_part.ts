/** Reads a part of an open file, whatever a single read gives. */

import type { OpenFile } from "../runtime/files/files.ts";

/** The `count` bytes from `at` on, or as many as there are. */
export async function readPart(
  file: OpenFile,
  at: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const part = new Uint8Array(count);
  let filled = 0;
  while (filled < count) {
    const bytes = await file.read(part.subarray(filled), at + filled);
    if (bytes === 0) break;
    filled += bytes;
  }
  return part.subarray(0, filled);
}
