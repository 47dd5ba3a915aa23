/** Opens a guarded core through the runtime of this process. Only `distcomp check` does. */

import type { GuardedCore } from "./native/guarded_core.ts";

/** Loads the library at `path`, an absolute path. Throws a `CoreLoadError` like `openCore`. */
export async function openGuardedCore(path: string): Promise<GuardedCore> {
  const ffi = "Deno" in globalThis ? await import("./deno/ffi.ts") : await import("./bun/ffi.ts");
  return ffi.openGuardedCore(path);
}
