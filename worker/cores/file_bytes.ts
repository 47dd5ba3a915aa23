/** The bytes of a file, read in pages and kept, for those who read little of a large file. */

import type { FileBytes } from "../../core/elf_library.ts";
import type { Files, OpenFile } from "../../runtime/files/files.ts";
import { withOpenFile } from "../../system/file_hash.ts";
import { readPart } from "../../system/file_part.ts";

/** The headers and tables of most libraries are in a few pages of this size. */
const PAGE_BYTES = 16 * 1024;

/** Pages that are kept: a crafted library makes its reader jump through all of a large file. */
const PAGES_MAX = 64;

/**
 * Opens a file for as long as `use` runs. `undefined` if there is no such file, or it cannot be read. Devices are not
 * even opened: a library may name any path.
 */
export async function withFileBytes<T>(
  files: Files,
  path: string,
  use: (bytes: FileBytes) => Promise<T>,
): Promise<T | undefined> {
  try {
    const { kind } = await files.target(path);
    if (kind !== "file") return undefined;
    return await withOpenFile(files, path, async (file) => {
      const { bytes } = await file.info();
      return await use(new PagedBytes(file, bytes));
    });
  } catch {
    return undefined; // it is cut off, or crafted: the loader says why
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
    const content = await readPart(this.#file, index * PAGE_BYTES, PAGE_BYTES);
    const [oldest] = this.#pages.size < PAGES_MAX ? [] : this.#pages.keys();
    if (oldest !== undefined) this.#pages.delete(oldest);
    this.#pages.set(index, content);
    return content;
  }
}
