/** Unpacks gzip. Several files of gzip in a row are one; what else follows the end is an error, and never left out. */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { codeOf, messageOf } from "../../../runtime/error_text.ts";

const STRAY = "it is compressed with gzip, and more data follows its end; " +
  "if you do not need that data: gzip -dc FILE | distcomp run … --inputs -";

/** A stream does not say whether it has come to an end before: one byte behind it may begin a further part. */
const CUT = "it is compressed with gzip, and is cut off, or a few bytes follow its end";

/** What the codes of zlib's errors begin with. */
const ZLIB = "Z_";

/** The content in chunks, each valid until the next one. */
export async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const packed = new PackedBytes(chunks);
  const gunzip = createGunzip();
  const source = Readable.from(packed.read());
  source.on("error", (error) => gunzip.destroy(error));
  try {
    yield* source.pipe(gunzip) as AsyncIterable<Buffer>;
    await packed.drain();
  } catch (error) {
    if (codeOf(error) === "Z_BUF_ERROR") throw new Error(CUT, { cause: error });
    if (isStray(error)) throw new Error(STRAY, { cause: error });
    if (!codeOf(error).startsWith(ZLIB)) throw error;
    const words = messageOf(error);
    throw new Error(`it is compressed with gzip, and is damaged (${words})`, { cause: error });
  } finally {
    packed.close();
  }
  // It ends at the first zero behind the end: many programs fill files up with zeros.
  if (packed.usedBytes > gunzip.bytesWritten) throw new Error(STRAY);
}

/** The first header was that of gzip, so only a later one can be wrong. Deno's second one: for a byte behind a zero. */
function isStray(error: unknown): boolean {
  const { message = "", code = "" } = error as { message?: string; code?: string };
  return message === "incorrect header check" || code === "ERR_STREAM_PUSH_AFTER_EOF";
}

/** The packed bytes, and how many of them there are. */
class PackedBytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #bytes = 0;
  /** How many there are without the zeros at the end. */
  usedBytes = 0;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Copies: the stream still reads a chunk when the next one is there. */
  async *read(): AsyncIterable<Buffer> {
    for (let chunk = await this.#next(); chunk; chunk = await this.#next()) {
      yield Buffer.from(chunk);
    }
  }

  /** Reads what the stream has left: who writes it would fail if nobody did. */
  async drain(): Promise<void> {
    while (await this.#next());
  }

  /** Not waited for: a read of stdin may be under way. */
  close(): void {
    this.#chunks.return?.().catch(() => {});
  }

  async #next(): Promise<Buffer | undefined> {
    const { value, done } = await this.#chunks.next();
    if (done) return undefined;
    const chunk: Buffer = value;
    let end = chunk.byteLength;
    while (end > 0 && chunk[end - 1] === 0) end -= 1;
    if (end > 0) this.usedBytes = this.#bytes + end;
    this.#bytes += chunk.byteLength;
    return chunk;
  }
}
