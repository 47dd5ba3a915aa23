/** How many bytes a decoder has room for in one read. */

/**
 * Bytes of a large payload in one read. A receiver that stops reading still gets what the read under way brings. So
 * much brings a payload of 1 MiB, with what its message adds to it.
 */
export const READ_BYTES_MAX = 1024 * 1024 + 64 * 1024;

/**
 * The same for the first large payload, or an eighth of what has arrived, where reads are limited: a peer that sends
 * none to its end must not have long reads, of which many connections could have one each in one turn of the event loop.
 */
export const FIRST_READ_BYTES_MAX = 64 * 1024;

/**
 * With the end of a large payload comes the header of the next frame, if it is there already: then the payload of that
 * frame is read to where it belongs from its first byte on. Otherwise a read brings little: had the frame a large
 * payload too, more would have to be copied there.
 */
export const HEAD_BYTES_MAX = 4 * 1024;

/** Small frames share chunks of this size, so that one read, which is one system call, brings many of them. */
export const CHUNK_BYTES_MAX = 256 * 1024;

/** A chunk of which less than this part is free is replaced: the longer reads are worth the cost. */
export const FREE_PART_MIN = 1 / 8;

/** Bytes of a discarded payload in one read. */
export const DISCARDED_BYTES_MAX = 64 * 1024;

/**
 * The first allocation for a payload with memory of its own. It grows as bytes arrive, so that a peer that only
 * announces a large payload costs no more than this. Payloads of usual sizes, such as 1 MiB and what its message adds
 * to it, are not moved.
 */
export const FIRST_ALLOCATION_BYTES_MAX = 1024 * 1024 + 64 * 1024;

/**
 * A payload gets the memory for all of it when so much has arrived. Memory that grows is there twice while it is moved,
 * so with more here, a payload of 1 GiB would take twice as much at its end; with less, one that is only announced costs
 * more.
 */
export const MOVED_PART_MAX = 0.4;
