/**
 * Files that Deno appends to in another thread. `node:fs` of Deno writes in the thread that runs the program, so a large
 * output or a slow disk would hold up everything else, and `Deno.FsFile` copies what it writes.
 */

import { type OpenFile, SystemFile } from "./files.ts";

/** The most bytes of one call: their number has to fit into 31 bits. */
const WRITE_BYTES_MAX = 2 ** 30;

/** `write` of the C library in another thread. Returns -1 if it fails. */
export type WriteAside = (fd: number, bytes: Uint8Array, count: number) => Promise<number>;

/** The same file, with appends in another thread. */
export function appendingAside(file: OpenFile, write: WriteAside | undefined): OpenFile {
  return write && file instanceof SystemFile ? new FileAside(file, write) : file;
}

class FileAside implements OpenFile {
  readonly #file: SystemFile;
  readonly #write: WriteAside;

  constructor(file: SystemFile, write: WriteAside) {
    this.#file = file;
    this.#write = write;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.byteLength > 0) {
      const count = Math.min(rest.byteLength, WRITE_BYTES_MAX);
      const written = await this.#write(this.#file.descriptor, rest, count);
      if (written <= 0) break;
      rest = rest.subarray(written);
    }
    if (rest.byteLength > 0) await this.#file.append(rest); // this one says why it fails
  }

  appendSync(bytes: Uint8Array): void {
    this.#file.appendSync(bytes);
  }

  info() {
    return this.#file.info();
  }

  read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number> {
    return this.#file.read(into, at);
  }

  datasync(): Promise<void> {
    return this.#file.datasync();
  }

  truncate(bytes: number): Promise<void> {
    return this.#file.truncate(bytes);
  }

  access() {
    return this.#file.access();
  }

  setAccess(access: Parameters<SystemFile["setAccess"]>[0]): Promise<void> {
    return this.#file.setAccess(access);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
