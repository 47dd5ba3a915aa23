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
