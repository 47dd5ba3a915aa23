/** Tells a Unix socket whose process was killed from one that somebody listens on. */

import { codeOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";

/** A process that lives accepts at once, unless it is stopped. Then it does not accept, but does not refuse either. */
const DIAL_LIMIT_MS = 1_000;

/** Whether a connection is refused. Only that proves that no process listens; a missing socket does not. */
export async function isRefused(runtime: Pick<Runtime, "dial">, path: string): Promise<boolean> {
  try {
    (await runtime.dial({ kind: "unix", path }, DIAL_LIMIT_MS)).close();
    return false;
  } catch (error) {
    return codeOf((error as Error).cause) === "ECONNREFUSED";
  }
}
