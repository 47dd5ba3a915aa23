/** The file of a pack. Sizes and places are those of its content, before it is packed with zstd. */

import type { OpenFile } from "../../runtime/files.ts";

/** What is in a pack. */
export interface PackContent {
  /** The size of what is there, as far as it is whole. */
  readonly bytes: number;
  /** Whether it certainly is no pack. */
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

/** A file that has its content as it is. */
export class PlainPackFile implements PackFile {
  readonly #file: OpenFile;
  #bytes: number;

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
  }

  datasync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
