/** One run an output folder: who holds the lock file writes there. */

import { randomUUID } from "node:crypto";
import { link, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import os from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { isGone, OWN_SPACE, type ProcessId, startOf } from "./process_id.ts";

/** Whoever takes over a lock is done within microseconds; one that takes longer has been suspended. */
const CLAIM_LIMIT_MS = 10_000;
const CLAIM_POLL_MS = 20;

/** What has no content after this time never will. */
const WRITING_LIMIT_MS = 60_000;

/** Files beside the lock begin with its name and a dot. */
const CLAIM_SUFFIX = ".claim";

/** A file system without links: there the lock is written in its place. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Who holds a lock, as the file says. */
export interface LockHolder extends ProcessId {
  /** When it began, for people. */
  readonly since: string;
}

/** Another run uses the folder, or may do so. */
export class LockedError extends Error {
  override name = "LockedError";
}

/** A lock that is held. */
export class Lock {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /**
   * Takes the lock at `path`; of several who try, exactly one gets it. `what` is what it guards, for people.
   * Rejects with a `LockedError`.
   */
  static async acquire(path: string, what: string): Promise<Lock> {
    const [pid, host] = [process.pid, os.hostname()];
    const holder: LockHolder = {
      pid,
      host,
      start: startOf(pid),
      space: OWN_SPACE,
      since: now(),
    };
    // The token makes this lock another one than any before, also of this very process.
    const text = `${JSON.stringify({ ...holder, token: randomUUID() })}\n`;
    const unfinished = `${path}.${randomUUID()}`;
    await writeDurably(unfinished, text);
    try {
      await takePlace(unfinished, path, what, text);
      return new Lock(path, text);
    } finally {
      await rm(unfinished, { force: true });
    }
  }

  /** Takes away what processes have left here that were killed while they tried to get the lock. */
  async removeLeftovers(): Promise<void> {
    const prefix = `${basename(this.#path)}.`;
    for (const name of await readdir(dirname(this.#path))) {
      if (!name.startsWith(prefix)) continue;
      const path = join(dirname(this.#path), name);
      const holder = holderIn(await textAt(path) ?? "");
      // Without one it is damaged, or just being written.
      if (holder ? isGone(holder) : await isOld(path)) await rm(path, { force: true });
    }
  }

  /** Lets others have it. Somebody may have deleted it and begun anew meanwhile: theirs stays. */
  async release(): Promise<void> {
    if (await textAt(this.#path) === this.#text) await rm(this.#path, { force: true });
  }
}

/** Brings a whole lock into its place. */
async function takePlace(
  unfinished: string,
  path: string,
  what: string,
  text: string,
): Promise<void> {
  const deadlineMs = performance.now() + CLAIM_LIMIT_MS;
  for (;;) {
    if (await createFrom(unfinished, path, text)) return;
    const found = await textAt(path);
    if (found !== undefined) {
      const holder = holderIn(found);
      if (!holder || !isGone(holder)) throw lockedError(path, what, holder);
      if (await replace(found, unfinished, path, what)) return;
    }
    if (performance.now() > deadlineMs) {
      const claim = `${path}${CLAIM_SUFFIX}`;
      const held = await textAt(claim) === undefined ? path : claim;
      throw lockedError(held, what, holderIn(await textAt(held) ?? ""));
    }
    await delay(CLAIM_POLL_MS); // it has just been released, or is being taken over
  }
}

/**
 * Replaces the lock of a dead process, if it is still the one that was `found`. The claim, a lock itself,
 * makes this safe: only who holds it replaces a lock, its dead holder does not release it, and nobody
 * creates one where there is one. So nothing can happen between the look and the rename.
 */
async function replace(
  found: string,
  unfinished: string,
  path: string,
  what: string,
): Promise<boolean> {
  const claim = await Lock.acquire(`${path}${CLAIM_SUFFIX}`, what).catch((error) => {
    if (error instanceof LockedError) return undefined; // somebody else is about to take it over
    throw error;
  });
  if (!claim) return false;
  try {
    if (await textAt(path) !== found) return false;
    await rename(unfinished, path);
    return true;
  } finally {
    await claim.release();
  }
}

/** False if there is one already. Others see all of it or nothing. */
async function createFrom(unfinished: string, path: string, text: string): Promise<boolean> {
  try {
    await link(unfinished, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST" || codeOf(error) === "ENOENT") return false;
    if (!NO_LINKS.has(codeOf(error))) throw error;
  }
  try {
    await writeDurably(path, text);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** A lock that a power cut has left empty could not be told from a damaged one. */
async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function isOld(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > WRITING_LIMIT_MS;
}

async function textAt(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function holderIn(text: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<LockHolder>;
    const isHolder = Number.isSafeInteger(holder.pid) && typeof holder.host === "string";
    return isHolder ? holder as LockHolder : undefined;
  } catch {
    return undefined; // damaged: the error that follows from it says what to do
  }
}

function lockedError(path: string, what: string, holder: LockHolder | undefined): LockedError {
  if (!holder) {
    return new LockedError(
      `Cannot tell who uses ${what}, as "${path}" is damaged; delete it if no other run does`,
    );
  }
  const who = `Another run uses ${what}: process ${holder.pid} on ${holder.host}`;
  return new LockedError(
    holder.host === os.hostname()
      ? `${who}; wait until it has ended (if it has, delete "${path}"), or choose another folder with -o`
      : `${who}; if that run is gone, delete "${path}"`,
  );
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? "";
}

function now(): string {
  return new Date().toISOString();
}
