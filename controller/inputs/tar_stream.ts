/** The bytes of a tar, from a file or from stdin, packed with gzip, zstd, or not at all. */

import { Buffer } from "node:buffer";
import process from "node:process";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Files } from "../../runtime/files.ts";
import { chunksOf } from "../output/file_chunks.ts";
import { unzstd, ZSTD_MAGIC } from "../output/zstd_frames.ts";

const GZIP = Buffer.of(0x1f, 0x8b);

/** What follows the first byte of a frame of zstd that readers skip, 0x50 to 0x5f. */
const SKIPPED = Buffer.of(0x2a, 0x4d, 0x18);

/** The content of the tar in chunks, each valid until the next one. `-` is stdin. */
export async function* tarChunks(files: Files, file: string): AsyncIterable<Buffer> {
  const chunks = file === "-"
    ? (process.stdin as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
    : chunksOf(files, file)[Symbol.asyncIterator]();
  let first = Buffer.alloc(0);
  while (first.byteLength < ZSTD_MAGIC.byteLength) {
    const { value, done } = await chunks.next();
    if (done) break;
    first = Buffer.concat([first, value]);
  }
  const all = joined(first, chunks);
  if (first.subarray(0, GZIP.byteLength).equals(GZIP)) yield* gunzipped(all);
  else if (isZstd(first)) yield* unzstd(all);
  else if (first.byteLength > 0) yield* all;
}

/** A frame of content, or one that readers skip. */
function isZstd(first: Buffer): boolean {
  const isSkipped = SKIPPED.equals(first.subarray(1, 4)) && (first[0] as number) >> 4 === 5;
  return isSkipped || first.subarray(0, ZSTD_MAGIC.byteLength).equals(ZSTD_MAGIC);
}

async function* joined(first: Buffer, others: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  try {
    yield first;
    for (let next = await others.next(); !next.done; next = await others.next()) yield next.value;
  } finally {
    await others.return?.();
  }
}

/** Several files of gzip in a row are one. */
async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const gunzip = createGunzip();
  const source = Readable.from(copied(chunks));
  source.on("error", (error) => gunzip.destroy(error));
  yield* source.pipe(gunzip) as AsyncIterable<Buffer>;
}

/** The stream still reads a chunk when the next one is there. */
async function* copied(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}
