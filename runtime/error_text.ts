/** Turns errors of the system and the runtimes into readable text. */

import { os } from "./late_modules.ts";

export const IN_USE = "address already in use";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EEXIST: "there is a file of that name",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is not a folder",
  EFBIG: "it is larger than a file may be here (see ulimit -f)",
  ELOOP: "its links lead in a circle",
  ENOSPC: "no space left on the disk, or no inodes (df -i)",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EXDEV: "it would lie on another disk than the output folder",
  EIO: "the disk reports an error",
  ENAMETOOLONG: "the name is too long",
  EADDRINUSE: IN_USE,
  EADDRNOTAVAIL: "this machine does not have that address",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "no route to that host",
  ENETUNREACH: "the network is unreachable",
  ENOTFOUND: "no such host",
  EPIPE: "the connection is broken",
  EFAULT: "it lies at an address that cannot be read",
  ENOMEM: "no memory is left",
  EMFILE: "too many files are open in this process",
  ENFILE: "too many files are open on this machine",
  ETIMEDOUT: "the other machine no longer answers",
};

/**
 * What Deno says of a name that cannot be resolved, and Bun of such a name at which it should listen. These errors have
 * no code; other errors of Bun's listeners have one.
 */
const NO_SUCH_HOST = /^failed to lookup address information|^Failed to listen at /;

/** The code of a system error, such as `ENOENT`; empty for anything else that is thrown. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : "";
}

/** The reason of a system error as a clause without its code; the message of any other error. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error);
  const code = codeOf(error) || (NO_SUCH_HOST.test(message) ? "ENOTFOUND" : "");
  return REASONS[code] ?? message;
}

/** The reason that stands for a number of C's `errno`, with the number. */
export function reasonOfErrno(errno: number): string {
  const [name = "an unknown error"] = Object.entries(os().constants.errno)
    .find(([, number]) => number === errno) ?? [];
  return `${REASONS[name] ?? name} (errno ${errno})`;
}

/** The message of anything that is thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Anything that is thrown, as an error. */
export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
