/** Reads what libraries say of themselves, from memory or from a file of any size, of which it reads little. */

import { type FileHandle, open, stat } from "node:fs/promises";
import { type ElfLibrary, readElfLibrary } from "../../core/elf_library.ts";
import type { LibraryFile } from "../../core/origin_libraries.ts";

/** What the library with this content says of itself; `undefined` if it is no ELF library. */
export function libraryIn(content: Uint8Array<ArrayBuffer>): Promise<ElfLibrary | undefined> {
  const read = (at: number, bytes: number) => Promise.resolve(content.subarray(at, at + bytes));
  return readElfLibrary({ size: content.byteLength, read });
}

/** The library at a path; `undefined` if there is no file that can be read. */
export async function libraryAt(path: string): Promise<LibraryFile | undefined> {
  let handle: FileHandle | undefined;
  try {
    const stats = await stat(path);
    if (!stats.isFile()) return undefined; // to open a pipe would wait for its writer
    handle = await open(path, "r");
    return { library: await readElfLibrary({ size: stats.size, read: partsOf(handle) }) };
  } catch {
    return undefined; // the loader looks elsewhere, too
  } finally {
    await handle?.close();
  }
}

function partsOf(handle: FileHandle): (at: number, bytes: number) => Promise<Uint8Array> {
  return async (at, bytes) => {
    const part = new Uint8Array(bytes);
    let filled = 0;
    while (filled < bytes) {
      const { bytesRead } = await handle.read(part, filled, bytes - filled, at + filled);
      if (bytesRead === 0) break; // the end of the file
      filled += bytesRead;
    }
    return part.subarray(0, filled);
  };
}
