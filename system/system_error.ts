/** What the system says, for people. */

/** The system's reason as half a sentence, without its codes. */
export function reasonOf(error: unknown): string {
  const code = (error as { code?: string }).code ?? "";
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}

const REASONS: Record<string, string> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is not a folder",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EXDEV: "it would lie on another disk than the output folder",
  EIO: "the disk reports an error",
  ENAMETOOLONG: "the name is too long",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "this machine does not have that address",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection is broken",
  ETIMEDOUT: "the other machine does not answer any more",
};
