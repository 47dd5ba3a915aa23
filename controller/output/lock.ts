/**
 * The lock of an output folder: only one run at a time writes there. The lock packages on npm decide by the
 * age of a lock, so they break the lock of a suspended run, and two processes can take a lock over at once.
 * This lock checks whether the holder's process still runs, names it, and lets exactly one process take over.
 */

import os from "node:os";
import { basename, dirname, join } from "../../runtime/files/path.ts";
import { delay } from "../../runtime/clock.ts";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import type { Runtime } from "../../runtime/ports.ts";
import {
  createFrom,
  holderIn,
  isStale,
  type LockHolder,
  newLockText,
  readText,
  writeDurably,
} from "./lock_file.ts";
import { isOfOtherBoot } from "./process_id.ts";

/** Replacing a stale lock takes microseconds. A process that takes longer has been suspended. */
const TAKEOVER_LIMIT_MS = 10_000;
const TAKEOVER_POLL_MS = 20;

/** An empty or damaged file of this age is not being written any more. */
const WRITING_LIMIT_MS = 60_000;

/** Held while the lock of a dead process is replaced. */
const TAKEOVER_SUFFIX = ".claim";

/** Another run holds the lock, or may hold it. */
export class LockedError extends Error {
  override name = "LockedError";
}

/** What a lock needs of the runtime. */
interface Ports extends Pick<Runtime, "clock" | "random"> {
  readonly files: FolderFiles;
}

/** A lock that this process holds. */
export class Lock {
  readonly #path: string;
  readonly #text: string;
  readonly #ports: Ports;

  private constructor(path: string, text: string, ports: Ports) {
    this.#path = path;
    this.#text = text;
    this.#ports = ports;
  }

  /**
   * Acquires the lock at `path`. If several processes try at once, exactly one succeeds. `guarded` names what
   * the lock protects, for messages. Rejects with a `LockedError`.
   */
  static async acquire(path: string, guarded: string, ports: Ports): Promise<Lock> {
    const text = newLockText(ports);
    const temporary = `${path}.${ports.random.hex(16)}`;
    try {
      await writeDurably(ports.files, temporary, text);
      await moveIntoPlace(temporary, path, text, guarded, ports);
      return new Lock(path, text, ports);
    } finally {
      await remove(ports.files, temporary);
    }
  }

  /** Removes the files of processes that were killed while they tried to acquire the lock. */
  async removeLeftovers(): Promise<void> {
    const prefix = `${basename(this.#path)}.`;
    const { files } = this.#ports;
    for (const name of await files.list(dirname(this.#path))) {
      if (!name.startsWith(prefix)) continue;
      const path = join(dirname(this.#path), name);
      if (await this.#isLeftover(path)) await remove(files, path);
    }
  }

  /** Releases the lock, unless it was deleted by hand and another process holds it now. */
  async release(): Promise<void> {
    const { files } = this.#ports;
    try {
      if (await readText(files, this.#path) === this.#text) await remove(files, this.#path);
    } catch (cause) {
      const what = `Cannot release the lock "${this.#path}"`;
      throw new Error(`${what}: ${reasonOf(cause)}`, { cause });
    }
  }

  async #isLeftover(path: string): Promise<boolean> {
    const { files, clock } = this.#ports;
    const text = await readLock(files, path) ?? "";
    if (holderIn(text)) return await isStale(files, path, text, clock.date());
    // It names no process: it is damaged, or still being written.
    const info = await files.info(path).catch(() => undefined); // its owner has just removed it
    return info !== undefined && clock.date() - info.modifiedAtMs > WRITING_LIMIT_MS;
  }
}

/** Makes the file `temporary` the lock at `path`. */
async function moveIntoPlace(
  temporary: string,
  path: string,
  text: string,
  guarded: string,
  ports: Ports,
): Promise<void> {
  const { clock, files } = ports;
  const deadlineMs = clock.now() + TAKEOVER_LIMIT_MS;
  const nowMs = (await files.info(temporary)).modifiedAtMs; // it has just been written
  for (;;) {
    if (await createFrom(files, temporary, path, text)) return;
    const found = await readLock(files, path);
    if (found !== undefined) {
      if (!await isStale(files, path, found, nowMs)) {
        throw lockedError(path, guarded, holderIn(found));
      }
      if (await takeOver(found, temporary, path, guarded, ports)) return;
    }
    if (clock.now() > deadlineMs) {
      const takeover = `${path}${TAKEOVER_SUFFIX}`;
      const held = await readLock(files, takeover) === undefined ? path : takeover;
      throw lockedError(held, guarded, holderIn(await readLock(files, held) ?? ""));
    }
    await delay(clock, TAKEOVER_POLL_MS); // the lock has just been released, or another process is replacing it
  }
}

/**
 * Replaces the lock of a dead process, if it is still the one that was `found`. A second lock makes this safe:
 * only its holder replaces a lock, a dead process does not release its own, and a lock is never created where
 * one exists. So nothing can change between the check and the rename.
 */
async function takeOver(
  found: string,
  temporary: string,
  path: string,
  guarded: string,
  ports: Ports,
): Promise<boolean> {
  const second = await Lock.acquire(`${path}${TAKEOVER_SUFFIX}`, guarded, ports).catch((error) => {
    if (error instanceof LockedError) return undefined; // another process is taking the lock over
    throw error;
  });
  if (!second) return false;
  try {
    if (await readLock(ports.files, path) !== found) return false;
    await ports.files.rename(temporary, path);
    return true;
  } finally {
    await second.release();
  }
}

/** The text of the lock at `path`; `undefined` if there is none. Whatever else is in its place, the error names it. */
async function readLock(files: FolderFiles, path: string): Promise<string | undefined> {
  return await readText(files, path).catch((cause) => {
    throw new Error(`the lock "${path}" cannot be read: ${reasonOf(cause)}`, { cause });
  });
}

/** Removes a file that another process may have removed. */
async function remove(files: FolderFiles, path: string): Promise<void> {
  await files.unlink(path).catch((error) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}

function lockedError(path: string, guarded: string, holder: LockHolder | undefined): LockedError {
  if (!holder) {
    return new LockedError(
      `Cannot tell whether another run uses ${guarded}: the lock "${path}" is damaged; ` +
        "delete it if no other run does",
    );
  }
  const who = `Another run uses ${guarded}: process ${holder.pid} on ${holder.host}`;
  const ifEnded = `if that run has ended, delete "${path}"`;
  if (holder.host !== os.hostname()) return new LockedError(`${who}; ${ifEnded}`);
  if (isOfOtherBoot(holder)) {
    const where = "another machine of this name, or this one before it was restarted";
    const ifCopied = "as it has if this folder was copied after the restart";
    return new LockedError(
      `${who}, which is ${where}; if that run has ended, ${ifCopied}, delete "${path}"`,
    );
  }
  return new LockedError(
    `${who}; wait until it has ended (if it has, delete "${path}"), or choose another folder with -o`,
  );
}
