/**
 * Bounds what all cores of a worker take on its disk, those in use as well: each controller may send gigabytes, and a
 * full disk would fail the jobs of all of them, and often those of other programs.
 */

import { statfsSync } from "node:fs";
import { sizeText } from "../../system/size_text.ts";

/** All cores and the files beside them. Larger ones belong on a file server. */
const STORED_BYTES_MAX = 64 * 1024 ** 3;

/** Of the room that cores have on the disk, this part stays free. In memory, a temporary folder may be small. */
const FREE_PART_MIN = 1 / 8;

/** Tells how many bytes are free on the disk of a folder; `undefined` if the system does not say. */
export type FreeBytes = () => number | undefined;

/** The room on the disk of a worker. */
export class DiskRoom {
  readonly #storedBytes: () => number;
  readonly #freeBytes: FreeBytes;
  readonly #folder: string;
  /** Bytes that have been announced and are not stored yet. */
  #announcedBytes = 0;

  /** `storedBytes`: of everything that is stored, in `folder`. */
  constructor(storedBytes: () => number, freeBytes: FreeBytes, folder: string) {
    this.#folder = folder;
    this.#storedBytes = storedBytes;
    this.#freeBytes = freeBytes;
  }

  /** Throws if there is no room for this many bytes more. */
  check(bytes: number): void {
    const storedBytes = this.#storedBytes();
    const takenBytes = storedBytes + this.#announcedBytes;
    const freeBytes = this.#freeBytes() ?? Infinity; // what is announced is not written yet
    const diskBytes = (1 - FREE_PART_MIN) * (freeBytes + storedBytes);
    if (takenBytes + bytes <= Math.min(STORED_BYTES_MAX, diskBytes)) return;
    const lack = `this worker has no room for ${sizeText(bytes)}`;
    if (diskBytes < STORED_BYTES_MAX) {
      throw new Error(
        `${lack}: the disk of its temporary folder "${this.#folder}" has ` +
          `${sizeText(freeBytes)} free, of which an eighth stays free; free some, or start ` +
          "the worker with another TMPDIR",
      );
    }
    throw new Error(
      `${lack}: its cores have ${sizeText(takenBytes)}, and may have ` +
        `${sizeText(STORED_BYTES_MAX)}; try again when others have left`,
    );
  }

  /** Checks the room and keeps it. Call the result when the bytes are stored, or will not be. */
  take(bytes: number): () => void {
    this.check(bytes);
    this.#announcedBytes += bytes;
    let isTaken = true;
    return () => {
      if (isTaken) this.#announcedBytes -= bytes;
      isTaken = false;
    };
  }
}

/** The free bytes on the disk of a folder. */
export function freeBytesOf(folder: string): FreeBytes {
  return () => {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    } catch {
      return undefined; // the folder is gone, which whoever writes there is told
    }
  };
}
