/**
 * A large core that is written to the disk as it arrives. So it takes no memory, however many controllers send one and
 * however large they say that it is.
 */

import { dirname } from "node:path";
import type { Hash } from "node:crypto";
import { CoreHead, type HugePlace, MalformedPayloadError } from "../../protocol/mod.ts";
import { nodeCrypto } from "../../runtime/late_modules.ts";
import { codeOf, toError } from "../../runtime/error_text.ts";
import type { Files, OpenFile } from "../../runtime/files/files.ts";
import type { CoreLock } from "./core_lock.ts";
import { CORE_MODE, storeError } from "./core_writing.ts";
import type { DiskRoom } from "./disk_room.ts";

/** A message with a core that is larger is written as it arrives. Most are smaller. */
export const CORE_IN_MEMORY_BYTES_MAX = 1024 * 1024;

/** Bytes that are read, hashed and written at once. */
const PIECE_BYTES = 256 * 1024;

/** A core that has arrived, in a file that is the caller's. */
export interface CoreFile {
  readonly path: string;
  readonly bytes: number;
  /** Its SHA-256. */
  readonly digest: string;
}

/** What a core is written with as it arrives. */
export interface CoreArrival {
  readonly files: Files;
  /** A file that does not exist yet. */
  readonly path: string;
  /** What is announced may never come, so room is looked for as it arrives. */
  readonly room: Pick<DiskRoom, "check">;
  /** All that arrive share the time of the worker. */
  readonly lock: CoreLock;
}

/** The payload of a message with a core. */
export class ArrivingCore implements HugePlace {
  readonly head = new Uint8Array(0);
  readonly #arrival: CoreArrival;
  readonly #payloadBytes: number;
  readonly #space = new Uint8Array(PIECE_BYTES);
  readonly #start = new CoreHead();
  readonly #hash: Hash = nodeCrypto().createHash("sha256");
  #taken = 0;
  #written = 0;
  #file: OpenFile | undefined;
  #writing: Promise<void> = Promise.resolve();
  #problem: Error | undefined;
  #isReleased = false;

  constructor(arrival: CoreArrival, payloadBytes: number) {
    this.#arrival = arrival;
    this.#payloadBytes = payloadBytes;
  }

  /** The name of the core, when it has arrived. */
  get name(): string {
    return this.#start.name ?? "";
  }

  space(at: number): Uint8Array<ArrayBuffer> {
    return this.#space.subarray(0, this.#payloadBytes - at);
  }

  /** Nothing more arrives until this much is written. What cannot be stored is read to its end. */
  onFilled(bytes: number): Promise<void> {
    const part = this.#space.slice(0, bytes - this.#taken);
    this.#taken = bytes;
    return this.#writing = this.#writing
      .then(() => this.#arrival.lock.run(() => this.#take(part)));
  }

  async #take(part: Uint8Array): Promise<void> {
    if (this.#problem || this.#isReleased) return;
    const { files, path, room } = this.#arrival;
    try {
      room.check(part.byteLength);
      const content = this.#start.take(part);
      if (content.byteLength === 0) return;
      this.#hash.update(content);
      this.#written += content.byteLength;
      this.#file ??= await files.openToAppend(path, false, CORE_MODE);
      await this.#file.append(content);
    } catch (cause) {
      const error = toError(cause);
      this.#problem = codeOf(error) ? storeError(dirname(path), error) : error;
    }
  }

  /** All of it has arrived. Rejects if it could not be stored, or if the message is malformed; then it is released. */
  async finish(): Promise<CoreFile> {
    await this.#writing;
    const { contentBytes } = this.#start;
    if (this.#start.name === undefined || contentBytes !== this.#written) {
      this.#problem ??= new MalformedPayloadError(
        `The payload of a new compute core ends after ${this.#written} bytes of its content, ` +
          `which has ${contentBytes}`,
      );
    }
    if (this.#problem) {
      this.release();
      throw this.#problem;
    }
    await this.#file?.close();
    return { path: this.#arrival.path, bytes: contentBytes, digest: this.#hash.digest("hex") };
  }

  /** It is not wanted, or does not arrive. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    void this.#discard();
  }

  async #discard(): Promise<void> {
    await this.#writing;
    const { files, path } = this.#arrival;
    await this.#file?.close().catch(() => {}); // it is removed anyway
    await files.remove(path).catch(() => {}); // then it goes with the worker's folder
  }
}
