/** The bytes of a file, read in pages and kept, for those who read little of a large file. */

import type { FileBytes } from "../../core/elf_library.ts";
import type { Files, OpenFile } from "../../runtime/files/files.ts";

/** The headers and tables of most libraries are in a few pages of this size. */
const PAGE_BYTES = 16 * 1024;

/** Pages that are kept: a crafted library makes its reader jump through all of a large file. */
const PAGES_MAX = 64;

/** Opens a file for as long as `use` runs. `undefined` if there is no such file, or it cannot be read. */
export async function withFileBytes<T>(
  files: Files,
  path: string,
  use: (bytes: FileBytes) => Promise<T>,
): Promise<T | undefined> {
  const file = await files.openToRead(path).catch(() => undefined); // the loader says why
  if (!file) return undefined;
  try {
    const { kind, bytes } = await file.info();
    return kind === "file" ? await use(new PagedBytes(file, bytes)) : undefined;
  } catch {
    return undefined; // it is cut off, or crafted: the loader says why
  } finally {
    await file.close().catch(() => {}); // it was only read
  }
}

class PagedBytes implements FileBytes {
  readonly #file: OpenFile;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(file: OpenFile, readonly size: number) {
    this.#file = file;
  }

  async read(at: number, bytes: number): Promise<Uint8Array> {
    const content = new Uint8Array(Math.max(0, Math.min(bytes, this.size - at)));
    for (let done = 0; done < content.byteLength;) {
      const page = await this.#page(Math.floor((at + done) / PAGE_BYTES));
      const offset = (at + done) % PAGE_BYTES;
      const part = page.subarray(offset, offset + content.byteLength - done);
      if (part.byteLength === 0) return content.subarray(0, done); // the file has become shorter
      content.set(part, done);
      done += part.byteLength;
    }
    return content;
  }

  async #page(index: number): Promise<Uint8Array> {
    const known = this.#pages.get(index);
    if (known) return known;
    const page = new Uint8Array(PAGE_BYTES);
    let filled = 0;
    while (filled < PAGE_BYTES) {
      const read = await this.#file.read(page.subarray(filled), index * PAGE_BYTES + filled);
      if (read === 0) break;
      filled += read;
    }
    const content = page.subarray(0, filled);
    const [oldest] = this.#pages.size < PAGES_MAX ? [] : this.#pages.keys();
    if (oldest !== undefined) this.#pages.delete(oldest);
    this.#pages.set(index, content);
    return content;
  }
}
