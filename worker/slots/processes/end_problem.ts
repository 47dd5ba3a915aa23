/** What goes wrong when a process is told to end: its core may have something to do then, such as to write a file. */

import type { ProcessEnd } from "../../../runtime/ports.ts";

/** How long a process may take to unload its core. */
export const END_LIMIT_MS = 5_000;

/** What went wrong when a process was told to end. */
export interface EndProblem {
  /** For a sentence that begins with the process. */
  readonly text: string;
  readonly isOfCore: boolean;
}

/** What went wrong when a process was told to end. `isLate`: it was killed because it took too long. */
export function endProblem(
  end: ProcessEnd | undefined,
  isLate: boolean,
  child: { readonly whyGivenUp: string },
): EndProblem | undefined {
  if (!end) return { text: ` did not exit: ${child.whyGivenUp}`, isOfCore: false };
  const seconds = END_LIMIT_MS / 1000;
  if (isLate) return { text: `: its core took longer than ${seconds}s to end`, isOfCore: true };
  const { signal } = end;
  if (signal === undefined || signal === "SIGKILL" || signal === "SIGTERM") return undefined;
  return { text: `: was ended by ${signal} while its core was unloaded`, isOfCore: true };
}
