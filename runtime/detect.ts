/** Chooses the adapter for the runtime that this program runs on. */

import type { Runtime } from "./ports.ts";

/** The adapter for this runtime. Loaded on demand: an adapter touches its runtime's own globals. */
export async function detectRuntime(): Promise<Runtime> {
  if ("Deno" in globalThis) return (await import("./deno.ts")).denoRuntime;
  if ("Bun" in globalThis) return (await import("./bun.ts")).bunRuntime;
  throw new Error("distcomp runs on Deno 2.9 or Bun 1.4, or newer; this is another runtime");
}
