/**
 * The answers that a slot holds back, to write them together: its worker takes them from memory that both share when
 * the slot is lost, and when they have waited behind a job that takes long.
 */

import { reasonToClose } from "../../../link/bug_error.ts";
import { Link } from "../../../link/link.ts";
import type { LinkEvents } from "../../../link/link_events.ts";
import type { LinkOptions } from "../../../link/link_options.ts";
import { FrameDecoder } from "../../../protocol/mod.ts";
import type { ByteStream } from "../../../runtime/ports.ts";
import type { SlotSharedMemory } from "./slot_shared_memory.ts";

/** What the slot shares. */
type SharedAnswers = Pick<SlotSharedMemory, "startedId" | "writtenBytes" | "heldBehind">;

/** The connection of one process, on which no answer is missing and none comes twice. */
export class HeldAnswers {
  readonly #connection: ByteStream;
  readonly #shared: SharedAnswers;
  readonly #events: LinkEvents;
  #link: Link | undefined;
  /** Bytes of answers that have come over the connection. */
  #receivedBytes = 0;
  /** Bytes of answers that were received, or taken from shared memory before they were. */
  #knownBytes = 0;
  /** The job that ran at the last tick, and how much was written then. */
  #seen = { startedId: -1, writtenBytes: -1 };

  /** `connection`: the registration of the process has been read. */
  constructor(connection: ByteStream, shared: SharedAnswers, events: LinkEvents) {
    this.#connection = connection;
    this.#shared = shared;
    this.#events = events;
  }

  /** The link over the connection. At its end follow the answers that were not written any more. */
  open(options: LinkOptions): Link {
    const connection = this.#connection;
    const whole: ByteStream = {
      peer: connection.peer,
      read: (into, isLarge) => this.#read(into, isLarge),
      write: (bytes) => connection.write(bytes),
      endWrites: () => connection.endWrites(),
      close: () => connection.close(),
    };
    return this.#link = new Link(whole, this.#events, options);
  }

  /** Delivers answers that have waited since the last call, as if they had arrived. Call it several times a second. */
  onTick(): void {
    const { startedId, writtenBytes } = this.#shared;
    const { startedId: idBefore, writtenBytes: writtenBefore } = this.#seen;
    this.#seen = { startedId, writtenBytes };
    // The same job still runs. All that was written has been received, and delivered.
    const hasWaited = startedId === idBefore && writtenBytes === writtenBefore;
    const isNext = this.#knownBytes === writtenBytes && this.#link?.reception.heldBytes === 0;
    const held = hasWaited && isNext ? this.#shared.heldBehind(this.#knownBytes) : undefined;
    // The job may have ended meanwhile: then there may be other answers in that memory, and these have been written.
    if (
      !held || this.#shared.startedId !== startedId || this.#shared.writtenBytes !== writtenBytes
    ) return;
    this.#knownBytes += held.byteLength;
    this.attempt(() => new FrameDecoder().feed(held).forEach(this.#events.onFrame));
  }

  /**
   * Handles what the slot has said. A core can have it say anything: an error closes the link, as where it reads that.
   */
  attempt(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.#link?.close(reasonToClose(error));
    }
  }

  async #read(into: Uint8Array<ArrayBuffer>, isLarge?: boolean): Promise<number | null> {
    try {
      for (;;) {
        const bytes = await this.#connection.read(into, isLarge);
        if (bytes === null) return this.#readHeld(into);
        const newBytes = this.#onReceived(into, bytes);
        if (newBytes > 0) return newBytes;
      }
    } catch (error) {
      // So ends the connection of a process that was killed before it had read all its jobs.
      const heldBytes = this.#readHeld(into);
      if (heldBytes === null) throw error;
      return heldBytes;
    }
  }

  /** Moves what was not known before to the beginning. Returns how many bytes that is. */
  #onReceived(into: Uint8Array<ArrayBuffer>, bytes: number): number {
    this.#receivedBytes += bytes;
    const newBytes = Math.min(this.#receivedBytes - this.#knownBytes, bytes);
    if (newBytes <= 0) return 0;
    this.#knownBytes = this.#receivedBytes;
    if (newBytes < bytes) into.copyWithin(0, bytes - newBytes, bytes);
    return newBytes;
  }

  /** The process writes no more. */
  #readHeld(into: Uint8Array<ArrayBuffer>): number | null {
    const part = this.#shared.heldBehind(this.#knownBytes)?.subarray(0, into.byteLength);
    if (!part) return null;
    into.set(part);
    this.#knownBytes += part.byteLength;
    return part.byteLength;
  }
}
