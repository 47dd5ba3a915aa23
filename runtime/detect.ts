/** Chooses the adapter for the runtime of this process. */

import { ffi } from "./ffi.ts";
import type { Runtime, SlotRuntime } from "./ports.ts";

/** The adapter for this runtime. It is loaded on demand, because it uses globals that only its runtime has. */
export async function detectRuntime(): Promise<Runtime> {
  if ("Deno" in globalThis) return (await import("./deno/adapter.ts")).denoRuntime;
  if ("Bun" in globalThis) return (await import("./bun/adapter.ts")).bunRuntime;
  if (globalThis.process?.versions?.node) return (await import("./node.ts")).nodeRuntime;
  throw new Error(
    "This runtime is not supported; run distcomp on Deno 2.9 or Bun 1.4, or a newer version",
  );
}

/** What a slot needs of it, and no more: slots start often, and there is one for each CPU. */
export async function detectSlotRuntime(): Promise<SlotRuntime> {
  return await ffi();
}
