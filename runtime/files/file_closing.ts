/**
 * Closing files that were written. A file server may say only then that its disk is full, or a quota used up. `close` of
 * `node:fs` loses that on Deno and Bun, so the C library is called.
 */

import { closeSync, fdatasyncSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { codeOf } from "../error_text.ts";
import { cError } from "./c_error.ts";
import type { ClosingLibrary } from "./closing_functions.ts";

/** Closes files. Both fail if something that was written is not stored. */
export interface FileClosing {
  close(file: FileHandle): Promise<void>;
  /** Closes a descriptor that nobody else closes. Its path is for the error. */
  closeSync(fd: number, path: string): void;
}

/** The system has not stored all of a file. It said so when the file was closed, and not why. */
export class NotStoredError extends Error {
  override name = "NotStoredError";

  constructor() {
    super(
      "not all of it was stored, as the file server said only when the file was closed; " +
        "its disk may be full, or a quota used up",
    );
  }
}

/** Without the C library. Syncing fails where closing would, but it also waits for the disk. */
export const syncedClosing: FileClosing = {
  close: async (file) => {
    try {
      await file.datasync();
    } catch (error) {
      if (!isNoDisk(error)) throw error;
    } finally {
      await file.close();
    }
  },
  closeSync: (fd) => {
    try {
      fdatasyncSync(fd);
    } catch (error) {
      if (!isNoDisk(error)) throw error;
    } finally {
      closeSync(fd);
    }
  },
};

/** Linux: the descriptor gets another number, which processes that this one starts do not get. */
const F_DUPFD_CLOEXEC = 1030;

/** By the C library. Opened with `open` when it is needed first; `undefined` if this process may not call it. */
export function openFileClosing(open: () => ClosingLibrary | undefined): () => FileClosing {
  let opened: FileClosing | undefined;
  return () => opened ??= closingBy(open());
}

function closingBy(libc: ClosingLibrary | undefined): FileClosing {
  if (!libc) return syncedClosing;
  return {
    close: (file) => closeInThread(libc, file),
    closeSync: (fd, path) => closeNow(libc, fd, path),
  };
}

/** A server may take long, so this is done in another thread. */
async function closeInThread(libc: ClosingLibrary, file: FileHandle): Promise<void> {
  const copy = libc.closeInThread ? copyOf(libc, file.fd) : undefined;
  if (!libc.closeInThread || copy === undefined) return await syncedClosing.close(file);
  try {
    if (await libc.closeInThread(copy) === 0) return;
    await file.datasync(); // it may say why
    throw new NotStoredError();
  } finally {
    await file.close();
  }
}

function closeNow(libc: ClosingLibrary, fd: number, path: string): void {
  const closed = libc.areKept ? copyOf(libc, fd) : fd;
  if (closed === undefined) return syncedClosing.closeSync(fd, path);
  const error = libc.close(closed) < 0 ? cError(libc.errno(), path) : undefined;
  if (libc.areKept) closeSync(fd);
  if (error) throw error;
}

/**
 * Another descriptor of the same file, to be closed in its place. Linux asks the file server at each `close`, whether it
 * is the last one or not. `undefined` if there can be none.
 */
function copyOf({ fcntl }: ClosingLibrary, fd: number): number | undefined {
  const copy = fcntl?.(fd, F_DUPFD_CLOEXEC, 0) ?? -1;
  return copy < 0 ? undefined : copy;
}

/** Pipes and devices cannot be synced. */
function isNoDisk(error: unknown): boolean {
  return ["EINVAL", "ENOTSUP"].includes(codeOf(error));
}
