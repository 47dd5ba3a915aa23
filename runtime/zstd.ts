/** zstd, which both runtimes have in node:zlib. Neither of them compresses beside the event loop: keep pieces small. */

import { zlib } from "./late_modules.ts";

/** The fastest: a slow link gains little from a better one, whose time a fast one feels. */
const LEVEL = 1;

/** A decompressor needs no more memory for it. */
const WINDOW_LOG = 20;

/** Room for a frame that is larger than its content. */
const EXTRA_BYTES = 1024;

/**
 * Compresses bytes to one zstd frame. It is written to one piece of memory: Deno 2.9.6 puts a second, empty frame
 * behind it if that is full.
 */
export function zstdCompress(bytes: Uint8Array): Uint8Array {
  const { constants, zstdCompressSync } = zlib();
  const { ZSTD_c_compressionLevel, ZSTD_c_windowLog } = constants;
  return zstdCompressSync(bytes, {
    chunkSize: bytes.byteLength + (bytes.byteLength >> 7) + EXTRA_BYTES,
    params: { [ZSTD_c_compressionLevel]: LEVEL, [ZSTD_c_windowLog]: WINDOW_LOG },
  });
}

/** Decompresses one zstd frame to at most `bytesMax` bytes; throws if it has more. */
export function zstdDecompress(data: Uint8Array, bytesMax: number): Uint8Array {
  const { constants, zstdDecompressSync } = zlib();
  return zstdDecompressSync(data, {
    maxOutputLength: bytesMax,
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
  });
}
