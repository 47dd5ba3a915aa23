/** Reads and writes key files. */

import { Buffer } from "node:buffer";
import { constants, type Stats } from "node:fs";
import { type FileHandle, link, mkdir, open, realpath, rename, unlink } from "node:fs/promises";
import process from "node:process";
import { codeOf, messageOf, reasonOf } from "../runtime/error_text.ts";
import { FilesBelow } from "../runtime/files/files_below.ts";
import { basename, dirname, join } from "../runtime/files/path.ts";
import { systemFiles } from "../runtime/files/system_files.ts";
import type { Key } from "./key.ts";
import { KeyError } from "./key_error.ts";
import type { Sources } from "./key_maker.ts";
import { KEY_VARIABLE, type KeyPlace } from "./key_place.ts";
import { keyOfText, textOfKey } from "./key_text.ts";

const { O_RDONLY, O_NONBLOCK } = constants;

/** A key has about 4 KB. What is longer is something else. */
const FILE_BYTES_MAX = 64 * 1024;

/** The permissions of the group and of others. */
const OTHERS = 0o077;
const MODE = 0o777;

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
const ROOT = 0;

/** Errors of file systems that have no hard links. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EACCES", "EMLINK"];

/** Who owns a file. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

interface PrivateFile extends Owner {
  readonly text: string;
}

/** There is a file already. */
export class KeyExistsError extends KeyError {
  override name = "KeyExistsError";
}

/** Reads a key. Resolves to `undefined` if there is no file; rejects with a `KeyError` if it cannot be used. */
export async function readKey(place: KeyPlace): Promise<Key | undefined> {
  const file = await readPrivateFile(place);
  if (!file) return undefined;
  try {
    return keyOfText(file.text);
  } catch (cause) {
    throw new KeyError(`Cannot use the key "${place.path}": ${messageOf(cause)}`, { cause });
  }
}

/**
 * Writes a key into a new file. Rejects with a `KeyExistsError` if there is one already. `makesFolder`: its folder is
 * ours, and is made with it; the folder of a path that somebody has typed should be there.
 */
export async function createKeyFile(
  path: string,
  key: Key,
  random: Sources["random"],
  makesFolder = false,
): Promise<void> {
  try {
    if (makesFolder) await mkdir(dirname(path), { recursive: true, mode: PRIVATE_FOLDER });
    await writeBeside(path, key, random, (unfinished) => nameNew(unfinished, path));
  } catch (cause) {
    throw writeError(path, cause);
  }
}

/**
 * Writes a key in place of `old`, which is at `path`, for the same owner: whoever reads meanwhile gets one of the two.
 * Who owns the folder may put another file or a link there at any moment, so all is done in one open folder.
 */
export async function replaceKeyFile(
  path: string,
  old: Key,
  key: Key,
  random: Sources["random"],
): Promise<void> {
  try {
    const file = await realpath(path); // a link to the file stays a link
    const below = await FilesBelow.open(systemFiles, dirname(file));
    const folder = await below.holdFolder(dirname(file));
    try {
      const held = join(folder.path, basename(file));
      const owner = await ownerOf(held, old);
      await writeBeside(held, key, random, (unfinished) => rename(unfinished, held), owner);
    } finally {
      folder.close();
      below.close();
    }
  } catch (cause) {
    throw writeError(path, cause);
  }
}

/** Who owns the file with the key `old`, and so gets the one that replaces it. Rejects if it has another one now. */
async function ownerOf(path: string, old: Key): Promise<Owner> {
  const found = await readPrivateFile({ path, isDefault: false });
  if (found && textOfKey(keyOfText(found.text)) === textOfKey(old)) return found;
  throw new Error("it has changed meanwhile");
}

/** Gives a finished file its name. Rejects with a `KeyExistsError` if another process was first. */
export async function nameNew(unfinished: string, path: string, makeLink = link): Promise<void> {
  try {
    await makeLink(unfinished, path).catch(async (cause) => {
      if (!NO_LINKS.includes(codeOf(cause))) throw cause;
      // Who reads the file in the moment between these two steps is told that it is not a key.
      await (await open(path, "wx", PRIVATE_FILE)).close();
      await rename(unfinished, path);
    });
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause;
    throw new KeyExistsError(`There is a file "${path}" already; name another`, { cause });
  }
}

/** Writes a key into a new file in the same folder, which `finish` gives its name. Nothing else is left of it. */
async function writeBeside(
  path: string,
  key: Key,
  random: Sources["random"],
  finish: (unfinished: string) => Promise<void>,
  owner?: Owner,
): Promise<void> {
  const unfinished = `${path}.${random.hex(8)}.unfinished`;
  const file = await open(unfinished, "wx", PRIVATE_FILE);
  try {
    try {
      await file.writeFile(textOfKey(key));
      await file.datasync();
      if (owner) await giveTo(file, owner);
    } finally {
      await file.close();
    }
    await finish(unfinished);
  } finally {
    await unlink(unfinished).catch(() => {}); // it is gone if it was renamed
  }
}

async function giveTo(file: FileHandle, { uid, gid }: Owner): Promise<void> {
  if ((await file.stat()).uid === uid) return;
  await file.chown(uid, gid).catch((cause) => {
    throw new Error(`it belongs to another user (uid ${uid}); only root can replace it`, { cause });
  });
}

function writeError(path: string, cause: unknown): KeyError {
  if (cause instanceof KeyError) return cause;
  const why = codeOf(cause) === "EEXIST" ? "a part of its path is not a folder" : reasonOf(cause);
  return new KeyError(`Cannot write the key "${path}": ${why}`, { cause });
}

async function readPrivateFile(place: KeyPlace): Promise<PrivateFile | undefined> {
  const { path } = place;
  try {
    const file = await open(path, O_RDONLY | O_NONBLOCK); // a pipe is refused, not waited for
    try {
      const { uid, gid } = await checkedStats(place, file);
      return { text: await contentOf(file), uid, gid };
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof KeyError) throw cause;
    if (codeOf(cause) === "ENOENT") return undefined;
    throw new KeyError(`Cannot read the key "${path}": ${reasonOf(cause)}`, { cause });
  }
}

/** A key that others can read, or could have written, is not used. */
async function checkedStats({ path, isDefault }: KeyPlace, file: FileHandle): Promise<Stats> {
  const stats = await file.stat();
  const { mode, uid } = stats;
  if (!stats.isFile()) throw new KeyError(`Cannot use the key "${path}": it is not a file`);
  if (process.platform === "win32") return stats; // its modes say nothing about who can read a file
  if (isDefault && ![ROOT, ownUser() ?? uid].includes(uid)) {
    throw new KeyError(
      `The key "${path}" belongs to another user (uid ${uid}); if you trust that user, ` +
        `name it with --key or ${KEY_VARIABLE}`,
    );
  }
  if ((mode & OTHERS) === 0) return stats;
  const modeText = (mode & MODE).toString(8);
  throw new KeyError(
    `Other users of this machine can read or change the key "${path}" (mode ${modeText}), so it ` +
      `is not used; type chmod 600 "${path}", and make a new key if one of them may have read it`,
  );
}

/** `undefined` where a permission to ask is missing. */
function ownUser(): number | undefined {
  try {
    return process.geteuid?.();
  } catch {
    return undefined;
  }
}

async function contentOf(file: FileHandle): Promise<string> {
  const bytes = Buffer.alloc(FILE_BYTES_MAX);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.toString("utf8", 0, length);
}
