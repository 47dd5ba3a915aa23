/**
 * Reads of a socket straight into the reader's memory. Bun gives out what it has read, which costs two copies: to a
 * buffer of its own, and from there. While more is waiting in the system, `recv` gets it without them. Linux only.
 */

import process from "node:process";
import type { CFunction } from "./c_functions.ts";

/** The function of the C library for it. */
export const RECEIVE_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // ssize_t recv(int fd, void *buffer, size_t count, int flags)
  recv: { args: ["i32", "buffer", "size", "i32"], returns: "i32" },
};

/** The function that `RECEIVE_FUNCTIONS` declares. */
export interface ReceiveLibrary {
  recv(fd: number, into: Uint8Array, count: number, flags: number): number;
}

const MSG_DONTWAIT = 0x40;

/** Everything else in this process waits meanwhile: after this many bytes, it has its turn. */
const BYTES_PER_TURN_MAX = 4 * 1024 * 1024;

/** The direct reads of one socket. */
export class DirectReads {
  readonly #open: () => ReceiveLibrary;
  #isLarge = false;
  #bytes = 0;

  constructor(open: () => ReceiveLibrary) {
    this.#open = open;
  }

  /** Whether something large is being read: then Bun need not read before all that has come is read directly. */
  get areUsed(): boolean {
    return this.#isLarge && process.platform === "linux";
  }

  /** Whether the turn has had as many bytes as it may have. */
  get isTurnOver(): boolean {
    return this.#bytes >= BYTES_PER_TURN_MAX;
  }

  /** A new turn of the event loop begins. */
  onTurn(): void {
    this.#bytes = 0;
  }

  /**
   * Reads what has come, if a large payload is being read, or the first bytes of the next one: small reads had better
   * wait until much has come. 0: nothing has come, or Bun has to notice it. `fd` must be open, and everything that Bun
   * has read from it before must have been taken.
   */
  read(fd: number, into: Uint8Array, isLarge: boolean): number {
    const isPossible = (isLarge || this.#isLarge) && !this.isTurnOver;
    this.#isLarge = isLarge;
    if (!isPossible || fd < 0 || process.platform !== "linux") return 0;
    const bytes = Math.max(0, this.#open().recv(fd, into, into.byteLength, MSG_DONTWAIT));
    this.#bytes += bytes;
    return bytes;
  }
}
