/**
 * Files that Deno appends to in another thread. `node:fs` of Deno writes in the thread that runs the program, so a large
 * output or a slow disk would hold up everything else, and `Deno.FsFile` copies what it writes.
 */

import { appendParts } from "../files/append_parts.ts";
import { POSIX_FADV_DONTNEED } from "../native/c_declarations.ts";
import type { OpenFile } from "../files/files.ts";
import type { SystemFile } from "../files/system_file.ts";

/** The most bytes of one call: their number has to fit into 31 bits. */
const WRITE_BYTES_MAX = 2 ** 30;

/** Functions of the C library in another thread. What is written must not change until they have resolved. */
export interface ThreadWrites {
  /** `write`. Resolves to -1 if it fails. */
  write(fd: number, bytes: Uint8Array, count: number): Promise<number>;
  /** `writev`. Resolves to -1 if it fails. */
  writeParts(fd: number, parts: readonly Uint8Array[]): Promise<number>;
  /** `posix_fadvise`. */
  advise(fd: number, at: number, bytes: number, advice: number): Promise<number>;
}

/** The same file, with appends in another thread. */
export function appendingInThread(file: SystemFile, writes: ThreadWrites | undefined): OpenFile {
  return writes ? new ThreadFile(file, writes) : file;
}

class ThreadFile implements OpenFile {
  readonly #file: SystemFile;
  readonly #writes: ThreadWrites;

  constructor(file: SystemFile, writes: ThreadWrites) {
    this.#file = file;
    this.#writes = writes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.byteLength > 0) {
      const count = Math.min(rest.byteLength, WRITE_BYTES_MAX);
      const written = await this.#writes.write(this.#file.handle.fd, rest, count);
      if (written <= 0) break;
      rest = rest.subarray(written);
    }
    if (rest.byteLength > 0) await this.#file.append(rest); // this one says why it fails
  }

  appendAll(parts: readonly Uint8Array[]): Promise<void> {
    return appendParts(parts, {
      gather: (parts) => this.#writes.writeParts(this.#file.handle.fd, parts),
      append: (part) => this.append(part),
    });
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

  async uncache(at: number, bytes: number): Promise<void> {
    await this.#writes.advise(this.#file.handle.fd, at, bytes, POSIX_FADV_DONTNEED);
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
