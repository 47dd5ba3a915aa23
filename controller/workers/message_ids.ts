/** The ids of messages to a worker. */

/** The first message id for messages other than jobs. Jobs use their dispatch ids, which count from 1. */
export const CONTROL_ID_FIRST = 2 ** 52;
