/** Where the outputs of a simulated run are on its disk: files in a folder, or entries of a pack, which is one tar. */

import assert from "node:assert/strict";
import type { MemoryDisk } from "../lib/memory_files.ts";

/** The output folder, and the pack. */
export const OUTPUTS = "/out";
export const PACK = `${OUTPUTS}/results.tar`;

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const SIZE_AT = 124;
const SIZE_DIGITS = 11;
const END_BYTES = 2 * BLOCK_BYTES;

/** What a record says about the place of an output. */
export interface RecordedPlace {
  readonly packAt?: number;
}

/** Outputs, by the names of their jobs. */
export interface OutputsOnDisk {
  /** Where the journal is, and what belongs to it. */
  readonly journal: string;
  readonly stateFolder: string;
  /** The output of a job, where its record says that it is. */
  of(name: string, record?: RecordedPlace): Uint8Array | undefined;
  /** The name of the job whose output an operation puts in place, if one operation does that. */
  committedBy(operation: string, path: string): string | undefined;
  /** Throws unless the outputs are of these jobs alone, each once. `mayHaveOthers`: others may be left. */
  checkComplete(done: ReadonlySet<string>, mayHaveOthers: boolean): void;
}

/** Files in a folder. */
export function filesOn(disk: MemoryDisk): OutputsOnDisk {
  const stateFolder = `${OUTPUTS}/.distcomp`;
  return {
    journal: `${stateFolder}/jobs.jsonl`,
    stateFolder,
    of: (name) => disk.bytes(`${OUTPUTS}/${name}`),
    committedBy: (operation, path) => {
      const isOutput = operation === "rename" && !path.includes("/.distcomp/");
      return isOutput ? path.slice(OUTPUTS.length + 1) : undefined;
    },
    checkComplete: () => {}, // each file is looked at by itself
  };
}

/** Entries of a tar. */
export function packOn(disk: MemoryDisk): OutputsOnDisk {
  const stateFolder = `${PACK}.distcomp`;
  return {
    journal: `${stateFolder}/jobs.jsonl`,
    stateFolder,
    of: (name, { packAt } = {}) => {
      if (packAt === undefined) return undefined;
      const entry = entryAt(disk.bytes(PACK) ?? new Uint8Array(0), packAt);
      return entry?.name === name ? entry.content : undefined;
    },
    committedBy: () => undefined,
    checkComplete: (done, mayHaveOthers) => {
      const names = namesIn(disk.bytes(PACK) ?? new Uint8Array(0));
      for (const name of done) assert(names.includes(name), `the pack lacks the output of ${name}`);
      if (!mayHaveOthers) assert.deepEqual(names.toSorted(), [...done].sort());
    },
  };
}

interface TarEntry {
  readonly name: string;
  readonly content: Uint8Array;
  /** Where the next one begins. */
  readonly end: number;
}

/** The entry that begins there, if it is whole. */
function entryAt(tar: Uint8Array, at: number): TarEntry | undefined {
  const header = tar.subarray(at, at + BLOCK_BYTES);
  if (header.byteLength < BLOCK_BYTES) return undefined;
  const text = (from: number, bytes: number) =>
    new TextDecoder().decode(header.subarray(from, from + bytes)).replace(/\0.*/s, "");
  const size = parseInt(text(SIZE_AT, SIZE_DIGITS), 8);
  const from = at + BLOCK_BYTES;
  const end = from + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  if (!(end <= tar.byteLength)) return undefined;
  return { name: text(0, NAME_BYTES), content: tar.subarray(from, from + size), end };
}

/** The names of all entries. Throws unless the tar is whole, up to its end. */
function namesIn(tar: Uint8Array): string[] {
  const names: string[] = [];
  let at = 0;
  while (at < tar.byteLength - END_BYTES) {
    const entry = entryAt(tar, at) ?? assert.fail(`the pack is damaged at byte ${at}`);
    names.push(entry.name);
    at = entry.end;
  }
  assert.equal(at, tar.byteLength - END_BYTES, "the pack has its end where it should be");
  assert(tar.subarray(at).every((byte) => byte === 0), "the pack ends with zeros");
  return names;
}
