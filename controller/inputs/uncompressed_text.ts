/** Refuses texts that are compressed: their bytes would run as jobs. */

import { Buffer } from "node:buffer";
import { shellWord } from "../../system/shell_word.ts";
import { type Compression, compressionOf, mayBeCompressed } from "./compression.ts";

/** How names of compressed files end. */
const ENDINGS = /\.(gz|zst|xz|bz2|lz4)$/i;

/** Passes a text on, and throws if it is compressed. `file`: where it is from, `-` for stdin. */
export async function* uncompressed(
  chunks: AsyncIterable<Buffer>,
  file: string,
): AsyncIterable<Buffer> {
  let first: Buffer = Buffer.alloc(0);
  let isText = false;
  for await (const chunk of chunks) {
    if (isText) {
      yield chunk;
      continue;
    }
    first = first.byteLength === 0 ? chunk : Buffer.concat([first, chunk]);
    const compression = compressionOf(first);
    if (compression) throw new Error(refusal(compression, file));
    isText = !mayBeCompressed(first); // the first line of a pipe does not wait for the next ones
    if (isText) yield first;
  }
  if (!isText && first.byteLength > 0) yield first;
}

function refusal(compression: Compression, file: string): string {
  if (compression === "zip") return "it is a zip, as an .xlsx is; save it as text, such as a .csv";
  const command = `${compression} -dc`;
  const fault = `it is compressed with ${compression}; decompress it`;
  return file === "-"
    ? `${fault} first: … | ${command} | distcomp run …`
    : `${fault} into a file: ${command} ${shellWord(file)} > ${targetOf(file)}`;
}

/** The name of the file without its ending, or one that nobody takes for the name of a file. */
function targetOf(file: string): string {
  if (ENDINGS.test(file)) return shellWord(file.replace(ENDINGS, ""));
  const [extension = ""] = /\.(csv|tsv)$/i.exec(file) ?? []; // it makes the file a table
  return `NEW${extension}`;
}
