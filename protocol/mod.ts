/**
 * The worker socket protocol, versions 1 and 2: pure functions and values, bytes in and messages out. What it
 * says on the wire is specified in PROTOCOL.md beside this file.
 *
 * @module
 */

export * from "./errors.ts";
export * from "./frame.ts";
export * from "./frame_decoder.ts";
export * from "./frame_writer.ts";
export * from "./limits.ts";
export * from "./message.ts";
export * from "./message_2.ts";
export * from "./uint64.ts";
