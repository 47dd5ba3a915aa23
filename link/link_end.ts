/** How long a link takes to end, and how much it still writes and reads until then. */

/**
 * How long to read on after the last frame was sent, and discard what arrives. If the socket were closed with
 * unread bytes, the system would discard the last frame.
 */
export const LINGER_MS = 500;

/** A link that is ending closes if the peer accepts no bytes for this long. */
export const LAST_WRITE_MS = 30_000;

/** Bytes per write while the link is ending. If a slow peer were taken for dead now, it would lose an answer. */
export const LAST_WRITE_BYTES_MAX = 64 * 1024;

/** With more bytes than this in flight at the end, a slow network may need far longer than `LINGER_MS`. */
export const FAST_END_BYTES_MAX = 64 * 1024;

/** Bytes per read while the link is ending. They are discarded. */
export const DISCARDED_BYTES = 64 * 1024;
