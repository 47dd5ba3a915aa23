/** Reads what `getdents64` of Linux writes: one `struct linux_dirent64` after the other. */

import type { Buffer } from "node:buffer";
import { nameOfBytes } from "./file_name.ts";
import type { FileInfo } from "./file_info.ts";
import type { Entry } from "./folder.ts";

/** So much of a folder is read at once: about a thousand names. */
export const NAMES_BYTES = 32 * 1024;

/** Where the entry has its length, the type of the file, and the name. */
const LENGTH_AT = 16;
const TYPE_AT = 18;
const NAME_AT = 19;

const DT_UNKNOWN = 0;
const KINDS: Readonly<Record<number, Entry["kind"]>> = { 4: "folder", 8: "file", 10: "link" };

/** The entries without `.` and `..`. `kindOf` says what an entry is where the file system does not; `undefined`: gone. */
export function entriesIn(
  bytes: Buffer,
  kindOf: (name: string) => FileInfo["kind"] | undefined,
): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const name = nameAt(bytes, at + NAME_AT);
    const type = bytes[at + TYPE_AT] as number;
    at += bytes.readUInt16LE(at + LENGTH_AT);
    if (name === "." || name === "..") continue;
    const kind = type === DT_UNKNOWN ? entryKind(kindOf(name)) : KINDS[type] ?? "other";
    entries.push({ name, kind });
  }
  return entries;
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
