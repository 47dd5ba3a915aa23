/** Reads a tar from a file or from stdin, packed with gzip, zstd, or not at all. */

import { Buffer } from "node:buffer";
import process from "node:process";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Files } from "../../../runtime/files/files.ts";
import { chunksOf } from "../../output/file_chunks.ts";
import { unzstd, ZSTD_MAGIC } from "../../output/pack/zstd_unpacking.ts";
import type { TarReader } from "./tar_reader.ts";

const GZIP = Buffer.of(0x1f, 0x8b);

/** What follows the first byte of a frame of zstd that readers skip, 0x50 to 0x5f. */
const SKIPPED = Buffer.of(0x2a, 0x4d, 0x18);

/** Bytes of a tar in one read, unless a large content goes elsewhere. */
const CHUNK_BYTES = 1024 * 1024;

/** Reads a tar, `-` from stdin, and yields whenever some of it was read. */
export async function* readTar(files: Files, tar: string, reader: TarReader): AsyncIterable<void> {
  const isStream = tar === "-";
  if (!isStream && !await isPacked(files, tar)) return yield* readPlain(files, tar, reader);
  const bytes = isStream ? process.stdin as AsyncIterable<Buffer> : chunksOf(files, tar);
  for await (const chunk of unpacked(bytes)) {
    // Behind the end of the tar is the checksum of the packed file. Who writes to stdin may have more zeros to write,
    // and would fail if nobody read them.
    if (reader.hasEnded) continue;
    reader.push(chunk);
    yield;
  }
}

/** Reads large contents to where the reader wants them, and everything else in chunks. */
async function* readPlain(files: Files, tar: string, reader: TarReader): AsyncIterable<void> {
  const file = await files.openToRead(tar);
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let at = 0; !reader.hasEnded;) {
      const space = reader.space();
      const bytes = await file.read(space ?? chunk, at);
      if (bytes === 0) return;
      if (space) reader.commit(bytes);
      else reader.push(chunk.subarray(0, bytes));
      at += bytes;
      yield;
    }
  } finally {
    await file.close();
  }
}

/** Whether a file is packed. Rejects if it is no file. */
export async function isPacked(files: Files, tar: string): Promise<boolean> {
  for await (const chunk of chunksOf(files, tar, 0, ZSTD_MAGIC.byteLength)) {
    return packingOf(chunk) !== undefined;
  }
  return false;
}

/** The content of a tar in chunks, each valid until the next one. */
async function* unpacked(tar: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const chunks = tar[Symbol.asyncIterator]();
  let first = Buffer.alloc(0);
  while (first.byteLength < ZSTD_MAGIC.byteLength) {
    const { value, done } = await chunks.next();
    if (done) break;
    first = Buffer.concat([first, value]);
  }
  const all = joined(first, chunks);
  const packing = packingOf(first);
  if (packing === "gzip") yield* gunzipped(all);
  else if (packing === "zstd") yield* unzstd(all);
  else if (first.byteLength > 0) yield* all;
}

/** With what the file is packed that begins with these bytes. */
function packingOf(first: Buffer): "gzip" | "zstd" | undefined {
  if (first.subarray(0, GZIP.byteLength).equals(GZIP)) return "gzip";
  // A frame of content, or one that readers skip.
  const isSkipped = SKIPPED.equals(first.subarray(1, 4)) && (first[0] as number) >> 4 === 5;
  const isZstd = isSkipped || first.subarray(0, ZSTD_MAGIC.byteLength).equals(ZSTD_MAGIC);
  return isZstd ? "zstd" : undefined;
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
