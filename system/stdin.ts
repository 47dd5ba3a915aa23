/** Reads stdin. */

import type { Buffer } from "node:buffer";
import { fstatSync } from "node:fs";
import process from "node:process";

/** What comes in on stdin, in chunks. Throws if it is a folder, which Deno would read as if it were empty. */
export function openStdin(): AsyncIterable<Buffer> {
  if (fstatSync(0).isDirectory()) throw new Error("it is a folder");
  return process.stdin as AsyncIterable<Buffer>;
}
