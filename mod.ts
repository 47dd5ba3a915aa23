/**
 * distcomp as a library: runs a compute core (a shared library with three C functions) on many inputs, on
 * workers on this machine or on others.
 *
 * - {@linkcode Session} runs jobs: `Session.open`, `map`, `run`, `close`.
 * - {@linkcode WorkerServer} is a worker for sessions and for `distcomp run`.
 *
 * `include/distcomp.h` documents how to write a compute core. `examples/library/` has a complete program.
 *
 * @module
 */

import "./cli/own_role.ts"; // before anything else

export { Session } from "./controller/session/session.ts";
export { JobError, type JobFailure, SessionClosedError } from "./controller/session/errors.ts";
export { type ArrayClass, arrayCodec, jsonCodec, textCodec } from "./controller/session/codecs.ts";
export type * from "./controller/session/types.ts";
export type { FailureKindName, JobLimits } from "./protocol/message_2.ts";
export { CoreFileError } from "./system/core_file.ts";
export { NoWorkerError } from "./controller/run_errors.ts";
export { AddressError } from "./link/address.ts";
export { KeyError } from "./security/key_error.ts";
export type { Log } from "./system/log.ts";
export { WorkerServer } from "./worker/server.ts";
export type { WorkerServerOptions } from "./worker/server_options.ts";
export type { WorkerOptions } from "./worker/worker_options.ts";
export type { TrustOptions } from "./worker/cores/core_trust.ts";
