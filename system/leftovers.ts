/** Folders of workers that were killed: nothing else removes them, and the cores in them are large. */

import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { type MachineId, THIS_MACHINE } from "./machine.ts";
import type { Clock } from "../runtime/clock.ts";
import { codeOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import { FOLDER_PREFIX } from "./temporary_folder.ts";

/** A younger folder may belong to a worker that is not listening yet. */
const AGE_MS_MIN = 60_000;

/** A worker of this machine answers at once. */
const DIAL_LIMIT_MS = 1_000;

/** The file in a folder that names the machine of its owner. */
const MACHINE_NAME = "machine";

/** Notes in a folder that its owner runs on this machine. No other worker removes a folder without that note. */
export async function markFolder(folder: string): Promise<void> {
  // If this fails, as on a full disk, the folder may stay for ever, which does little harm.
  await writeFile(join(folder, MACHINE_NAME), JSON.stringify(THIS_MACHINE)).catch(() => {});
}

/**
 * Removes this user's folders in `parent` whose owner ran on this machine, and where nobody listens on the
 * socket `name`. Process ids would not do: several containers may share a folder. Nor does the socket say
 * anything about an owner on another machine, which may share the folder as well. Errors are ignored.
 */
export async function removeLeftovers(
  runtime: Runtime,
  parent: string,
  name: string,
): Promise<void> {
  for (const entry of await readdir(parent).catch(() => [])) {
    if (!entry.startsWith(FOLDER_PREFIX)) continue;
    const folder = join(parent, entry);
    if (await isOld(folder, runtime.clock) && await isOurs(folder)) {
      await removeIfDeserted(runtime, folder, name);
    }
  }
}

/**
 * Removes the folder of a process that has been killed, and leaves it to one that goes on. The system closes
 * the sockets of a killed process in any order: it may still take a connection, which then ends with it.
 */
export async function removeAfterOwner(
  runtime: Runtime,
  folder: string,
  name: string,
): Promise<void> {
  const address = { kind: "unix", path: join(folder, name) } as const;
  const stream = await runtime.dial(address, DIAL_LIMIT_MS).catch(() => undefined);
  if (stream) {
    const timer = runtime.clock.after(DIAL_LIMIT_MS, () => stream.close());
    await stream.read(new Uint8Array(1)).catch(() => {});
    timer.stop();
    stream.close();
  }
  await removeIfDeserted(runtime, folder, name);
}

/** Removes a folder if nobody listens on the socket `name` in it any more. */
async function removeIfDeserted(
  runtime: Runtime,
  folder: string,
  name: string,
): Promise<void> {
  if (!await isRefused(runtime, join(folder, name))) return;
  await rm(folder, { recursive: true, force: true }).catch(() => {}); // a folder that stays does no harm
}

async function isOld(folder: string, clock: Clock): Promise<boolean> {
  const info = await stat(folder).catch(() => undefined);
  return info !== undefined && info.uid === process.getuid?.() &&
    clock.date() - info.mtimeMs > AGE_MS_MIN;
}

/**
 * Whether this machine can know that nobody listens in a folder. Folders from before the last boot stay: they
 * may be of another machine with the same name, as when one was made from a copy of the other's disk.
 */
async function isOurs(folder: string): Promise<boolean> {
  const owner = machineIn(await readFile(join(folder, MACHINE_NAME), "utf8").catch(() => ""));
  if (owner?.boot !== THIS_MACHINE.boot) return false;
  return owner?.boot !== undefined || owner?.name === THIS_MACHINE.name;
}

function machineIn(text: string): MachineId | undefined {
  try {
    const value = JSON.parse(text) as MachineId | null;
    return typeof value?.name === "string" ? value : undefined;
  } catch {
    return undefined; // not written yet, or not one of our notes
  }
}

/** Only a refused connection proves that nobody listens. A missing or forbidden socket proves nothing. */
async function isRefused(runtime: Runtime, path: string): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isSocket()) return false;
  try {
    (await runtime.dial({ kind: "unix", path }, DIAL_LIMIT_MS)).close();
    return false;
  } catch (error) {
    return codeOf((error as Error).cause) === "ECONNREFUSED";
  }
}
