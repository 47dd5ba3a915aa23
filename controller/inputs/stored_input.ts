/**
 * An input that stays in its file: it is read as it is sent, part by part, each time that its job is sent. A run holds
 * only what is on its way.
 */

import type { BlobSource } from "../../protocol/mod.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { Files, OpenFile, TargetInfo } from "../../runtime/files/files.ts";
import type { StoredTaskInput } from "../cluster/cluster_types.ts";

/** Larger files stay where they are. It is as much as a run queues of all its inputs. */
export const STORED_INPUT_BYTES_MIN = 64 * 1024 * 1024;

/** Where a large input is. */
export class StoredInput implements StoredTaskInput {
  readonly #files: Files;
  readonly #found: TargetInfo;

  /** `found`: what was at the path when the input was found. Another file is another input. */
  constructor(files: Files, readonly path: string, found: TargetInfo) {
    this.#files = files;
    this.#found = found;
  }

  get byteLength(): number {
    return this.#found.bytes;
  }

  open(onUnreadable: (reason: string) => void): BlobSource {
    return new FileSource(this, onUnreadable);
  }

  /** Opens the file to read it. Rejects if it is another one. */
  async openFile(): Promise<OpenFile> {
    const file = await this.#files.openToRead(this.path);
    try {
      await this.check();
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  /** Rejects if the file has changed. */
  async check(): Promise<void> {
    const { bytes, modifiedAtMs, changedAt } = await this.#files.target(this.path);
    const { bytes: foundBytes, modifiedAtMs: foundAtMs, changedAt: foundAt } = this.#found;
    if (bytes === foundBytes && modifiedAtMs === foundAtMs && changedAt === foundAt) return;
    throw new Error("it has changed since the run found it");
  }
}

/** Bytes that are read ahead while the ones before are sent. */
interface Ahead {
  readonly at: number;
  readonly bytes: Promise<Uint8Array<ArrayBuffer>>;
  readonly count: number;
}

/**
 * The bytes of one sending. If they cannot be read, zeros take their place: the message has begun and needs its length.
 * Its job is canceled then.
 */
class FileSource implements BlobSource {
  readonly #input: StoredInput;
  readonly #onUnreadable: (reason: string) => void;
  #file: Promise<OpenFile> | undefined;
  /** One is sent while the other is read. */
  #buffers: readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] = [NOTHING, NOTHING];
  #ahead: Ahead | undefined;
  #hasFailed = false;

  constructor(input: StoredInput, onUnreadable: (reason: string) => void) {
    this.#input = input;
    this.#onUnreadable = onUnreadable;
  }

  get byteLength(): number {
    return this.#input.byteLength;
  }

  async read(at: number, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
    const count = Math.min(bytesMax, this.byteLength - at);
    try {
      if (this.#hasFailed) return this.#space(count).fill(0);
      const bytes = await this.#bytesAt(at, count);
      if (at + count === this.byteLength) await this.#input.check();
      else this.#readAhead(at + count, Math.min(bytesMax, this.byteLength - at - count));
      return bytes;
    } catch (error) {
      this.#hasFailed = true;
      this.#onUnreadable(`cannot read "${this.#input.path}": ${reasonOf(error)}`);
      return this.#space(count).fill(0);
    }
  }

  close(): void {
    const read = this.#ahead?.bytes.catch(() => {}); // nobody needs these bytes any more
    const closing = read ? read.then(() => this.#file) : this.#file;
    closing?.then((file) => file?.close()).catch(() => {}); // it was only read, or could not be opened
  }

  async #bytesAt(at: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const bytes = await ahead?.bytes;
    return bytes && ahead?.at === at && ahead.count === count ? bytes : await this.#load(at, count);
  }

  #readAhead(at: number, count: number): void {
    const bytes = this.#load(at, count);
    bytes.catch(() => {}); // whoever takes it sees the error
    this.#ahead = { at, count, bytes };
  }

  async #load(at: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    const into = this.#space(count);
    const file = await (this.#file ??= this.#input.openFile());
    for (let filled = 0; filled < count;) {
      const bytes = await file.read(into.subarray(filled), at + filled);
      if (bytes === 0) throw new Error("it has become shorter since the run found it");
      filled += bytes;
    }
    return into;
  }

  /** The buffer that is not being sent. */
  #space(count: number): Uint8Array<ArrayBuffer> {
    const [sent, free] = this.#buffers;
    const buffer = free.byteLength >= count ? free : new Uint8Array(count);
    this.#buffers = [buffer, sent];
    return buffer.subarray(0, count);
  }
}

const NOTHING = new Uint8Array(0);
