/** The executables that are copied to nodes: this program's own, and those for other platforms beside it. */

import { lstat, readdir, stat } from "node:fs/promises";
import process from "node:process";
import { dirname, join } from "node:path";
import { reasonOf } from "../runtime/error_text.ts";
import { systemFiles } from "../runtime/files/system_files.ts";
import { hashesOfFile } from "../system/file_hash.ts";

/** An executable of distcomp, and which machines can run it. */
export interface Executable {
  /** In the words of `compile.sh`: `linux-x64`, `macos-arm64`. */
  readonly platform: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** There is no executable to copy. */
export class ExecutableError extends Error {
  override name = "ExecutableError";
}

/** What `compile.sh --all` calls the executable of a platform. */
const NAME = /^distcomp-((?:linux|macos)-(?:x64|arm64)(?:-musl)?)$/;

/** The bits of a mode that let others write. */
const OTHERS_WRITE = 0o022;

/** The platform of this machine. */
function ownPlatform(): string {
  const { platform, arch } = process;
  return `${platform === "darwin" ? "macos" : platform}-${arch}`;
}

/**
 * The executables for all platforms that there are. `own`: the command that starts this program, or the file that the
 * user has named for this platform. Those for others are in the same folder, which need not be this user's: nodes run
 * only what nobody else can have put there. `onSkipped` hears why one is not used.
 */
export async function findExecutables(
  own: readonly string[],
  named: string | undefined,
  onSkipped: (problem: string) => void,
): Promise<Executable[]> {
  const [path = "", ...rest] = named === undefined ? own : [named];
  if (rest.length > 0) {
    throw new ExecutableError(
      "This program runs from its sources, which cannot be copied to a node; " +
        "build it with ./compile.sh, or name an executable with --executable",
    );
  }
  const names = await readdir(dirname(path)).catch(() => []); // this program's own is enough for most
  const others = names.flatMap((name) => {
    const platform = NAME.exec(name)?.[1];
    return platform === undefined ? [] : [{ platform, path: join(dirname(path), name) }];
  });
  const platform = ownPlatform();
  const main = await hashed({ platform, path }).catch((cause) => {
    throw new ExecutableError(`Cannot read the executable "${path}": ${reasonOf(cause)}`, {
      cause,
    });
  });
  const owners = [process.getuid?.(), 0, (await stat(path)).uid];
  const usable = others.filter((other) => other.platform !== platform).map(async (other) => {
    try {
      await checkOwner(other.path, owners);
      return await hashed(other);
    } catch (cause) {
      onSkipped(`Cannot use "${other.path}" for nodes: ${reasonOf(cause)}`);
      return [];
    }
  });
  return [main, ...(await Promise.all(usable)).flat()];
}

/** Throws if somebody else can have chosen what is at the path: the link, or the file. */
async function checkOwner(path: string, owners: readonly (number | undefined)[]): Promise<void> {
  if (process.getuid === undefined) return; // its modes say nothing here
  for (const info of [await lstat(path), await stat(path)]) {
    if (!owners.includes(info.uid)) throw new Error("it belongs to another user");
    if (!info.isSymbolicLink() && (info.mode & OTHERS_WRITE) !== 0) {
      throw new Error(`other users can change it; type chmod go-w "${path}"`);
    }
  }
}

type Named = Pick<Executable, "platform" | "path">;

async function hashed({ platform, path }: Named): Promise<Executable> {
  const { whole: sha256, bytes } = await hashesOfFile(systemFiles, path);
  return { platform, path, bytes, sha256 };
}
