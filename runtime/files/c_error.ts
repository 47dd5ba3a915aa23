/** Errors of the C library as those that `node:fs` throws. */

import os from "node:os";

let codes: Map<number, string> | undefined;

/** The error with a number of C's `errno`, at a path. */
export function cError(errno: number, path: string): Error & { readonly code: string } {
  codes ??= codesByNumber();
  const code = codes.get(errno) ?? `errno ${errno}`;
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** Some numbers have two names. The first one counts. */
function codesByNumber(): Map<number, string> {
  const all = Object.entries(os.constants.errno).reverse();
  return new Map(all.map(([code, number]) => [number, code]));
}
