/** Makes one worker load a core: chooses its setup, and sends the contents that the worker lacks. */

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import {
  decodeChooseResponse,
  decodeNothing,
  decodeSetupResponse,
  encodeChoose,
  encodeContent,
  encodeSetup,
  type Frame,
  isBare,
  UNANSWERED_PARTS_MAX,
} from "../../protocol/mod.ts";
import { messageOf, reasonOf } from "../../runtime/error_text.ts";
import type { CoreImage } from "./core_image.ts";
import { PartWindow } from "./part_window.ts";
import { errorTextOf, isError } from "./responses.ts";

/** A larger file is sent in parts of this size. */
const PART_BYTES = 4 * 1024 * 1024;

/** How much of all files is in memory at once, and on its way to one worker: a part, or several small files. */
const WINDOW_BYTES_MAX = PART_BYTES;

/** A worker that is short of space may drop some of a setup's contents while it gets the others. */
const ROUNDS_MAX = 3;

/** Why a worker of version 1 cannot be used with variables and files: it would run the core without them. */
const NEEDS_VERSION_2 =
  "it speaks only version 1 of the protocol, which has neither variables (--env) " +
  "nor files beside the core (--with)";

/** What a transfer needs of its connection. */
export interface TransferConnection {
  /** Sends a message that is encoded with its id. Its response goes to `onResponse`. */
  request(
    encode: (id: number) => Uint8Array<ArrayBuffer>,
    onResponse: (frame: Frame) => void,
  ): void;
  /** Sends a bare core as in version 1. `onLoaded` or `onFailed` of the connection follows. */
  sendCore(core: CoreImage): void;
  onLoaded(): void;
  onFailed(reason: string): void;
  /** Whether it is closed, so that nothing more is to be sent. */
  isClosed(): boolean;
}

/** The transfer of one core to one worker. */
export class CoreTransfer {
  readonly #core: CoreImage;
  readonly #initMs: number;
  readonly #connection: TransferConnection;
  /** The parts that are on their way. */
  readonly #window = new PartWindow(UNANSWERED_PARTS_MAX, WINDOW_BYTES_MAX);

  /** `initMs`: how long `worker_init` may take. */
  constructor(core: CoreImage, initMs: number, connection: TransferConnection) {
    this.#core = core;
    this.#initMs = initMs;
    this.#connection = connection;
  }

  /** The connection is closed. */
  close(): void {
    this.#window.fail(new Error("the connection is closed"));
  }

  /** Sends the core, or chooses it: from version 2 on, the worker says whether it lacks anything. */
  start(version: number): void {
    if (version === 1) {
      if (isBare(this.#core.setup)) return this.#connection.sendCore(this.#core);
      return this.#connection.onFailed(NEEDS_VERSION_2);
    }
    if (!isBare(this.#core.setup)) {
      return this.#chooseSetup(ROUNDS_MAX);
    }
    const { key, name } = this.#core;
    this.#request((id) => encodeChoose(id, key, name, this.#initMs), ({ payload }) => {
      if (decodeChooseResponse(payload)) this.#connection.onLoaded();
      else this.#connection.sendCore(this.#core);
    });
  }

  /** Chooses the setup, and sends what the worker lacks; `rounds`: how often at most. */
  #chooseSetup(rounds: number): void {
    const { setup, name } = this.#core;
    this.#request((id) => encodeSetup(id, setup, name, this.#initMs), ({ payload }) => {
      const missing = decodeSetupResponse(payload);
      if (missing.length === 0) this.#connection.onLoaded();
      else if (rounds > 0) void this.#send(missing, rounds - 1);
      else this.#connection.onFailed("it does not keep the files that it is sent");
    });
  }

  #request(encode: (id: number) => Uint8Array<ArrayBuffer>, onDone: (frame: Frame) => void): void {
    this.#connection.request(encode, (frame) => {
      if (isError(frame)) this.#connection.onFailed(errorTextOf(frame));
      else onDone(frame);
    });
  }

  async #send(missing: readonly string[], rounds: number): Promise<void> {
    try {
      for (const digest of missing) await this.#sendContent(digest);
      await this.#window.emptied();
    } catch (error) {
      if (!this.#connection.isClosed()) this.#connection.onFailed(messageOf(error));
      return;
    }
    if (!this.#connection.isClosed()) this.#chooseSetup(rounds);
  }

  async #sendContent(digest: string): Promise<void> {
    const { setup, content, files } = this.#core;
    if (digest === setup.core) {
      return await this.#sendParts(
        digest,
        content.byteLength,
        (at) => Promise.resolve(content.subarray(at, at + PART_BYTES)),
      );
    }
    const found = files.find((file) => file.digest === digest);
    if (!found) throw new Error(`it asks for a file that does not belong to the core: ${digest}`);
    const handle = await open(found.file, "r").catch((cause) => {
      throw new Error(`cannot read "${found.file}": ${reasonOf(cause)}`, { cause });
    });
    const hash = createHash("sha256");
    try {
      await this.#sendParts(digest, found.bytes, async (at) => {
        const part = await partOf(handle, at, found);
        const isLast = at + part.byteLength === found.bytes;
        hash.update(part);
        if (isLast && hash.digest("hex") !== digest) throw changed(found);
        return part;
      });
    } finally {
      await handle.close();
    }
  }

  /** Sends the parts of a file, each as soon as there is room for it. */
  async #sendParts(
    digest: string,
    bytes: number,
    partAt: (offset: number) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    let offset = 0;
    do {
      await this.#window.room(Math.min(PART_BYTES, bytes - offset));
      const part = await partAt(offset);
      this.#window.check(); // it may have failed while the part was read
      if (this.#connection.isClosed()) return;
      const content = { digest, bytes, offset, part };
      this.#window.onSent(part.byteLength);
      this.#connection.request((id) => encodeContent(id, content), (frame) => {
        if (isError(frame)) return this.#window.fail(new Error(errorTextOf(frame)));
        decodeNothing(frame.payload);
        this.#window.onAnswered(part.byteLength);
      });
      offset += part.byteLength;
    } while (offset < bytes);
  }
}

/** A file is read once to identify it, and again for each worker that lacks it. */
function changed({ file }: { readonly file: string }): Error {
  return new Error(`"${file}" has changed since the run began; run it again`);
}

async function partOf(
  handle: FileHandle,
  at: number,
  { bytes, file }: { readonly bytes: number; readonly file: string },
): Promise<Uint8Array<ArrayBuffer>> {
  const part = new Uint8Array(Math.min(PART_BYTES, bytes - at));
  for (let filled = 0; filled < part.byteLength;) {
    const { bytesRead } = await handle.read(part, filled, part.byteLength - filled, at + filled);
    if (bytesRead === 0) throw changed({ file });
    filled += bytesRead;
  }
  return part;
}
