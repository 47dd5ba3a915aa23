/** Reads what `getdents64` of Linux writes: one `struct linux_dirent64` after the other. */

import type { Buffer } from "node:buffer";
import { nextTurn } from "../clock.ts";
import { nameOfBytes } from "./file_name.ts";
import type { FileInfo } from "./file_info.ts";
import type { Entry } from "./folder.ts";

/** Bytes of one read of a folder: about a thousand names. */
export const NAMES_BYTES = 32 * 1024;

/** Where the entry has its length, the type of the file, and the name. */
const LENGTH_AT = 16;
const TYPE_AT = 18;
const NAME_AT = 19;

const DT_UNKNOWN = 0;

/** How many entries are asked for in one turn of the event loop. */
const ASKED_PER_TURN = 16;

const KINDS: Readonly<Record<number, Entry["kind"]>> = { 4: "folder", 8: "file", 10: "link" };

/** An entry as it is listed. Some file systems do not say what it is. */
export interface ListedEntry extends Pick<Entry, "name"> {
  readonly kind: Entry["kind"] | undefined;
}

/** The entries without `.` and `..`. */
export function entriesIn(bytes: Buffer): ListedEntry[] {
  const entries: ListedEntry[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const name = nameAt(bytes, at + NAME_AT);
    const type = bytes[at + TYPE_AT] as number;
    at += bytes.readUInt16LE(at + LENGTH_AT);
    if (name === "." || name === "..") continue;
    entries.push({ name, kind: type === DT_UNKNOWN ? undefined : KINDS[type] ?? "other" });
  }
  return entries;
}

/**
 * The same with what they all are. `kindOf` asks the file system, which may be slow; `undefined`: the entry is gone.
 * Other work goes on meanwhile.
 */
export async function identified(
  entries: readonly ListedEntry[],
  kindOf: (name: string) => FileInfo["kind"] | undefined,
): Promise<readonly Entry[]> {
  if (entries.every(isIdentified)) return entries;
  const all: Entry[] = [];
  let asked = 0;
  for (const entry of entries) {
    if (isIdentified(entry)) all.push(entry);
    else {
      all.push({ name: entry.name, kind: entryKind(kindOf(entry.name)) });
      asked += 1;
      if (asked % ASKED_PER_TURN === 0) await nextTurn();
    }
  }
  return all;
}

function isIdentified(entry: ListedEntry): entry is Entry {
  return entry.kind !== undefined;
}

/** What is gone is listed as a file: its job fails with a reason. */
function entryKind(kind: FileInfo["kind"] = "file"): Entry["kind"] {
  return kind === "socket" ? "other" : kind;
}

/** Nearly all names are ASCII. */
function nameAt(bytes: Buffer, start: number): string {
  let end = start;
  let all = 0;
  for (let byte = bytes[end] as number; byte !== 0; byte = bytes[++end] as number) all |= byte;
  return all < 0x80
    ? bytes.toString("latin1", start, end)
    : nameOfBytes(bytes.subarray(start, end));
}
