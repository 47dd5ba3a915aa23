/** Keeps the core dumps of slots: moves each to a folder, under the index of the job that crashed. Linux only. */

import { createReadStream, createWriteStream } from "node:fs";
import { lstat, readdir, readFile, readlink, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

const PATTERN_FILE = "/proc/sys/kernel/core_pattern";

/** The dumps of a worker's slots. */
export class CoreDumps {
  readonly #folder: string;
  /** Where slots run, by their process ids: a dump is written there, unless its pattern is an absolute path. */
  readonly #workingFolders = new Map<number, string>();
  /** For each process that runs: resolves when its dump has been taken, or it has left none. */
  readonly #taken = new Map<number, PromiseWithResolvers<void>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A slot's process runs. */
  async onConnected(pid: number): Promise<void> {
    this.#taken.set(pid, Promise.withResolvers());
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    if (folder !== undefined) this.#workingFolders.set(pid, folder);
  }

  /** A slot's process has ended. `index`: of the job that it ran, if it has crashed. Keeps its dump, if there is one. */
  async onEnded(pid: number, index: number | undefined): Promise<void> {
    try {
      await this.#take(pid, index);
    } finally {
      this.#taken.get(pid)?.resolve();
      this.#taken.delete(pid);
    }
  }

  /** Resolves when nothing is needed any more of what the process has left in its working folder. */
  async taken(pid: number): Promise<void> {
    await this.#taken.get(pid)?.promise;
  }

  async #take(pid: number, index: number | undefined): Promise<void> {
    const folder = this.#workingFolders.get(pid);
    this.#workingFolders.delete(pid);
    if (folder === undefined || index === undefined) return;
    const dump = await findDump(folder, pid).catch(() => undefined);
    if (dump !== undefined) await move(dump, join(this.#folder, String(index))).catch(() => {});
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
  await rename(from, to).catch(async () => {
    await rm(to, { force: true });
    // It is on another disk. With "wx", nothing is written where a link of this name leads.
    const { pipeline } = await import("node:stream/promises"); // seldom: it takes Bun half a millisecond to load
    await pipeline(createReadStream(from), createWriteStream(to, { flags: "wx" }));
    await rm(from);
  });
}
