/** The executables that are copied to nodes: this program's own, and those for other platforms beside it. */

import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import process from "node:process";
import { dirname, join } from "node:path";
import { reasonOf } from "../runtime/error_text.ts";
import { nodeCrypto } from "../runtime/late_modules.ts";

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

/** The platform of this machine. */
function ownPlatform(): string {
  const { platform, arch } = process;
  return `${platform === "darwin" ? "macos" : platform}-${arch}`;
}

/**
 * The executables for all platforms that there are. `own`: the command that starts this program, or the file that the
 * user has named for this platform. Those for others are in the same folder.
 */
export async function findExecutables(
  own: readonly string[],
  named: string | undefined,
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
  const all = [{ platform, path }, ...others.filter((other) => other.platform !== platform)];
  return await Promise.all(all.map(hashed));
}

async function hashed(
  { platform, path }: Pick<Executable, "platform" | "path">,
): Promise<Executable> {
  try {
    const { size: bytes } = await stat(path);
    const hash = nodeCrypto().createHash("sha256");
    for await (const piece of createReadStream(path)) hash.update(piece);
    return { platform, path, bytes, sha256: hash.digest("hex") };
  } catch (cause) {
    throw new ExecutableError(`Cannot read the executable "${path}": ${reasonOf(cause)}`, {
      cause,
    });
  }
}
