/** An executable that the user has named: it is tried before it is copied to other machines. */

import { resolve } from "node:path";
import { reasonOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import { outputOf } from "../system/command_output.ts";
import { ExecutableError } from "./executables.ts";

/** How long it may take to say its version: from source on a busy machine, some seconds. */
const VERSION_MS_MAX = 60_000;

/** What `distcomp --version` prints, and hardly any other program. */
const VERSION = /^\d+\.\d+\.\d+(?: \([0-9a-f]+(?:\+changes)?\))?\n$/;

/** Rejects with an `ExecutableError` unless the file is an executable of distcomp for this machine. */
export async function checkExecutable(
  ports: Pick<Runtime, "spawn" | "clock">,
  file: string,
): Promise<void> {
  const { stdout } = await outputOf(ports, [resolve(file), "--version"], VERSION_MS_MAX)
    .catch((cause) => {
      throw new ExecutableError(`Cannot use the executable "${file}": ${reasonOf(cause)}`, {
        cause,
      });
    });
  if (VERSION.test(stdout)) return;
  throw new ExecutableError(
    `Cannot use the executable "${file}": it is not distcomp; name one that ./compile.sh has built`,
  );
}
