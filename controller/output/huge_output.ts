/**
 * An output that is too large to be in memory: it is written to a temporary file as it arrives. It becomes an output
 * when it is renamed; until then nothing of it shows.
 */

import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { OpenFile } from "../../runtime/files/files.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import { sizeText } from "../../system/size_text.ts";
import type { ArrivingOutput } from "../huge_outputs.ts";

/** One part is received while the other is written. */
const PARTS = 2;

/** Bytes of a part: as many as one read of a huge payload brings. */
const PART_BYTES = 1024 * 1024 + 64 * 1024;

/** How an output is written. */
export interface HugeOutputOptions {
  readonly files: Pick<FolderFiles, "openToAppend" | "remove">;
  /** Where it is until it is renamed. */
  readonly path: string;
  readonly headBytes: number;
  readonly bytes: number;
  /** Whether it is hashed, to be compared with another one. */
  readonly isHashed: boolean;
}

/** A huge output. */
export class HugeOutput implements ArrivingOutput {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly path: string;
  readonly byteLength: number;
  readonly #files: HugeOutputOptions["files"];
  readonly #hash: ReturnType<typeof createHash> | undefined;
  readonly #free = Array.from({ length: PARTS }, () => new Uint8Array(PART_BYTES));
  #filling: Uint8Array<ArrayBuffer> | undefined;
  #filledBytes = 0;
  #crc32 = 0;
  #file: Promise<OpenFile> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #error: unknown;
  #isUnwanted = false;

  constructor({ files, path, headBytes, bytes, isHashed }: HugeOutputOptions) {
    this.head = new Uint8Array(headBytes);
    this.path = path;
    this.byteLength = bytes;
    this.#files = files;
    this.#hash = isHashed ? createHash("sha256") : undefined;
  }

  /** The checksum of all of it. */
  get crc32(): number {
    return this.#crc32;
  }

  /** The hash of all of it, once. */
  get sha256(): string {
    if (!this.#hash) throw new TypeError("The output is not hashed");
    return this.#hash.digest("hex");
  }

  space(at: number): Uint8Array<ArrayBuffer> {
    // Compressed bytes may bring more parts before the first of them is written.
    const buffer = this.#filling ??= this.#free.pop() ?? new Uint8Array(PART_BYTES);
    return buffer.subarray(0, this.byteLength - at);
  }

  onFilled(blobBytes: number): Promise<void> | undefined {
    const count = blobBytes - this.#filledBytes;
    this.#filledBytes = blobBytes;
    if (!this.#filling || count === 0) return undefined;
    const buffer = this.#filling;
    this.#filling = undefined;
    this.#hash?.update(buffer.subarray(0, count)); // at once: a vote asks for it when the last byte is there
    const writing = this.#writing = this.#writing.then(() => this.#write(buffer, count));
    return this.#free.length > 0 ? undefined : writing;
  }

  /** It does not arrive. */
  release(): void {
    void this.discard();
  }

  /** Nobody wants it. Resolves when it is gone. */
  async discard(): Promise<void> {
    this.#isUnwanted = true;
    await this.#close();
    await this.#files.remove(this.path).catch(() => {}); // the folder is removed at the end anyway
  }

  /** Resolves when all of it is in the file. Rejects with the error of the disk. */
  async finish(): Promise<void> {
    await this.#close();
    if (this.#error !== undefined) throw this.#error;
  }

  /** Never rejects: the run hears of an error when the output is whole, as for other outputs. */
  async #write(buffer: Uint8Array<ArrayBuffer>, count: number): Promise<void> {
    const part = buffer.subarray(0, count);
    try {
      if (this.#error === undefined && !this.#isUnwanted) {
        this.#crc32 = crc32(part, this.#crc32);
        const file = await (this.#file ??= this.#files.openToAppend(this.path, true));
        await file.append(part);
      }
    } catch (error) {
      this.#error = error;
    }
    this.#free.push(buffer);
  }

  async #close(): Promise<void> {
    await this.#writing;
    const file = this.#file;
    this.#file = undefined;
    try {
      await (await file)?.close();
    } catch (error) {
      this.#error ??= error;
    }
  }
}

/** Why the disk of a folder cannot take an output. */
export function diskProblem(folder: string, bytes: number): string | undefined {
  let freeBytes = Infinity;
  try {
    const { bavail, bsize } = statfsSync(folder);
    freeBytes = bavail * bsize;
  } catch {
    // This disk does not tell. If it is full, writing will fail.
  }
  if (bytes <= freeBytes) return undefined;
  const free = sizeText(freeBytes);
  return `its output of ${
    sizeText(bytes)
  } does not fit on the disk of the output folder, which has ${free} free`;
}
