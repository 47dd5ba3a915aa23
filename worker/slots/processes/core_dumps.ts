/** Keeps the core dumps of slots: moves each to a folder, under the index of the job that crashed. Linux only. */

import { createReadStream, createWriteStream } from "node:fs";
import { lstat, readdir, readFile, readlink, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { reasonOf } from "../../../runtime/error_text.ts";
import type { Log } from "../../../system/log.ts";

const PATTERN_FILE = "/proc/sys/kernel/core_pattern";

/** A slot's process that runs. */
interface Dumping {
  /** Where it runs: a dump is written there, unless its pattern is an absolute path. */
  readonly workingFolder: Promise<string>;
  /** Resolves when its dump has been taken, or it has left none. */
  readonly taken: PromiseWithResolvers<void>;
}

/** The dumps of a worker's slots. */
export class CoreDumps {
  readonly #folder: string;
  readonly #log: Log;
  /** By their process ids. */
  readonly #running = new Map<number, Dumping>();

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** A slot's process runs. */
  onConnected(pid: number): void {
    const workingFolder = readlink(`/proc/${pid}/cwd`);
    workingFolder.catch(() => {}); // told if it has left a dump
    this.#running.set(pid, { workingFolder, taken: Promise.withResolvers() });
  }

  /**
   * A slot's process has ended. `index`: of the job that it ran, if it has crashed. Keeps its dump, if there is one.
   * Never rejects.
   */
  async onEnded(pid: number, index: number | undefined): Promise<void> {
    const dumping = this.#running.get(pid);
    if (!dumping) return;
    try {
      if (index !== undefined) await this.#take(pid, await dumping.workingFolder, index);
    } catch (error) {
      // Only the worker that a run has started keeps dumps, and the run shows such lines of its log alone.
      this.#log.printed(`cannot keep the core dump of job ${index}: ${reasonOf(error)}`);
    } finally {
      this.#running.delete(pid);
      dumping.taken.resolve();
    }
  }

  /** Resolves when nothing is needed any more of what the process has left in its working folder. */
  async taken(pid: number): Promise<void> {
    await this.#running.get(pid)?.taken.promise;
  }

  async #take(pid: number, workingFolder: string, index: number): Promise<void> {
    const dump = await findDump(workingFolder, pid);
    if (dump !== undefined) await move(dump, join(this.#folder, String(index)));
  }
}

/** The newest file that the system may have written as the dump of a process. */
async function findDump(workingFolder: string, pid: number): Promise<string | undefined> {
  const pattern = (await readFile(PATTERN_FILE, "utf8")).trim();
  if (pattern.startsWith("|")) return undefined; // a program gets it
  const path = resolve(workingFolder, pattern);
  const name = dumpPattern(basename(path), pid);
  let newest: { path: string; mtimeMs: number } | undefined;
  for (const entry of await readdir(dirname(path))) {
    if (!name.test(entry)) continue;
    const candidate = join(dirname(path), entry);
    const info = await lstat(candidate);
    const { mtimeMs } = info;
    if (!info.isFile()) continue; // the core may have made a link of this name
    if (!newest || mtimeMs > newest.mtimeMs) newest = { path: candidate, mtimeMs };
  }
  return newest?.path;
}

/** The names that a pattern of core(5) stands for. The system may append the process id. */
export function dumpPattern(pattern: string, pid: number): RegExp {
  const parts = pattern.split(/(%.)/).map((part) => {
    if (part === "%%") return "%";
    if (/^%[pP]$/.test(part)) return String(pid);
    return /^%./.test(part) ? ".*" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}(\\.${pid})?$`);
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch {
    await copy(from, to); // it is on another disk; if that is not the reason, this fails too
    await rm(from);
  }
}

async function copy(from: string, to: string): Promise<void> {
  const { pipeline } = await import("node:stream/promises"); // seldom: it takes Bun half a millisecond to load
  await rm(to, { force: true });
  try {
    // With "wx", nothing is written where a link of this name leads.
    await pipeline(createReadStream(from), createWriteStream(to, { flags: "wx" }));
  } catch (error) {
    await rm(to, { force: true }); // half a dump is none
    throw error;
  }
}
