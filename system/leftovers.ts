/** Folders of workers that were killed: nobody else removes them, and the cores in them are large. */

import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { type MachineId, THIS_MACHINE } from "./machine.ts";
import type { Runtime } from "../runtime/ports.ts";
import { FOLDER_PREFIX } from "./temporary_folder.ts";

/** A folder this young may belong to a worker that does not listen yet. */
const AGE_MS_MIN = 60_000;

/** A worker of this machine answers at once. */
const DIAL_LIMIT_MS = 1_000;

/** The file in a folder that says which machine its owner runs on. */
const MACHINE_NAME = "machine";

/** Says in a folder that its owner runs on this machine: without that it is removed by nobody. */
export async function markFolder(folder: string): Promise<void> {
  // What cannot be written, on a full disk, costs no more than a folder that stays.
  await writeFile(join(folder, MACHINE_NAME), JSON.stringify(THIS_MACHINE)).catch(() => {});
}

/**
 * Removes this user's folders in `parent` whose owner ran on this machine, and in which nobody listens on
 * the socket `name`. Asking the socket also tells where process ids do not: several containers may share a
 * folder. On another machine, which may share it as well, it tells nothing. It does what it can.
 */
export async function removeLeftovers(
  runtime: Runtime,
  parent: string,
  name: string,
): Promise<void> {
  for (const entry of await readdir(parent).catch(() => [])) {
    if (!entry.startsWith(FOLDER_PREFIX)) continue;
    const folder = join(parent, entry);
    if (await isOld(folder) && await isOurs(folder)) await removeIfDeserted(runtime, folder, name);
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
  await rm(folder, { recursive: true, force: true }).catch(() => {}); // what stays does no harm
}

async function isOld(folder: string): Promise<boolean> {
  const info = await stat(folder).catch(() => undefined);
  return info !== undefined && info.uid === process.getuid?.() &&
    Date.now() - info.mtimeMs > AGE_MS_MIN;
}

/**
 * Whether this machine can tell that nobody listens in a folder. What an earlier boot has left stays: of
 * two machines one may have been started from a copy of the other, with its name.
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
    return undefined; // not written yet, or not ours
  }
}

/** Only a refusal is a proof: a socket that is not there, or not ours to ask, says nothing. */
async function isRefused(runtime: Runtime, path: string): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isSocket()) return false;
  try {
    (await runtime.dial({ kind: "unix", path }, DIAL_LIMIT_MS)).close();
    return false;
  } catch (error) {
    return /refused/i.test(String(error));
  }
}
