/** How many workers a run dials: no more than it may have connections, because runtimes report a lack of files badly. */

import type { Address } from "../../runtime/ports.ts";
import { type ProcFiles, thisSystem } from "../../runtime/proc_files.ts";
import type { Log } from "../../system/log.ts";
import { openFilesMax } from "../../system/open_files.ts";

/** At least as many, however few files may be open. */
const PLACES_MIN = 8;

/** Open files that a run keeps for itself: half of what it may have, but what it needs, and not more than it can use. */
const OWN_FILES_MIN = 48;
const OWN_FILES_MAX = 256;

/** A worker that ssh reaches is three pipes and a process. */
const SSH_FILES = 4;

/** The addresses that are dialed, and those for which there is no place. */
export class DialPlaces {
  readonly #log: Log;
  readonly #filesMax: number;
  readonly #places: number;
  readonly #dialed = new Map<string, number>();
  readonly #left = new Set<string>();
  #taken = 0;
  #isReporting = false;

  constructor(log: Log, system: ProcFiles = thisSystem) {
    this.#log = log;
    this.#filesMax = openFilesMax(system);
    const own = Math.max(OWN_FILES_MIN, Math.min(OWN_FILES_MAX, this.#filesMax / 2));
    this.#places = Math.max(PLACES_MIN, Math.floor(this.#filesMax - own));
  }

  /** Takes the places of an address until `free`. Returns false, and says so, if there are too few. */
  take({ kind }: Address, name: string): boolean {
    const files = kind === "ssh" ? SSH_FILES : 1;
    if (this.#taken + files > this.#places) {
      if (!this.#left.has(name)) this.#reportSoon();
      this.#left.add(name);
      return false;
    }
    this.#left.delete(name);
    this.#dialed.set(name, files);
    this.#taken += files;
    return true;
  }

  free(name: string): void {
    this.#left.delete(name);
    this.#taken -= this.#dialed.get(name) ?? 0;
    this.#dialed.delete(name);
  }

  /** How many files the connections need. */
  get taken(): number {
    return this.#taken;
  }

  /** One line, after the caller has named all addresses. */
  #reportSoon(): void {
    if (this.#isReporting) return;
    this.#isReporting = true;
    queueMicrotask(() => {
      this.#isReporting = false;
      const all = this.#dialed.size + this.#left.size;
      this.#log.warn(
        `${this.#left.size} of ${all} workers are not used: this process may have ${this.#filesMax} open ` +
          "files, too few for their connections; raise that limit, and start it again (see ulimit -n)",
      );
    });
  }
}
