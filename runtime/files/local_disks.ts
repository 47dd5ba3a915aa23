/** Disks that take what is written, or refuse it, at once: closing a file cannot fail there. */

import { statfs } from "node:fs/promises";
import process from "node:process";
import { nativePath } from "./native_path.ts";

/**
 * Types of file systems of Linux that have nothing to do when a file is closed. All others may be file servers: NFS,
 * SMB, Lustre, FUSE, what lies on one of them (overlayfs), and what comes later.
 */
const LOCAL_TYPES = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0xca451a4e, // bcachefs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
]);

/** Whether a folder is certainly on such a disk. */
export async function isOnLocalDisk(folder: string): Promise<boolean> {
  if (process.platform !== "linux") return false; // the numbers of other systems are not fixed
  try {
    const { type } = await statfs(nativePath(folder));
    return LOCAL_TYPES.has(type >>> 0);
  } catch {
    return false;
  }
}
