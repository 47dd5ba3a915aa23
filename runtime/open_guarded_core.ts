/** Opens a guarded core through the runtime of this process. Only `distcomp check` does. */

import { ffi } from "./ffi.ts";
import type { GuardedCore } from "./native/guarded_core.ts";

/** Loads the library at `path`, an absolute path. Throws a `CoreLoadError` like `openCore`. */
export async function openGuardedCore(path: string): Promise<GuardedCore> {
  return (await ffi()).openGuardedCore(path);
}
