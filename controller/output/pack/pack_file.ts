/** The file of a pack. Sizes and places are those of its content, before it is packed with zstd. */

import type { OpenFile } from "../../../runtime/files/files.ts";

/** What is in a pack. */
export interface PackContent {
  /** The size of what is there, as far as it is whole. */
  readonly bytes: number;
  /** Whether it certainly is not a pack. */
  readonly isOther?: boolean;
  /** The largest size not above `bytes` to which it can be cut. */
  endBefore(bytes: number): number;
  /** Reads from `at` on. Resolves to the number of bytes. */
  read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number>;
}

/** A file that grows by batches. */
export interface PackFile extends PackContent {
  /** Cuts it to such a size. */
  cut(bytes: number): Promise<void>;
  /** Appends a batch. If that fails, nothing of it is left, unless the system cannot even cut the file. */
  append(parts: readonly Uint8Array[]): Promise<void>;
  /** Resolves when everything that was appended survives a power failure. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * When the system has so much of a large pack in memory that is new, it is written to the disk and taken out of memory.
 * A system that fills all of its memory with a file takes longer for each new page than for one that was just in use.
 */
const CACHED_BYTES_MAX = 64 * 1024 * 1024;

/** A file that has its content as it is. */
export class PlainPackFile implements PackFile {
  readonly #file: OpenFile;
  #bytes: number;
  /** How much of it is taken out of memory, or is about to be. */
  #uncachedBytes = 0;
  #uncaching: Promise<void> | undefined;
  /** Why it could not be written to the disk. The system says it only once. */
  #syncFailure: unknown;

  private constructor(file: OpenFile, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  static async open(file: OpenFile): Promise<PlainPackFile> {
    return new PlainPackFile(file, (await file.info()).bytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  endBefore(bytes: number): number {
    return Math.min(bytes, this.#bytes);
  }

  read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number> {
    return this.#file.read(into, at);
  }

  async cut(bytes: number): Promise<void> {
    await this.#file.truncate(bytes);
    this.#bytes = bytes;
    this.#uncachedBytes = bytes; // as earlier runs have left it
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    const file = this.#file;
    try {
      if (file.appendAll) await file.appendAll(parts);
      else for (const part of parts) await file.append(part);
    } catch (error) {
      await this.#file.truncate(this.#bytes).catch(() => {}); // the next run does it
      throw error;
    }
    this.#bytes += parts.reduce((bytes, part) => bytes + part.byteLength, 0);
    if (this.#bytes - this.#uncachedBytes >= CACHED_BYTES_MAX) this.#uncache();
  }

  /** Takes what is there out of memory, beside further appends. */
  #uncache(): void {
    const file = this.#file;
    if (!file.uncache || this.#uncaching) return;
    const at = this.#uncachedBytes;
    const end = this.#bytes;
    this.#uncachedBytes = end;
    this.#uncaching = file.datasync()
      .then(
        () => file.uncache?.(at, end - at).catch(() => {}), // it only costs memory
        (error) => void (this.#syncFailure ??= error),
      )
      .finally(() => this.#uncaching = undefined);
  }

  async datasync(): Promise<void> {
    await this.#uncaching;
    if (this.#syncFailure) throw this.#syncFailure;
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#uncaching;
    await this.#file.close();
  }
}
