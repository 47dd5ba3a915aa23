/** The SHA-256 of an open file of any size, in one pass. */

import type { Hash } from "node:crypto";
import type { Files, OpenFile } from "../runtime/files/files.ts";
import { nodeCrypto } from "../runtime/late_modules.ts";

/** A piece takes a millisecond of the event loop, in which the process answers nobody. */
const PIECE_BYTES = 1024 * 1024;

/** What is needed of the file system. */
type FilesToRead = Pick<Files, "openToRead">;

/** What a file has the SHA-256 of. */
export interface FileHashes {
  /** Of the whole file. */
  readonly whole: string;
  /** Of its first bytes, as many as were asked for. */
  readonly start: string;
  readonly bytes: number;
}

/**
 * Hashes the first `size` bytes of a file, and of these the first `startBytes`. `size` is that of the file: what
 * somebody adds meanwhile, maybe without end, is not read.
 */
export async function hashesOf(
  file: OpenFile,
  size: number,
  startBytes = 0,
): Promise<FileHashes> {
  const whole = nodeCrypto().createHash("sha256");
  let start: Hash | undefined;
  const piece = new Uint8Array(Math.min(PIECE_BYTES, size));
  let at = 0;
  for (;;) {
    if (at === startBytes) start = whole.copy();
    // The start ends with a piece, so that its hash is the one of the whole so far.
    const end = at < startBytes ? Math.min(startBytes, size) : size;
    const wanted = Math.min(piece.byteLength, end - at);
    const read = wanted === 0 ? 0 : await file.read(piece.subarray(0, wanted), at);
    if (read === 0) break;
    whole.update(piece.subarray(0, read));
    at += read;
  }
  return { whole: whole.digest("hex"), start: start?.digest("hex") ?? "", bytes: at };
}

/** Hashes a file as it is when this is called. */
export function hashesOfFile(files: FilesToRead, path: string): Promise<FileHashes> {
  return withOpenFile(files, path, async (file) => hashesOf(file, (await file.info()).bytes));
}

/** Opens a file to read it for as long as `use` runs. */
export async function withOpenFile<T>(
  files: FilesToRead,
  path: string,
  use: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const file = await files.openToRead(path);
  try {
    return await use(file);
  } finally {
    await file.close().catch(() => {}); // it was only read
  }
}
