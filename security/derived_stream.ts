/** Streams that are made of other streams. */

import type { ByteStream } from "../runtime/ports.ts";

/** What is different. */
type Changes = Partial<
  Pick<ByteStream, "read" | "write" | "endWrites" | "close" | "ends" | "proof" | "startTls">
>;

/** A stream that is like another one, with some changes. */
export function derivedStream(stream: ByteStream, changes: Changes): ByteStream {
  const { peer, ends, proof, startTls } = stream;
  const hasSameBytes = !changes.read && !changes.write;
  return {
    peer,
    ...ends && { ends },
    ...proof && { proof },
    read: (into, isLarge) => stream.read(into, isLarge),
    write: (bytes) => stream.write(bytes),
    endWrites: () => stream.endWrites(),
    close: () => stream.close(),
    ...startTls && hasSameBytes && { startTls: (start) => startTls.call(stream, start) },
    ...changes,
  };
}

/** A stream of which the bytes in `head` are read first. */
export function withHead(stream: ByteStream, head: Uint8Array): ByteStream {
  let rest = head;
  return derivedStream(stream, {
    read: (into, isLarge) => {
      if (rest.byteLength === 0) return stream.read(into, isLarge);
      const part = rest.subarray(0, into.byteLength);
      into.set(part);
      rest = rest.subarray(part.byteLength);
      return Promise.resolve(part.byteLength);
    },
  });
}

/**
 * A stream that is another one from its first bytes on: `next` chooses it when it sees them, and copies what it keeps of
 * them. If it rejects, the stream is closed.
 */
export function withFirstRead(
  stream: ByteStream,
  next: (head: Uint8Array) => Promise<ByteStream>,
): ByteStream {
  let current: ByteStream | undefined;
  const first = async (into: Uint8Array<ArrayBuffer>) => {
    const bytes = await stream.read(into);
    if (bytes === null) return null;
    current = await next(into.subarray(0, bytes)).catch((error) => {
      stream.close();
      throw error;
    });
    return current === stream ? bytes : await current.read(into);
  };
  return derivedStream(stream, {
    read: (into, isLarge) => current ? current.read(into, isLarge) : first(into),
    write: (bytes) => (current ?? stream).write(bytes),
    endWrites: () => (current ?? stream).endWrites(),
    close: () => (current ?? stream).close(),
  });
}

/**
 * Reads until there are `bytesMin` bytes, or the stream has ended. May read somewhat more. `head`: what was read
 * already.
 */
export async function readHead(
  stream: ByteStream,
  bytesMin: number,
  head: Uint8Array = new Uint8Array(0),
): Promise<Uint8Array<ArrayBuffer>> {
  const into = new Uint8Array(Math.max(2 * bytesMin, head.byteLength));
  into.set(head);
  let filled = head.byteLength;
  while (filled < bytesMin) {
    const bytes = await stream.read(into.subarray(filled));
    if (bytes === null) break;
    filled += bytes;
  }
  return into.subarray(0, filled);
}
