/**
 * Packs bytes into one frame of zstd, in pieces: a single output may have a gigabyte, for which the event loop would
 * stand still, and which would be in memory twice.
 */

import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { constants, createZstdCompress, zstdCompress, type ZstdOptions } from "node:zlib";
import { nextTurn } from "../../../runtime/clock.ts";

const PARAMS = { [constants.ZSTD_c_checksumFlag]: 1 };

/** Up to here, all is packed at once, by another thread. */
const AT_ONCE_BYTES_MAX = 4 * 1024 * 1024;

/** Above it, so much is packed in one turn of the event loop. */
const PIECE_BYTES = 1024 * 1024;

const compress = promisify(zstdCompress);

/** The frame with the content of all parts, in pieces. Its header says how large that is. */
export async function* frameOf(parts: readonly Uint8Array[]): AsyncIterable<Buffer> {
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const options = { params: PARAMS, pledgedSrcSize: bytes }; // the types lack the size
  if (bytes > AT_ONCE_BYTES_MAX) return yield* packed(parts, options);
  yield await compress(parts.length === 1 ? parts[0] as Uint8Array : Buffer.concat(parts), options);
}

async function* packed(
  parts: readonly Uint8Array[],
  options: ZstdOptions,
): AsyncIterable<Buffer> {
  const compressor = createZstdCompress(options);
  const pieces: Buffer[] = [];
  compressor.on("data", (piece: Buffer) => pieces.push(piece));
  const ended = new Promise((resolve, reject) => compressor.on("end", resolve).on("error", reject));
  ended.catch(() => {}); // reported below, unless the caller has stopped
  try {
    for (const part of parts) {
      for (let at = 0; at < part.byteLength; at += PIECE_BYTES) {
        await taken(compressor, part.subarray(at, at + PIECE_BYTES));
        yield* pieces.splice(0);
        await nextTurn();
      }
    }
    compressor.end();
    await ended;
    yield* pieces;
  } finally {
    compressor.destroy();
  }
}

function taken(
  compressor: ReturnType<typeof createZstdCompress>,
  piece: Uint8Array,
): Promise<void> {
  return new Promise((resolve, reject) =>
    void compressor.write(piece, (error) => error ? reject(error) : resolve())
  );
}
