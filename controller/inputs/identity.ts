/** Identities of inputs: a job runs again when its input's identity has changed. */

import { createHash, hash } from "node:crypto";
import { normalize } from "../../runtime/files/path.ts";
import { crc32 } from "node:zlib";
import { nextTurn } from "../../runtime/clock.ts";
import { bytesOfName, isUtf8Name } from "../../runtime/files/file_name.ts";
import type { Files, TargetInfo } from "../../runtime/files/files.ts";
import { checksumText } from "../output/journal/checksum.ts";
import { chunksOf } from "../output/file_chunks.ts";

/** 128 bits: different contents do not have the same hash by chance. */
const HASH_HEX_DIGITS = 32;

/** How much is hashed in one turn of the event loop. */
const PART_BYTES = 2 * 1024 * 1024;

/** A path that may be written in another way: with `//`, or a part that is `.` or `..`. */
const UNUSUAL_PATH = /\/\/|(^|\/)\.{1,2}(\/|$)/;

/** The identity of a number, which cannot change. */
export function numberIdentity(number: number): string {
  return `number-${number}`;
}

/**
 * A file's identity is its size and modification time, as for `make` and `rsync`, its path as the user gave it, and
 * the time of its last change (ctime), which no program can set: another content of the same size and time is
 * another input. Without the path, files of another folder could have the same identity: archives often give all
 * their files the same time.
 */
export function fileIdentity(path: string, info: TargetInfo): string {
  const { bytes, modifiedAtMs, changedAt } = info;
  const named = UNUSUAL_PATH.test(path) ? normalize(path) : path;
  const pathChecksum = checksumText(crc32(isUtf8Name(named) ? named : bytesOfName(named)));
  return `file-${bytes}-${Math.floor(modifiedAtMs)}-${pathChecksum}-${changedAt}`;
}

/** The identity of an input whose content is in memory. */
export function contentIdentity(content: Uint8Array): string {
  return identityIn("data", content.byteLength, hash("sha256", content, "hex"));
}

/** The identity of a line, as far as its content tells it apart from others. */
export function lineIdentity(line: Uint8Array): string {
  return identityIn("line", line.byteLength, hash("sha256", line, "hex"));
}

/** The same, beside other work: hashing a gigabyte takes most of a second. */
export async function contentIdentityInTurns(content: Uint8Array): Promise<string> {
  const digest = createHash("sha256");
  for (let at = 0; at < content.byteLength; at += PART_BYTES) {
    digest.update(content.subarray(at, at + PART_BYTES));
    await nextTurn();
  }
  return identityIn("data", content.byteLength, digest.digest("hex"));
}

/** The same for a file, however large it is. */
export async function contentIdentityOf(files: Files, path: string): Promise<string> {
  const digest = createHash("sha256");
  let bytes = 0;
  for await (const chunk of chunksOf(files, path)) {
    digest.update(chunk);
    bytes += chunk.byteLength;
  }
  return identityIn("data", bytes, digest.digest("hex"));
}

function identityIn(kind: "data" | "line", bytes: number, sha256: string): string {
  return `${kind}-${bytes}-${sha256.slice(0, HASH_HEX_DIGITS)}`;
}
