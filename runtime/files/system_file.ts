/** An open file, by `node:fs`. */

import { type BigIntStats, type Stats, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { FileClosing } from "./file_closing.ts";
import type { FileAccess, FileInfo } from "./file_info.ts";
import type { OpenFile } from "./files.ts";

/** The bits of a mode that are permissions. */
const PERMISSIONS = 0o7777;

/** An open file of `node:fs`. */
export class SystemFile implements OpenFile {
  /** `closing`: how it is closed, if something is written to it. */
  constructor(readonly handle: FileHandle, readonly closing?: FileClosing) {}

  async info(): Promise<FileInfo> {
    return infoOf(await this.handle.stat());
  }

  async read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number> {
    return (await this.handle.read(into, 0, into.byteLength, at)).bytesRead;
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.handle.appendFile(bytes);
  }

  appendSync(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) at += writeSync(this.handle.fd, bytes, at);
  }

  datasync(): Promise<void> {
    return this.handle.datasync();
  }

  truncate(bytes: number): Promise<void> {
    return this.handle.truncate(bytes);
  }

  async access(): Promise<FileAccess> {
    const { mode, uid, gid } = await this.handle.stat();
    return { mode: mode & PERMISSIONS, uid, gid };
  }

  async setAccess({ mode, uid, gid }: FileAccess): Promise<void> {
    const own = await this.access();
    if (own.uid !== uid || own.gid !== gid) {
      await this.handle.chown(uid, gid).catch(() => {}); // only root may give a file away
    }
    await this.handle.chmod(mode); // behind it, as that may change permissions
  }

  close(): Promise<void> {
    return this.closing ? this.closing.close(this.handle) : this.handle.close();
  }
}

/** What `node:fs` tells of a file. */
export function infoOf(stats: Stats): FileInfo {
  const { size: bytes, mtimeMs: modifiedAtMs, uid } = stats;
  return { kind: kindOf(stats), bytes, modifiedAtMs, uid };
}

export function kindOf(stats: Stats | BigIntStats): FileInfo["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "folder";
  if (stats.isSymbolicLink()) return "link";
  return stats.isSocket() ? "socket" : "other";
}
