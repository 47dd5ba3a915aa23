/** What `statx` of Linux tells of a file. Offsets are those of `struct statx`, which is the same on all machines. */

import type { Buffer } from "node:buffer";
import type { FileInfo, TargetInfo } from "./file_info.ts";

export const STATX_BYTES = 256;
export const STATX_BASIC_STATS = 0x7ff;

/** Paths are relative to the working folder. */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;

/** The type of a file in its mode. */
const S_IFMT = 0o170000;
const FILE_KINDS: Readonly<Record<number, FileInfo["kind"]>> = {
  0o040000: "folder",
  0o100000: "file",
  0o120000: "link",
  0o140000: "socket",
};

/** What is at a path whose links were followed. */
export function targetOf(stats: Buffer): TargetInfo {
  const modifiedNs = stats.readUInt32LE(0x78);
  const changedNs = stats.readUInt32LE(0x68);
  return {
    kind: kindIn(stats),
    bytes: bytesIn(stats),
    modifiedAtMs: 1000 * int64At(stats, 0x70) + Math.floor(modifiedNs / 1e6),
    changedAt: `${int64At(stats, 0x60)}.${String(changedNs).padStart(9, "0")}`,
  };
}

/** What is at a path. */
export function infoOf(stats: Buffer): FileInfo {
  const { kind, bytes, modifiedAtMs } = targetOf(stats);
  return { kind, bytes, modifiedAtMs, uid: stats.readUInt32LE(0x14) };
}

export function kindIn(stats: Buffer): FileInfo["kind"] {
  return FILE_KINDS[stats.readUInt16LE(0x1c) & S_IFMT] ?? "other";
}

export function bytesIn(stats: Buffer): number {
  return int64At(stats, 0x28);
}

/** Sizes and times are exact as numbers. */
function int64At(stats: Buffer, at: number): number {
  return stats.readInt32LE(at + 4) * 2 ** 32 + stats.readUInt32LE(at);
}
