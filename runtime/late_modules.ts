/**
 * Modules of the runtime that a process loads when it uses them first: each takes Bun one or two milliseconds. A slot
 * needs none of them, and a worker none before its slots are starting.
 */

import { nodeProcess } from "./this_process.ts";

type BufferClass = typeof import("node:buffer").Buffer;

let bufferClass: BufferClass | undefined;

/** `Buffer` of `node:buffer`. */
export function nodeBuffer(): BufferClass {
  return bufferClass ??= nodeProcess().getBuiltinModule("node:buffer").Buffer;
}

/** `node:crypto`, which is not the `crypto` of the Web. */
export function nodeCrypto(): typeof import("node:crypto") {
  return nodeProcess().getBuiltinModule("node:crypto");
}

/** `node:fs`, which takes Deno 20 ms. */
export function fs(): typeof import("node:fs") {
  return nodeProcess().getBuiltinModule("node:fs");
}

/** `node:os`. */
export function os(): typeof import("node:os") {
  return nodeProcess().getBuiltinModule("node:os");
}

/** `node:tty`. */
export function tty(): typeof import("node:tty") {
  return nodeProcess().getBuiltinModule("node:tty");
}

/** `node:zlib`. */
export function zlib(): typeof import("node:zlib") {
  return nodeProcess().getBuiltinModule("node:zlib");
}
