/** Calls of C functions, as this runtime makes them. Loaded on demand, because it uses globals that only its runtime has. */

/** The adapter for this runtime. */
export function ffi() {
  return "Deno" in globalThis ? import("./deno/ffi.ts") : import("./bun/ffi.ts");
}
