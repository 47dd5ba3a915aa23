/**
 * Modules of the runtime that a process loads when it uses them first: each takes Bun one or two milliseconds. A slot
 * needs none of them, and a worker none before its slots are starting.
 */

import process from "node:process";

/** `node:crypto`, which is not the `crypto` of the Web. */
export function nodeCrypto(): typeof import("node:crypto") {
  return process.getBuiltinModule("node:crypto");
}

/** `node:fs`, which takes Deno 20 ms. */
export function fs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}

/** `node:os`. */
export function os(): typeof import("node:os") {
  return process.getBuiltinModule("node:os");
}

/** `node:tty`. */
export function tty(): typeof import("node:tty") {
  return process.getBuiltinModule("node:tty");
}

/** `node:zlib`. */
export function zlib(): typeof import("node:zlib") {
  return process.getBuiltinModule("node:zlib");
}
