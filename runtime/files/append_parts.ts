/** Appends several parts to a file with one system call: each call is one more way to another thread and back. */

/** The system takes no more parts at a time. */
const PARTS_MAX = 1024;

/** Nor more bytes: their number has to fit into 31 bits. */
const BYTES_MAX = 2 ** 30;

/** How parts are written. */
export interface PartWriter {
  /** Writes parts. Resolves to how many bytes were written: fewer than all on a full disk, and -1 if it fails. */
  gather(parts: readonly Uint8Array[]): Promise<number>;
  /** Writes all of one part, or rejects with the reason why not. */
  append(part: Uint8Array): Promise<void>;
}

/** Appends all parts, in their order. Rejects if the system does not take all of them. */
export async function appendParts(
  parts: readonly Uint8Array[],
  { gather, append }: PartWriter,
): Promise<void> {
  const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const isOneCall = parts.length > 1 && parts.length <= PARTS_MAX && bytes <= BYTES_MAX;
  let written = isOneCall ? Math.max(0, await gather(parts)) : 0;
  for (const part of parts) {
    if (written < part.byteLength) await append(part.subarray(written));
    written = Math.max(0, written - part.byteLength);
  }
}
