/**
 * The limits of the wire, each with its reason. A limit that somebody may want to change is an option
 * of the piece that enforces it, with one of these as the default.
 */

/** Bytes of a frame's header: type (1), id (8), payload length (8). */
export const HEADER_BYTES = 17;

/**
 * Largest payload that a receiver takes unless told otherwise. Both runtimes hold an array of this
 * size, and a frame of it still crosses a 1 Gbit/s link in ten seconds.
 */
export const PAYLOAD_BYTES_MAX_DEFAULT = 2 ** 30;

/** Bytes of a job message's payload before its input: job id (8), length of the input (8). */
export const JOB_PREFIX_BYTES = 16;

/** Bytes of the limits that version 2 puts before a job message's payload: attempt (4), time (8), memory (8). */
export const JOB_LIMITS_BYTES = 20;

/** Bytes of a job response's payload before its output: exit code (4), length of the output (8). */
export const JOB_RESULT_PREFIX_BYTES = 12;

/**
 * Longest error text that we send. A reader shows it on a line or two; the text may hold what a
 * core's loader said, which has no bound of its own.
 */
export const ERROR_TEXT_BYTES_MAX = 4096;

/**
 * Most of an error text that we keep. A peer may send one as long as a payload, and V8 throws at a
 * string of 512 MiB.
 */
export const ERROR_TEXT_RECEIVED_BYTES_MAX = 64 * 1024;

/** From version 2 on, a controller says something at least this often. */
export const PING_MS = 5_000;

/** From version 2 on, a worker is given up that is silent for this long: four pings. */
export const WORKER_SILENT_MS_MAX = 20_000;

/** From version 2 on, a controller may be given up that is silent for this long: a laptop may sleep for a moment. */
export const CONTROLLER_SILENT_MS_MAX = 60_000;

/**
 * The most that a controller of version 2 leaves unanswered on a connection; a single payload may be
 * larger. Up to that its worker reads on. A core may need a process to be tried in: one that is current
 * and one that takes its place are enough.
 */
export const UNANSWERED_JOBS_MAX = 65_536;
export const UNANSWERED_CORES_MAX = 2;
export const UNANSWERED_BYTES_MAX = 256 * 1024 * 1024;
