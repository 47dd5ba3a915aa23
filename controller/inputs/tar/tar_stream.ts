/** Reads a tar from a file or from stdin, packed with gzip, zstd, or not at all. */

import { Buffer } from "node:buffer";
import type { Files } from "../../../runtime/files/files.ts";
import { openStdin } from "../../../system/stdin.ts";
import { chunksOf } from "../../output/file_chunks.ts";
import { unzstd } from "../../output/pack/zstd_unpacking.ts";
import { MAGIC_BYTES } from "../compression.ts";
import { gunzipped } from "./gunzip.ts";
import { packingOf } from "./packing.ts";
import type { TarReader } from "./tar_reader.ts";

/** Bytes of a tar in one read, unless a large content goes elsewhere. */
const CHUNK_BYTES = 1024 * 1024;

/** Reads a tar, `-` from stdin, and yields whenever some of it was read. */
export async function* readTar(files: Files, tar: string, reader: TarReader): AsyncIterable<void> {
  const isStream = tar === "-";
  if (!isStream && !await isPacked(files, tar)) return yield* readPlain(files, tar, reader);
  const bytes = isStream ? openStdin() : chunksOf(files, tar);
  for await (const chunk of unpacked(bytes)) {
    // Who writes to stdin would fail if nobody read the rest, and a packed file has its checksum at its end.
    if (reader.strayAt !== undefined) continue;
    reader.push(chunk);
    yield;
  }
}

/** Reads large contents to where the reader wants them, and everything else in chunks. */
async function* readPlain(files: Files, tar: string, reader: TarReader): AsyncIterable<void> {
  const file = await files.openToRead(tar);
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let at = 0; reader.strayAt === undefined;) {
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

/** Whether a file is packed. Rejects if it is not a file. */
export async function isPacked(files: Files, tar: string): Promise<boolean> {
  for await (const chunk of chunksOf(files, tar, 0, MAGIC_BYTES)) {
    return packingOf(chunk) !== undefined;
  }
  return false;
}

/** The content of a tar in chunks, each valid until the next one. */
async function* unpacked(tar: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const chunks = tar[Symbol.asyncIterator]();
  let first = Buffer.alloc(0);
  while (first.byteLength < MAGIC_BYTES) {
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

async function* joined(first: Buffer, others: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  try {
    yield first;
    for (let next = await others.next(); !next.done; next = await others.next()) yield next.value;
  } finally {
    await others.return?.();
  }
}
