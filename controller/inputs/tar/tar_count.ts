/** Counts the files in a tar, beside the run that reads them: where that is little work, without their contents. */

import { Buffer } from "node:buffer";
import { nextTurn } from "../../../runtime/clock.ts";
import type { Files } from "../../../runtime/files/files.ts";
import { TarReader } from "./tar_reader.ts";
import { isPacked } from "./tar_stream.ts";

/** Bytes in one read: many headers of small files, or the header of a large one. */
const CHUNK_BYTES = 16 * 1024;

/**
 * Where files are smaller than that on average, counting them would take a noticeable part of the time of the run.
 * This is known after some of them.
 */
const FILE_BYTES_MIN = 16 * 1024;
const SAMPLE_FILES = 256;

/** How many files a tar has; `undefined` if it is not a plain file, is damaged, or has many small files. */
export async function countInTar(files: Files, tar: string): Promise<number | undefined> {
  if (tar === "-" || await isPacked(files, tar)) return undefined;
  let count = 0;
  const onFile = () => void (count += 1);
  const reader = new TarReader(NO_CONTENT, { onFile, onUnreadable: onFile, onSkipped() {} });
  const file = await files.openToRead(tar);
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let at = 0; reader.strayAt === undefined;) {
      const bytes = await file.read(chunk, at);
      if (bytes === 0) return count;
      reader.push(chunk.subarray(0, bytes));
      at += bytes + reader.skip();
      if (count >= SAMPLE_FILES && at < FILE_BYTES_MIN * count) return undefined;
      await nextTurn();
    }
    return count;
  } finally {
    await file.close();
  }
}

/** No file is so small that its content is wanted. */
const NO_CONTENT = -1;
