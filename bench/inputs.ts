/**
 * Makes the inputs of whole programs: a folder or a tar with this many files of one size. They are kept for the next
 * run.
 */

import { Buffer } from "node:buffer";
import { closeSync, existsSync, openSync, writeFileSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { tarFormat } from "../controller/output/pack/tar_format.ts";

/** Entries of a tar in one write, unless they are large. */
const ENTRIES_AT_ONCE = 256;

/** Jobs of a run from a tar: some seconds of work, and no more bytes than a small disk has. */
const ENTRIES_MAX = 300_000;
const TAR_BYTES_MAX = 512 * 1024 * 1024;

/** How many files of this size a tar has. */
export function entriesOfTar(bytes: number): number {
  return Math.min(ENTRIES_MAX, Math.floor(TAR_BYTES_MAX / bytes));
}

/** A folder with this many files. */
export async function inputFolder(folder: string, files: number, bytes: number): Promise<string> {
  const inputs = join(folder, `inputs-${bytes}-${files}`);
  if (existsSync(inputs)) return inputs;
  await mkdir(inputs);
  const content = new Uint8Array(bytes).fill(42);
  for (let index = 0; index < files; index++) writeFileSync(join(inputs, nameOf(index)), content);
  return inputs;
}

/** A tar with this many files. */
export function inputTar(folder: string, files: number, bytes: number): string {
  const tar = join(folder, `inputs-${bytes}-${files}.tar`);
  if (existsSync(tar)) return tar;
  const { entryOf, tail } = tarFormat();
  const content = new Uint8Array(bytes).fill(42);
  const file = openSync(tar, "w");
  let parts: Uint8Array[] = [];
  for (let index = 0; index < files; index++) {
    const { before, after } = entryOf(nameOf(index), content);
    parts.push(Buffer.from(before), content, after); // the header is valid until the next one
    if (parts.length < 3 * ENTRIES_AT_ONCE && bytes < 65_536) continue;
    writeSync(file, Buffer.concat(parts));
    parts = [];
  }
  writeSync(file, Buffer.concat([...parts, tail]));
  closeSync(file);
  return tar;
}

function nameOf(index: number): string {
  return String(index).padStart(6, "0");
}
