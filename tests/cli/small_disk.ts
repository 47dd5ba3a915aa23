/** Whether a test can have a file system of its own, a small one in memory. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Runs a command that sees mounts of its own. */
export const UNSHARE = ["unshare", "--map-root-user", "--mount"];
/** Why it cannot, if it cannot. */
export const noDisk = await promisify(execFile)("sh", [
  "-c",
  `cd "$(mktemp -d)" && mkdir disk && ${
    UNSHARE.join(" ")
  } mount -t tmpfs tmpfs disk && rmdir disk "$PWD"`,
]).then(() => undefined, () => "no file system can be mounted for a test");
