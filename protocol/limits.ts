/**
 * The limits of the protocol, each with its reason. If a limit can be changed, the class that enforces it has an
 * option whose default is here.
 */

/** How long `worker_init` may take unless a run says otherwise. It may read a model or wake a GPU. */
export const INIT_MS_DEFAULT = 600_000;

/** Bytes of a frame's header: type (1), id (8), payload length (8). */
export const HEADER_BYTES = 17;

/**
 * The largest payload that a receiver accepts by default. Both runtimes support an array of this size, and a
 * 1 Gbit/s link carries it in ten seconds.
 */
export const PAYLOAD_BYTES_MAX_DEFAULT = 2 ** 30;

/**
 * The largest input or output of a job that is sent and received part by part. Such a blob is nowhere in one array, so
 * that only memory limits it: no machine has more.
 */
export const HUGE_BLOB_BYTES_MAX = 2 ** 40;

/** Bytes of a job message's payload before its input: job id (8), length of the input (8). */
export const JOB_PREFIX_BYTES = 16;

/** Bytes before the payload of a job in a job message with limits: attempt (4), time limit (8), memory limit (8). */
export const JOB_LIMITS_BYTES = 20;

/** Bytes of a job response's payload before its output: exit code (4), length of the output (8). */
export const JOB_RESULT_PREFIX_BYTES = 12;

/**
 * The longest error text that we send. A line or two would be enough for a reader, but the text may include the
 * message of the system's loader, which can be long.
 */
export const ERROR_TEXT_BYTES_MAX = 4096;

/**
 * How much of a received error text is kept: as much as is sent. A peer may send a text as long as a payload for each
 * job, and they all go into a log or a journal.
 */
export const ERROR_TEXT_RECEIVED_BYTES_MAX = ERROR_TEXT_BYTES_MAX;

/** From version 2 on, a controller sends something at least this often. */
export const PING_MS = 5_000;

/** From version 2 on, a controller gives up a worker that is silent for this long: four pings. */
export const WORKER_SILENT_MS_MAX = 20_000;

/** From version 2 on, a worker may close a controller that is silent for this long. A laptop may sleep briefly. */
export const CONTROLLER_SILENT_MS_MAX = 60_000;

/**
 * How much a controller of version 2 may have unanswered on a connection; a single payload may be larger. Its
 * worker keeps reading up to this limit. Two cores are enough, the current one and the one that replaces it:
 * a worker may need a process to check each of them.
 */
export const UNANSWERED_JOBS_MAX = 65_536;
export const UNANSWERED_CORES_MAX = 2;
/** A folder beside a core has thousands of small files. One round trip for each would take minutes. */
export const UNANSWERED_PARTS_MAX = 64;
export const UNANSWERED_BYTES_MAX = 256 * 1024 * 1024;

/** The longest text of a notice of printed lines. A worker sends more notices instead of a longer one. */
export const PRINTED_TEXT_BYTES_MAX = 16 * 1024;

/**
 * A larger payload is written without a copy: copying would cost more than a separate write. So a payload of at most this
 * size may be passed on from a buffer that is used again.
 */
export const COPIED_PAYLOAD_BYTES_MAX = 32 * 1024;
