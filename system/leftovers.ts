/** Removes the temporary folders of killed workers, which contain large cores and would stay forever. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { type MachineId, machineId } from "./machine.ts";
import type { FileInfo, Files } from "../runtime/files/files.ts";
import type { Runtime } from "../runtime/ports.ts";
import { isRefused } from "./refused_socket.ts";
import { removeFolder } from "./remove_folder.ts";
import { FOLDER_PREFIX } from "./temporary_folder.ts";

/** The minimum age of a leftover: a younger folder may belong to a worker that is not listening yet. */
const AGE_MS_MIN = 60_000;

/** The limit for dialing a worker on this machine, which answers at once. */
const DIAL_LIMIT_MS = 1_000;

/** The file in a folder that names the machine of its owner. */
const MACHINE_NAME = "machine";

/** Marks a folder as owned by a process of this machine. Other workers remove only marked folders. */
export async function markFolder(files: Files, folder: string): Promise<void> {
  // If this fails, for example on a full disk, the folder may stay forever, which does little harm.
  await files.create(join(folder, MACHINE_NAME), JSON.stringify(machineId())).catch(() => {});
}

/**
 * Removes this user's folders in `parent` whose owner ran on this machine and no longer listens on the socket
 * `name`. Process ids cannot tell that, because several containers may share a folder. The socket cannot tell it
 * for owners on other machines, which may share the folder too. Errors are ignored.
 */
export async function removeLeftovers(
  runtime: Runtime,
  parent: string,
  name: string,
): Promise<void> {
  const entries = await runtime.files.list(parent).catch(() => []); // what is left does no harm
  for (const entry of entries) {
    if (!entry.startsWith(FOLDER_PREFIX)) continue;
    const folder = join(parent, entry);
    if (await isOld(runtime, folder) && await isOurs(folder)) {
      await removeIfDeserted(runtime, folder, name);
    }
  }
}

/**
 * Removes the folder of a process that had listened in it, if the process was killed. The system closes the sockets
 * of a killed process in any order, so it may still accept a connection, which then ends. If the socket is gone, the
 * process began to remove the folder, and ended before it was done: this process may have added files meanwhile.
 */
export async function removeAfterOwner(
  runtime: Runtime,
  folder: string,
  name: string,
): Promise<void> {
  const address = { kind: "unix", path: join(folder, name) } as const;
  const stream = await runtime.dial(address, DIAL_LIMIT_MS).catch(() => undefined); // nobody listens
  if (stream) {
    const timer = runtime.clock.after(DIAL_LIMIT_MS, () => stream.close());
    await stream.read(new Uint8Array(1)).catch(() => {}); // however it ends, it has ended
    timer.stop();
    stream.close();
  }
  if (await infoIn(runtime.files, address.path)) await removeIfDeserted(runtime, folder, name);
  else await removeFolder(runtime.files, folder);
}

/** Removes a folder if no process listens on the socket `name` in it. */
async function removeIfDeserted(
  runtime: Runtime,
  folder: string,
  name: string,
): Promise<void> {
  const path = join(folder, name);
  if ((await infoIn(runtime.files, path))?.kind !== "socket") return;
  if (!await isRefused(runtime, path)) return;
  await removeFolder(runtime.files, folder); // a remaining folder does no harm
}

async function isOld({ files, clock }: Runtime, folder: string): Promise<boolean> {
  const info = await infoIn(files, folder);
  return info !== undefined && info.uid === process.getuid?.() &&
    clock.date() - info.modifiedAtMs > AGE_MS_MIN;
}

/**
 * Whether the owner of a folder ran on this machine since its last boot. Older folders stay: they may belong to
 * another machine with the same name, such as a clone of this one.
 */
async function isOurs(folder: string): Promise<boolean> {
  const owner = machineIn(await readFile(join(folder, MACHINE_NAME), "utf8").catch(() => ""));
  if (owner?.boot !== machineId().boot) return false;
  return owner?.boot !== undefined || owner?.name === machineId().name;
}

function machineIn(text: string): MachineId | undefined {
  try {
    const value = JSON.parse(text) as MachineId | null;
    return typeof value?.name === "string" ? value : undefined;
  } catch {
    return undefined; // not written yet, or written by another program
  }
}

/** `undefined` if there is nothing, or it cannot be seen: then it is not removed. */
function infoIn(files: Files, path: string): Promise<FileInfo | undefined> {
  return files.info(path).catch(() => undefined);
}
