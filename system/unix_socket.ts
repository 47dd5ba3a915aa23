/**
 * Listens on a Unix socket to which only this user can connect. The system gives a new socket the permissions that
 * the umask leaves, often 0755. So it is made in a folder that only this user may enter, closed to others, and moved.
 */

import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { codeOf, IN_USE, reasonOf } from "../runtime/error_text.ts";
import type { FileInfo } from "../runtime/files/files.ts";
import type { Address, Runtime, StreamListener } from "../runtime/ports.ts";
import { isRefused } from "./refused_socket.ts";

const ONLY_THIS_USER = 0o600;

/** File systems without hard links. */
const NO_LINK_CODES = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** What is needed of the runtime. */
type Ports = Pick<Runtime, "dial" | "files" | "random">;

/**
 * Listens at an address. A Unix socket is this user's alone from its first moment, and is removed when the listener
 * is closed. Nothing that has its path is replaced: see `removeDeadSocket`.
 */
export function listenPrivately(
  runtime: Pick<Runtime, "listen">,
  address: Address,
): StreamListener {
  if (address.kind !== "unix") return runtime.listen(address);
  const { path } = address;
  const folder = mkdtempSync(join(dirname(path), ".distcomp-"));
  // A runtime removes the path that it was given when it closes the listener. Nothing else has this name.
  const name = basename(folder);
  const made = join(folder, name);
  try {
    const listener = listenIn(runtime, folder, name);
    try {
      chmodSync(made, ONLY_THIS_USER);
      moveToNewName(made, path);
    } catch (error) {
      listener.close();
      throw error;
    }
    const { ino } = lstatSync(path);
    return {
      address,
      accept: () => listener.accept(),
      close: () => {
        listener.close();
        unlinkIf(path, ino);
      },
    };
  } finally {
    unlinkIf(made);
    rmdirSync(folder);
  }
}

/** The path of a socket may have about 100 bytes. On Linux, a descriptor stands for the folder, however long it is. */
function listenIn(
  runtime: Pick<Runtime, "listen">,
  folder: string,
  name: string,
): StreamListener {
  if (process.platform !== "linux") {
    return runtime.listen({ kind: "unix", path: join(folder, name) });
  }
  const fd = openSync(folder, "r");
  try {
    return runtime.listen({ kind: "unix", path: `/proc/self/fd/${fd}/${name}` });
  } finally {
    closeSync(fd);
  }
}

/** Moves a file to a path where there is nothing. A rename would replace what another process has just made there. */
function moveToNewName(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!NO_LINK_CODES.includes(codeOf(error)) || lstatSync(to, { throwIfNoEntry: false })) {
      throw codeOf(error) === "EEXIST" ? new Error("something is there already") : error;
    }
    renameSync(from, to);
  }
}

function unlinkIf(path: string, ino?: number): void {
  try {
    if (ino === undefined || lstatSync(path).ino === ino) unlinkSync(path);
  } catch {
    // It has been moved, or somebody has removed it.
  }
}

/**
 * Removes the socket at an address if it is of this user and nobody listens on it: a process that was killed leaves
 * it. Rejects if the path is used otherwise.
 */
export async function removeDeadSocket(runtime: Ports, address: Address): Promise<void> {
  if (address.kind !== "unix") return;
  const { path } = address;
  const info = await infoOf(runtime, path);
  if (!info) return;
  if (info.kind !== "socket") throw taken(path, "there is something other than a socket");
  if (info.uid !== process.geteuid?.()) {
    throw taken(path, `the socket is another user's (id ${info.uid})`);
  }
  await checkDead(runtime, path);
  // Another process may have removed it too by now, and listen at this path. That socket must stay.
  const moved = `${path}.${runtime.random.hex(8)}`;
  await runtime.files.rename(path, moved);
  try {
    await checkDead(runtime, moved);
  } catch (error) {
    await runtime.files.link(moved, path);
    throw error;
  } finally {
    await runtime.files.unlink(moved);
  }
}

async function checkDead(runtime: Ports, path: string): Promise<void> {
  if (!await isRefused(runtime, path)) throw taken(path, "another process listens there");
}

async function infoOf({ files }: Ports, path: string): Promise<FileInfo | undefined> {
  return await files.info(path).catch((error) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
}

function taken(path: string, why: string): Error {
  return new Error(`Cannot listen on unix:${path}: ${why}; choose another path`);
}

/** Why listening has failed, and what helps. */
export function listenProblem(cause: unknown): string {
  const reason = reasonOf(cause);
  return reason === IN_USE ? `${reason}; choose another port, or 0 for any free one` : reason;
}
