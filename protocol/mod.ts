/**
 * The worker socket protocol, versions 1 and 2: functions from bytes to messages and back, without I/O.
 * PROTOCOL.md in this folder specifies it.
 *
 * @module
 */

export * from "./compressed.ts";
export * from "./compressed_decoder.ts";
export * from "./core_head.ts";
export * from "./core_output.ts";
export * from "./core_setup.ts";
export * from "./description.ts";
export * from "./errors.ts";
export * from "./frame.ts";
export * from "./frame_decoder.ts";
export * from "./frame_span.ts";
export * from "./frame_writer.ts";
export * from "./job_usage.ts";
export * from "./huge_payload.ts";
export * from "./huge_place.ts";
export * from "./limits.ts";
export * from "./message.ts";
export * from "./message_2.ts";
export * from "./payload_limits.ts";
export * from "./payload_place.ts";
export * from "./refusal.ts";
export * from "./uint64.ts";
export * from "./worker_state.ts";
export * from "./worker_status.ts";
